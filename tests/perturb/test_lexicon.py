from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import DataError
from toolkit.perturb import make_lexicon, perturb, read_lexicons
from toolkit.perturb.attack import attack
from toolkit.perturb.attacked import AttackSettings
from toolkit.perturb.lexicon import pair_of, read_lexicon
from toolkit.tasks import PairRow, Rows, TagsRow, get_task
from toolkit.tasks.rows import HeldRows, Row


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_to_", "-").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def _rows(task: str, language: str, *rows: Row) -> Rows:
    return Rows(get_task(task), "dev", language, HeldRows("dev", "test", rows))


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("en-de.txt", ("en", "de")),
        ("en-de.0-5000.txt", ("en", "de")),
        ("yacle.train.freq.5k.en-hr.tsv", ("en", "hr")),
        ("tr-ko.test.2000.tsv", ("tr", "ko")),
        ("all.bg-ca.train.5000.cc.trans.tsv", ("bg", "ca")),
        ("eng-cmn.tsv", ("en", "zh")),
        ("en_de.txt", ("en", "de")),
        ("EN-DE.txt", ("en", "de")),
        ("Eng_Deu.0-5000.txt", ("en", "de")),
        ("en-zh_hans.txt", ("en", "zh")),
        ("zh_Hant-en.txt", ("zh-Hant", "en")),
        ("deu-iw.tsv", ("de", "he")),
        ("en-zh-CN.txt", ("en", "zh")),
        ("gn-quy.txt", ("gn", "quy")),
        ("pt-BR-en.txt", ("pt", "en")),
        ("words.txt", None),
        ("train_words.txt", None),
        ("read-me.txt", None),
    ],
)
def test_the_name_of_a_published_lexicon_says_its_languages(name: str, pair: tuple[str, str] | None) -> None:
    assert pair_of(Path(name)) == pair


def test_the_parts_of_one_pair_are_one_lexicon_and_folders_are_searched(tmp_path: Path) -> None:
    _write(
        tmp_path,
        en_to_de_dot_txt="cat Katze\ndog Hund\n",
        en_to_de_dot_0_to_1_dot_txt="cat Katze\n",
        sub__yacle_dot_en_to_fr_dot_tsv="cat\tchat\n",
        sub__README_dot_md="two-fold words. No lexicon.\n",
    )
    german, french = read_lexicons(tmp_path, "en")
    assert (german.source, german.target, german.origin) == ("en", "de", "en-de (2 files)")
    assert german.translations("cat") == ("Katze",) and german.translations("dog") == ("Hund",)
    assert french.translations("cat") == ("chat",)


def test_a_pair_that_only_exists_in_the_reverse_direction_is_inverted(tmp_path: Path) -> None:
    _write(tmp_path, en_to_de_dot_txt="cat Katze\ntomcat Kater\ncat Kater\n")
    (german,) = read_lexicons(tmp_path, "de")
    assert german.origin == "en-de.txt inverted" and german.source == "de"
    assert german.translations("kater") == ("cat", "tomcat")
    _write(tmp_path, de_to_en_dot_txt="Katze puss\n")
    (own,) = read_lexicons(tmp_path, "de")
    assert own.translations("Katze") == ("puss",) and own.translations("Kater") == ()


def test_a_folder_that_is_not_there_or_lacks_the_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="The folder of lexicons .* is not there"):
        read_lexicons(tmp_path / "none", "en")
    _write(tmp_path, en_to_de_dot_txt="cat Katze\n")
    with pytest.raises(DataError, match="has no lexicon from sw; expected files named sw-XX.txt"):
        read_lexicons(tmp_path, "sw")


def test_a_damaged_line_is_named_and_the_rest_is_used(tmp_path: Path) -> None:
    path = _write(tmp_path, en_to_de_dot_txt="cat\tKatze\nonlyone\n\ndog\tHund\textra\nsun\tSonne\n") / "en-de.txt"
    found = read_lexicon(path)
    assert found.entries == {"cat": ("Katze",), "sun": ("Sonne",)}
    assert [line.split(":")[0].rsplit(" ", 1)[1] for line in found.damaged] == ["2", "4"]
    assert found.origin == "en-de.txt without 2 damaged lines"
    (joined,) = read_lexicons(tmp_path, "en")
    assert joined.damaged == found.damaged and joined.origin == found.origin


def test_a_third_column_with_a_score_is_ignored(tmp_path: Path) -> None:
    path = _write(tmp_path, en_to_de_dot_txt="cat\tKatze\t0.93\ndog Hund 1e-3\nsun\tSonne\t0,5\n") / "en-de.txt"
    assert (
        read_lexicon(path).entries == {"cat": ("Katze",), "dog": ("Hund",), "sun": ("Sonne",)}
        and not read_lexicon(path).damaged
    )


