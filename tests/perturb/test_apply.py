from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.errors import DataError, ToolkitError
from toolkit.perturb import FIELDS, PERTURBATIONS, Lexicon, get_perturbation, make_lexicon, perturb, read_lexicon
from toolkit.perturb.apply import share
from toolkit.perturb.keyboards import LAYOUT_OF, neighbours
from toolkit.perturb.text import words
from toolkit.tasks import Rows, get_task
from toolkit.tasks.rows import HeldRows, PairRow, Row, SpanRow, TagsRow

MICRO = {
    "pair": "micro-nli", "span": "micro-qa", "choice": "micro-choice", "tags": "micro-pos", "bitext": "micro-bitext",
    "mining": "micro-mining", "retrieval": "micro-answers", "text": "micro-text",
}  # fmt: skip
N = 60


def _written(task: str, language: str, *rows: Row) -> Rows:
    return Rows(get_task(task), "dev", language, HeldRows("dev", "test", rows))


THAI = _written("xnli", "th", PairRow("1", "ผู้หญิงคนนั้นกินข้าวที่บ้าน", "เขาไม่อยู่บ้านวันนี้", 0))


def _rows(kind: str, language: str = "en", limit: int = N) -> Rows:
    split = "score" if kind in ("bitext", "mining", "retrieval") else "dev"
    return get_task(MICRO[kind]).rows(split, language, limit=limit)


def _lexicon(language: str) -> Lexicon:
    text = _rows("pair", language)
    found = {row.first[w.start : w.end] for row in text for w in words(row.first)}
    return make_lexicon(language, "en", [(word, word[::-1] + "x") for word in found], origin="test")


def _needs(name: str, kind: str, language: str) -> dict:
    made = PERTURBATIONS[name]
    if made.needs == "lexicon":
        return {"lexicons": [_lexicon(language)]}
    if made.needs == "partner":
        return {"partner": _rows(kind, "de")}
    return {}


def _cases() -> list[tuple[str, str, str]]:
    languages = get_task("micro-nli").languages
    return [
        (name, kind, language)
        for name, made in PERTURBATIONS.items()
        for kind in MICRO
        for language in languages
        if made.why_not(kind, language) is None and language in get_task(MICRO[kind]).languages
    ]


def _check_truth(before: Row, after: Row) -> None:
    """What a scorer relies on: label, answers, tags, ids."""
    assert before.id == after.id
    if isinstance(after, SpanRow):
        assert isinstance(before, SpanRow)
        assert [a.text for a in after.answers] == [a.text for a in before.answers]
        for answer in after.answers:
            assert after.context[answer.start : answer.start + len(answer.text)] == answer.text
    elif isinstance(after, TagsRow):
        assert len(after.tokens) == len(after.tags)
        assert all(token and not any(c.isspace() for c in token) for token in after.tokens)
    elif hasattr(before, "label"):
        assert before.label == after.label  # type: ignore[union-attr]
    if hasattr(before, "choices"):
        assert before.choices == after.choices  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", MICRO)
def test_labels_answers_and_tags_stay_right_under_every_perturbation_in_every_language(kind: str) -> None:
    for name, its_kind, language in _cases():
        if its_kind != kind:
            continue
        rows = _rows(kind, language, limit=6)
        extra = _needs(name, kind, language)
        if "partner" in extra:
            extra["partner"] = _rows(kind, "de", limit=6)
        for before, after in zip(rows, perturb(rows, name, strength=0.6, seed=3, **extra), strict=True):
            _check_truth(before, after)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_strength_zero_is_the_identity_and_seeds_reproduce(name: str) -> None:
    kind = PERTURBATIONS[name].kinds[0]
    language = {"romanise": "ru", "diacritics": "es"}.get(name, "en")
    rows, extra = _rows(kind, language), _needs(name, kind, language)
    assert list(perturb(rows, name, strength=0, seed=1, **extra)) == list(rows)
    one = perturb(rows, name, strength=0.5, seed=1, **extra)
    assert list(one) == list(perturb(rows, name, strength=0.5, seed=1, **extra))
    assert one.fingerprint == perturb(rows, name, strength=0.5, seed=1, **extra).fingerprint
    assert list(one) != list(rows)
    assert list(one) != list(perturb(rows, name, strength=0.5, seed=2, **extra))


@pytest.mark.parametrize("name", [n for n, p in PERTURBATIONS.items() if p.level == "character"])
def test_strength_is_the_mean_share_of_words_that_change(name: str) -> None:
    language = "ru" if name in ("romanise", "homoglyph") else "en"
    if name == "diacritics":
        pytest.skip("few words of the micro-world carry a diacritic; its share is that of the words that can change")
    rows = _rows("pair", language, limit=300)
    changed = total = 0
    for before, after in zip(rows, perturb(rows, name, strength=0.3, seed=0, fields=["first"]), strict=True):
        old, new = before.first, after.first
        total += len(words(old))
        if name in ("punctuation", "whitespace"):
            continue
        changed += sum(a != b for a, b in zip(old.split(), new.split(), strict=True))
    if name not in ("punctuation", "whitespace"):
        assert changed / total == pytest.approx(0.3, abs=0.03)


