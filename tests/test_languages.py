from __future__ import annotations

import pytest

from toolkit.errors import ConfigError
from toolkit.languages import (
    LANGUAGES,
    cc100_gib,
    codes,
    find_language,
    from_iso3,
    from_ud_name,
    get_language,
    low_resource,
)

XTREME = codes("af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr ur vi yo zh")  # fmt: skip
XTREME_R = codes("az gu ht lt pa pl qu ro uk wo")
TATOEBA = "afr ara bul ben deu ell spa est eus pes fin fra heb hin hun ind ita jpn jav kat kaz kor mal mar nld por rus swh tam tel tha tgl tur urd vie cmn"  # fmt: skip


def test_the_forty_languages_of_xtreme_and_the_ten_new_ones_of_xtreme_r_are_known() -> None:
    assert len(set(XTREME)) == 40
    assert len({*XTREME, *XTREME_R}) == 50


def test_every_code_and_name_stands_for_one_language_only() -> None:
    known = [code for each in LANGUAGES.values() for code in (each.code, each.iso3, *each.other_codes)]
    assert len(known) == len(set(known))
    assert len({each.name for each in LANGUAGES.values()}) == len(LANGUAGES)


def test_codes_have_the_length_their_standard_gives_them() -> None:
    for language in LANGUAGES.values():
        assert len(language.code) == 2
        assert all(len(code) == 3 for code in (language.iso3, *language.other_codes))


def test_tatoebas_36_codes_lead_to_36_languages_and_back() -> None:
    found = [from_iso3(code) for code in TATOEBA.split()]
    assert len({each.code for each in found}) == 36
    assert [each.iso3 for each in found] == TATOEBA.split()


@pytest.mark.parametrize(
    ("code", "expected"), [("zho", "zh"), ("arb", "ar"), ("swa", "sw"), ("fas", "fa"), ("fil", "tl")]
)
def test_macrolanguages_and_their_members_are_the_same_language(code: str, expected: str) -> None:
    assert from_iso3(code).code == expected


def test_the_names_of_universal_dependencies_lead_back_to_their_language() -> None:
    assert all(from_ud_name(each.ud_name) is each for each in LANGUAGES.values())
    assert from_ud_name("Haitian_Creole").code == "ht"


def test_either_code_finds_a_language() -> None:
    assert find_language("cmn") is find_language("zh") is get_language("zh")


@pytest.mark.parametrize("wrong", ["deu", "German", "german"])
def test_a_longer_code_or_a_name_is_answered_with_the_code_to_write(wrong: str) -> None:
    with pytest.raises(ConfigError, match="write 'de' for German"):
        get_language(wrong)


@pytest.mark.parametrize("wrong", ["xx", "", "de.", "DE", "../de"])
def test_an_unknown_code_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="No language named"):
        find_language(wrong)


def test_script_and_family_come_from_small_closed_lists() -> None:
    scripts = {each.script for each in LANGUAGES.values()}
    assert {"Latin", "Cyrillic", "Arabic", "Devanagari", "Han", "Greek", "Japanese", "Hangul", "Thai"} <= scripts
    families = {each.family for each in LANGUAGES.values()}
    assert not families & scripts
    assert LANGUAGES["eu"].family == "Isolate"
    assert LANGUAGES["hu"].family == LANGUAGES["fi"].family == "Uralic"


def test_every_language_has_its_size_in_cc100_and_low_resource_ones_are_below_the_line() -> None:
    sizes = {code: cc100_gib(code) for code in LANGUAGES}
    assert {code for code, size in sizes.items() if size == 0} == {"ht", "ig", "mt", "qu", "rw", "tg", "wo", "yo", "zu"}
    assert sorted(low_resource(LANGUAGES)) == sorted(code for code, size in sizes.items() if size < 3)
    assert low_resource(["tl", "mr", "sw.en", "en.sw", "xx"]) == ("mr", "sw.en")