def test_turkish_is_lowered_as_turkish() -> None:
    turkish = make_lexicon("tr", "en", [("Isparta", "Isparta city"), ("İzmir", "Smyrna")])
    assert set(turkish.entries) == {"ısparta", "izmir"}
    assert turkish.translations("İZMİR") == ("Smyrna",) and turkish.translations("ISPARTA") == ("Isparta city",)
    assert make_lexicon("en", "de", [("ICE", "Eis")]).translations("Ice") == ("Eis",)


def test_a_line_separator_within_a_word_does_not_end_the_line(tmp_path: Path) -> None:
    path = _write(tmp_path, en_to_de_dot_txt="a\u2028b\tc\ncat\tKatze\r\n") / "en-de.txt"
    assert set(read_lexicon(path).entries) == {"a\u2028b", "cat"}


def test_words_of_scripts_without_spaces_are_cut_by_the_lexicon() -> None:
    chinese = make_lexicon("zh", "en", [("图书馆", "library"), ("图书", "books"), ("去", "go")])
    (row,) = perturb(_rows("xnli", "zh", PairRow("1", "我们去图书馆。", "他不去。", 0)), "code-switch", strength=1, seed=0, lexicons=[chinese])  # fmt: skip
    assert (row.first, row.second) == ("我们golibrary。", "他不go。")
    thai = make_lexicon("th", "en", [("กินข้าว", "eat"), ("บ้าน", "home")])
    (row,) = perturb(_rows("xnli", "th", PairRow("1", "ผู้หญิงกินข้าวที่บ้าน", "บ้าน", 0)), "code-switch", strength=1, seed=0, lexicons=[thai])  # fmt: skip
    assert (row.first, row.second) == ("ผู้หญิงeatที่home", "home")


def test_a_whole_token_is_looked_up_before_a_part_of_it() -> None:
    chinese = make_lexicon("zh", "en", [("图书馆", "library"), ("图书", "books")])
    (row,) = perturb(_rows("udpos", "zh", TagsRow("1", ("图书馆", "图书"), (0, 1))), "code-switch", strength=1, seed=0, lexicons=[chinese])  # fmt: skip
    assert row.tokens == ("library", "books")


def test_an_attack_by_translation_takes_whole_words_of_chinese() -> None:
    import numpy as np

    chinese = make_lexicon("zh", "en", [("图书馆", "library")])
    rows = [PairRow("1", "我们去图书馆。", "他不去。", 0)]

    def answer(asked):
        kept = np.array([0.9 if "图书馆" in row.first else 0.1 for row in asked])
        return np.stack([kept, 1 - kept], 1)

    settings = AttackSettings(name="code-switch", lexicons=(chinese,))
    (found,) = attack(rows, answer, kind="pair", language="zh", settings=settings)
    assert found.is_turned and found.row.first == "我们去library。"


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("language", "least"), [("en", 0.3), ("de", 0.2), ("fr", 0.2), ("ru", 0.1), ("tr", 0.1), ("th", 0.05)]
)
def test_real_lexicons_translate_a_good_share_of_real_words(language: str, least: float, data_root: Path) -> None:
    folder = data_root.parent / "raw" / "lexicons"
    if not folder.is_dir():
        pytest.skip("no XLing-Eval and PanLex-BLI lexicons beside the mirror")
    held = read_lexicons(folder, language)
    rows = get_task("xnli").rows("score", language, data_root=data_root, limit=60)
    from toolkit.perturb.words import find

    asked = known = 0
    for before, after in zip(rows, perturb(rows, "code-switch", strength=1, seed=0, lexicons=held), strict=True):
        assert (before.id, before.label) == (after.id, after.label)
        for text in (before.first, before.second):
            found = [text[w.start : w.end] for w in find(text, held)]
            asked += len(found)
            known += sum(any(each.translations(word) for each in held) for word in found)
        assert (before.first != after.first) == any(
            each.translations(before.first[w.start : w.end]) for each in held for w in find(before.first, held)
        )
    assert known / asked > least


def test_files_are_read_once_as_long_as_they_stay_as_they_are(tmp_path) -> None:
    file = tmp_path / "en-de.txt"
    file.write_text("dog Hund\n", encoding="utf-8")
    first = read_lexicons(tmp_path, "en")
    assert read_lexicons(tmp_path, "en") is first
    file.write_text("cat Katze\n", encoding="utf-8")
    assert read_lexicons(tmp_path, "en")[0].translations("cat") == ("Katze",)