def test_what_a_weak_perturbation_changes_a_stronger_one_changes_too() -> None:
    rows = _rows("pair")
    weak, strong = (perturb(rows, "zero-width", strength=s, seed=0) for s in (0.2, 0.6))
    for base, a, b in zip(rows, weak, strong, strict=True):
        hit = [x != y for x, y in zip(base.first.split(), a.first.split(), strict=True)]
        also = [x != y for x, y in zip(base.first.split(), b.first.split(), strict=True)]
        assert all(later for early, later in zip(hit, also, strict=True) if early)


def test_neither_order_nor_number_of_the_rows_matters() -> None:
    rows = _rows("pair")
    whole = list(perturb(rows, "swap", strength=0.4, seed=0))
    assert list(perturb(rows[5:9], "swap", strength=0.4, seed=0)) == whole[5:9]
    assert list(perturb(rows[::-1], "swap", strength=0.4, seed=0)) == whole[::-1]


def test_the_share_has_the_right_mean_and_grows_with_strength() -> None:
    from random import Random

    assert sum(share(0.1, 4, Random(i)) for i in range(4000)) / 4000 == pytest.approx(0.4, abs=0.03)
    assert all(share(0.2, 7, Random(i)) <= share(0.5, 7, Random(i)) for i in range(200))
    assert share(1.0, 7, Random(0)) == 7


def test_a_mark_never_leaves_its_letter() -> None:
    for name in ("swap", "delete", "insert", "whitespace", "zero-width"):
        for rows in (_rows("pair", "hi"), THAI):
            for row in perturb(rows, name, strength=1, seed=0):
                for word in row.first.replace("\u200b", " ").split():
                    assert not unicodedata.category(word[0]).startswith("M"), (name, word)


def test_no_word_of_negation_is_dropped() -> None:
    rows = _rows("pair", "en", limit=300)
    kept = 0
    for before, after in zip(rows, perturb(rows, "word-drop", strength=1, seed=0), strict=True):
        for field in ("first", "second"):
            wanted = [
                w for w in getattr(before, field).lower().replace(".", " ").split() if w in ("no", "not", "never")
            ]
            assert [
                w for w in getattr(after, field).lower().replace(".", " ").split() if w in ("no", "not", "never")
            ] == wanted
            kept += len(wanted)
            assert words(getattr(after, field))
    assert kept


def test_an_entity_is_dropped_moved_and_repeated_whole() -> None:
    task = get_task("panx")
    tags = {label: i for i, label in enumerate(task.labels)}
    row = TagsRow(
        "1",
        ("Ana", "of", "New", "York", "City", "left"),
        tuple(tags[t] for t in ("B-PER", "O", "B-LOC", "I-LOC", "I-LOC", "O")),
    )
    rows = _written("panx", "en", *(replace(row, id=str(i)) for i in range(50)))
    for name in ("word-drop", "word-shuffle", "word-repeat"):
        for after in perturb(rows, name, strength=0.5, seed=0):
            found = [task.labels[t] for t in after.tags]
            for i, label in enumerate(found):
                if label == "I-LOC":
                    assert found[i - 1] in ("B-LOC", "I-LOC")
            assert found.count("I-LOC") == 2 * found.count("B-LOC")
            assert {t for t, label in zip(after.tokens, found, strict=True) if label == "B-LOC"} <= {"New"}


def test_a_distractor_holds_no_answer_and_leaves_the_context_before_it() -> None:
    rows = _rows("span", "en", limit=40)
    changed = 0
    for before, after in zip(rows, perturb(rows, "distractor", strength=1, seed=0), strict=True):
        assert after.context.startswith(before.context)
        added = after.context[len(before.context) :]
        changed += bool(added)
        assert not any(answer.text.casefold() in added.casefold() for answer in after.answers)
    assert changed > 30


def test_a_mixed_pair_has_its_second_sentence_in_the_other_language() -> None:
    rows, german = _rows("pair", "en"), _rows("pair", "de")
    mixed = perturb(rows, "language-mix", strength=1, seed=0, partner=german)
    assert [row.second for row in mixed] == [row.second for row in german]
    assert [row.first for row in mixed] == [row.first for row in rows]


def test_a_mixed_pair_is_found_by_its_id_and_stays_where_the_other_language_lacks_it() -> None:
    rows, german = _rows("pair", "en"), _rows("pair", "de")
    mixed = perturb(rows, "language-mix", strength=1, seed=0, partner=german[40:20:-1])
    for place, (before, after) in enumerate(zip(rows, mixed, strict=True)):
        assert after.second == (german[place].second if 20 < place <= 40 else before.second)


def test_only_the_asked_fields_change() -> None:
    rows = _rows("pair")
    changed = perturb(rows, "swap", strength=1, seed=0, fields=["second"])
    assert [row.first for row in changed] == [row.first for row in rows]
    assert [row.second for row in changed] != [row.second for row in rows]
    bitext = _rows("bitext", "de")
    assert [r.source for r in perturb(bitext, "swap", strength=1, seed=0, fields=["target"])] == [
        r.source for r in bitext
    ]
    mining = _rows("mining", "de", limit=200)
    for before, after in zip(mining, perturb(mining, "swap", strength=1, seed=0), strict=True):
        assert (before.text == after.text) == (before.side == "target")


def test_the_origin_says_what_was_done() -> None:
    rows = perturb(_rows("pair"), "swap", strength=0.1, seed=7)
    assert rows.origin.endswith("; swap 0.1 of first+second, seed 7")
    assert rows.is_generated
    assert rows.fingerprint != _rows("pair").fingerprint


def test_every_language_with_a_layout_has_neighbours_for_its_common_letters() -> None:
    for code, layout in LAYOUT_OF.items():
        beside = neighbours(layout)
        assert all(beside.values()), (code, [key for key, near in beside.items() if not near])
        for key, near in beside.items():
            assert all(key in beside[other] for other in near), (code, key)


def test_capitals_follow_the_language() -> None:
    from random import Random

    from toolkit.perturb.characters import Place, flip_case

    assert flip_case("iki", Place("", "tr", ""), Random(0)) == ("İKİ", "")
    assert flip_case("iki", Place("", "en", ""), Random(0)) == ("IKI", "")
    assert flip_case("IŞIK", Place("", "tr", ""), Random(0)) == ("ışık", "")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: perturb(_rows("pair"), "swop", strength=0.1, seed=0), "No perturbation named 'swop'. Did you mean 'swap'?"),
        (lambda: perturb(_rows("pair"), "swap", strength=1.5, seed=0), "Strength 1.5 is outside [0, 1]"),
        (lambda: perturb(_rows("pair"), "swap", strength=float("nan"), seed=0), "Strength nan is outside [0, 1]"),
        (lambda: perturb(_rows("pair", "zh"), "case", strength=0.1, seed=0), "Chinese is written in Han"),
        (lambda: perturb(THAI, "word-drop", strength=0.1, seed=0), "Thai script does not show where they end"),
        (lambda: perturb(_rows("pair", "zh"), "keyboard", strength=0.1, seed=0), "not for zh (Chinese)"),
        (lambda: perturb(_rows("pair"), "romanise", strength=0.1, seed=0), "English already is"),
        (lambda: perturb(_rows("pair"), "distractor", strength=0.1, seed=0), "defined for span tasks"),
        (lambda: perturb(_rows("tags"), "whitespace", strength=0.1, seed=0), "this one is tags"),
        (lambda: perturb(_rows("pair"), "code-switch", strength=0.1, seed=0), "needs a lexicon from en"),
        (lambda: perturb(_rows("pair"), "code-switch", strength=0.1, seed=0, lexicons=[_lexicon("de")]), "translates from de; the rows are in en"),
        (lambda: perturb(_rows("pair"), "language-mix", strength=0.1, seed=0), "name one with --mix-with"),
        (lambda: perturb(_rows("pair"), "language-mix", strength=1, seed=0, partner=_rows("pair", "de")[:0]), "no row has an id that the other language has too"),
        (lambda: perturb(_rows("pair"), "swap", strength=1, seed=0, fields=["third"]), "no text field 'third'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_in_one_sentence(call, sentence: str) -> None:
    with pytest.raises(ToolkitError) as raised:
        call()
    assert sentence in str(raised.value)


def test_a_lexicon_is_read_with_tabs_or_spaces(tmp_path: Path) -> None:
    path = tmp_path / "en-de.txt"
    path.write_text("\ufeffcat Katze\r\ncat Kater\r\nice cream\tEis\n\nDog\tHund\n", encoding="utf-8")
    lexicon = read_lexicon(path)
    assert (lexicon.source, lexicon.target) == ("en", "de")
    assert lexicon.translations("CAT") == ("Katze", "Kater")
    assert lexicon.translations("dog") == ("Hund",)
    assert lexicon.translations("bird") == ()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("en-de.txt", b"cat\n", "line 1: found 1 columns"),
        ("en-de.txt", b"a b c\n", "line 1: found 3 columns"),
        ("en-de.txt", b"cat\t\n", "found 1 columns"),
        ("en-de.txt", b"", "the lexicon is empty"),
        ("en-de.txt", b"\xff\xfe", "not UTF-8"),
        ("words.txt", b"cat Katze\n", "the name of a lexicon says two known languages"),
        ("en-qq.txt", b"cat Katze\n", "the name of a lexicon says two known languages"),
    ],
)
def test_a_bad_lexicon_is_refused_by_file_and_line(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_lexicon(tmp_path / name)
    assert sentence in str(raised.value)


def test_a_lexicon_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        read_lexicon(tmp_path / "en-fr.txt")


def test_a_default_field_is_a_field_of_its_row() -> None:
    for kind, names in FIELDS.items():
        row = _rows(kind, "de")[0]
        if kind != "mining":
            assert all(hasattr(row, name) for name in names)
    assert get_perturbation("swap").keeps_meaning
