"""Malformed inputs of each kind, as a training or a retrieval meets them: one sentence with file, row and what was expected.

After the sentence the working folder holds what it held before: no entry in the zoo, no checkpoint, no score.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.errors import ToolkitError

DECLARED = {
    "pair": "labels: ['no', 'yes']\ncolumns: {first: a, second: b, label: gold}\n",
    "choice": "columns: {question: q, choices: [x, y], label: gold}\n",
    "span": "columns: {question: q, context: c, texts: answer, starts: at}\n",
    "tags": "metric: accuracy\nlabels: [N, V]\ncolumns: {tokens: words, tags: tags}\n",
    "bitext": "languages: [de]\ncolumns: {source: de, target: en}\n",
}
GOOD: dict[str, dict[str, Any]] = {
    "pair": {"a": "It rains.", "b": "Wet.", "gold": "yes"},
    "choice": {"q": "Why?", "x": "rain", "y": "sun", "gold": 1},
    "span": {"q": "When?", "c": "In May.", "answer": ["May"], "at": [3]},
    "tags": {"words": ["He", "sings"], "tags": ["N", "V"]},
    "bitext": {"de": "Es regnet.", "en": "It rains."},
}


def declare(folder: Path, kind: str, format: str = "jsonl") -> None:
    names = ("score",) if kind == "bitext" else ("train", "dev")
    files = ", ".join(f"{name}: rows.{format}" for name in names)
    (folder / "mine.yaml").write_text(f"name: mine\nkind: {kind}\nfiles: {{{files}}}\n{DECLARED[kind]}")


def made_in(folder: Path) -> set[Path]:
    """Return the files in a folder, but for the empty ones that processes lock."""
    return {
        file for file in folder.rglob("*") if file.is_file() and not (file.name == ".lock" and not file.stat().st_size)
    }


def refusal(folder: Path, kind: str, content: bytes, format: str = "jsonl") -> str:
    """Return the sentence that a journey over these rows ends with, and see that nothing was written."""
    (folder / f"rows.{format}").write_bytes(content)
    declare(folder, kind, format)
    before = made_in(folder)
    config = tiny_config(folder, f"task_files={folder / 'mine.yaml'}")
    journey = partial(toolkit.retrieve, task="mine") if kind == "bitext" else toolkit.train
    with pytest.raises(ToolkitError) as caught:
        journey("backbone" if kind == "bitext" else "mine", config)
    assert made_in(folder) == before
    return str(caught.value)


def lines(kind: str, *changed: dict[str, Any]) -> bytes:
    """Two good rows, and then rows of the changed values."""
    rows = [GOOD[kind], GOOD[kind], *({**GOOD[kind], **each} for each in changed)]
    return "".join(json.dumps({k: v for k, v in row.items() if v != "GONE"}) + "\n" for row in rows).encode()


LONG = "x" * 100_000
ROWS: dict[str, list[tuple[dict[str, Any], str]]] = {
    "pair": [
        ({"gold": "maybe"}, r"label 'maybe'; expected 0 to 1 \(no, yes\)"),
        ({"gold": LONG}, "label 'xxx"),
        ({"gold": ""}, "label ''; expected 0 to 1"),
        ({"gold": "7"}, "label '7'; expected 0 to 1"),
        ({"gold": None}, "label None; expected 0 to 1"),
        ({"a": ""}, "an empty text as first; expected text"),
        ({"a": " \t "}, "an empty text as first; expected text"),
        ({"b": None}, "None as second; expected text"),
        ({"b": "GONE"}, "None as second; expected text"),
        ({"a": 3}, "'a' is int; expected str, as in the lines before it"),
        ({"a": ["x"]}, "'a' is list; expected str, as in the lines before it"),
        ({"a": "\ud800"}, "half a surrogate pair; expected whole characters"),
    ],
    "choice": [
        ({"gold": 2}, "label 2; expected 0 to 1"),
        ({"gold": -1}, "label -1; expected 0 to 1"),
        ({"gold": None}, "label None; expected 0 to 1"),
        ({"gold": "GONE"}, "label None; expected 0 to 1"),
        ({"gold": "b"}, "'gold' is str; expected int, as in the lines before it"),
        ({"gold": True}, "'gold' is bool; expected int"),
        ({"gold": 0.5}, "'gold' is 0.5; expected whole numbers, as in other lines"),
        ({"gold": 2**70}, "a number beyond 64 bits; expected a smaller one"),
        ({"x": ""}, "an empty choice; expected text in every choice"),
        ({"y": "   "}, "an empty choice; expected text in every choice"),
        ({"y": None}, "as choices; expected a list of texts"),
        ({"q": 5}, "'q' is int; expected str"),
        ({"q": None}, "None as question; expected text"),
    ],
    "span": [
        ({"answer": ["June"]}, "answer 'June' is not at offset 3; expected it there, not 'May.'"),
        ({"at": [4]}, "answer 'May' is not at offset 4"),
        ({"at": [99]}, "answer 'May' is not at offset 99; expected it there, not ''"),
        ({"at": [-1]}, "offset -1; expected a character offset from 0"),
        ({"at": [3, 3]}, "1 answer texts and 2 offsets; expected as many offsets as texts"),
        ({"at": []}, "1 answer texts and 0 offsets"),
        ({"at": None}, "1 answer texts and 0 offsets"),
        ({"answer": [], "at": []}, "no answer; expected at least one answer"),
        ({"answer": [""], "at": [3]}, "an empty answer; expected a piece of the context"),
        ({"answer": None}, "as texts; expected a list of texts"),
        ({"at": ["3"]}, "expected the same inside lists"),
        ({"at": [3.5]}, r"'at' is \[3\.5\]; expected whole numbers, as in other lines"),
        ({"c": ""}, "an empty text as context; expected text"),
        ({"q": None}, "None as question; expected text"),
        ({"c": "Cafe\u0301 May.", "answer": ["Caf\u00e9"], "at": [0]}, "is not at offset 0"),
    ],
    "tags": [
        ({"tags": ["N"]}, "2 tokens and 1 tags; expected as many tags as tokens"),
        ({"tags": ["N", "V", "V"]}, "2 tokens and 3 tags"),
        ({"tags": []}, "2 tokens and 0 tags"),
        ({"tags": None}, "2 tokens and 0 tags"),
        ({"tags": ["N", "X"]}, r"label 'X'; expected 0 to 1 \(N, V\)"),
        ({"tags": ["N", ""]}, "label ''; expected 0 to 1"),
        ({"tags": ["N", None]}, "label None; expected 0 to 1"),
        ({"words": [], "tags": []}, "no tokens; expected at least one"),
        ({"words": ["He", ""]}, "an empty token; expected text in every token"),
        ({"words": ["He", None]}, "as tokens; expected a list of texts"),
        ({"words": None}, "as tokens; expected a list of texts"),
        ({"words": "He sings"}, "'words' is str; expected list, as in the lines before it"),
        ({"words": [1, 2]}, "expected the same inside lists"),
    ],
    "bitext": [
        ({"de": ""}, "an empty text as source; expected text"),
        ({"de": "\u3000"}, "an empty text as source; expected text"),
        ({"en": ""}, "an empty text as target; expected text"),
        ({"en": None}, "None as target; expected text"),
        ({"en": "GONE"}, "None as target; expected text"),
        ({"de": None}, "None as source; expected text"),
        ({"de": 4}, "'de' is int; expected str"),
        ({"de": ["x"]}, "'de' is list; expected str"),
        ({"en": {"text": "x"}}, "'en' is dict; expected str"),
        ({"en": True}, "'en' is bool; expected str"),
        ({"de": "\udfff"}, "half a surrogate pair; expected whole characters"),
    ],
}


@pytest.mark.parametrize(("kind", "changed", "said"), [(kind, *case) for kind, cases in ROWS.items() for case in cases])
def test_a_faulty_row_ends_the_journey_with_its_file_and_line(
    folder: Path, kind: str, changed: dict[str, Any], said: str
) -> None:
    sentence = refusal(folder, kind, lines(kind, changed))
    assert re.search(rf"rows\.jsonl, line 3: .*({said})", sentence), sentence[:300]
    assert "expected" in sentence and "\n" not in sentence and len(sentence) < 600


@pytest.mark.parametrize("kind", DECLARED)
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no rows", r"rows\.jsonl has no rows; expected at least one"),
        ("a renamed column", r"rows\.jsonl has no column '\w+' \(it has .*renamed.*\); task 'mine' expected it"),
        ("latin-1", r"rows\.jsonl, line 3: byte 0xe9 is not UTF-8; expected UTF-8 text"),
        ("utf-16", r"rows\.jsonl, line 1: byte 0xff is not UTF-8; expected UTF-8 text"),
        ("cut off", r"rows\.jsonl, line 3: no JSON .*; expected one object a line"),
        ("a list", r"rows\.jsonl, line 3: list; expected one object a line"),
        ("a page of HTML", r"rows\.jsonl, line 1: no JSON"),
    ],
)
def test_a_faulty_file_ends_the_journey_with_its_name(folder: Path, kind: str, what: str, said: str) -> None:
    good = lines(kind)
    first = next(iter(GOOD[kind])).encode()
    content = {
        "no rows": b"\n\n",
        "a renamed column": good.replace(b'"%s":' % first, b'"renamed":'),
        "latin-1": good + b'{"x": "caf\xe9"}\n',
        "utf-16": good.decode().encode("utf-16"),
        "cut off": good + good[:20],
        "a list": good + b"[1, 2]\n",
        "a page of HTML": b"<html><body>404</body></html>\n",
    }[what]
    sentence = refusal(folder, kind, content)
    assert re.search(said, sentence), sentence[:300]
    assert "\n" not in sentence


@pytest.mark.parametrize("kind", DECLARED)
def test_a_mark_windows_line_ends_and_a_long_line_are_no_faults(folder: Path, kind: str) -> None:
    field = next(name for name, value in GOOD[kind].items() if isinstance(value, str | list))
    value = GOOD[kind][field]
    long = {field: f"{LONG} {value}" if isinstance(value, str) else [LONG, *value[1:]]}
    content = b"\xef\xbb\xbf" + lines(kind, long, *[{}] * 8).replace(b"\n", b"\r\n")
    (folder / "rows.jsonl").write_bytes(content)
    declare(folder, kind)
    config = tiny_config(folder, f"task_files={folder / 'mine.yaml'}")
    if kind == "bitext":
        assert toolkit.retrieve("backbone", config, task="mine").scores[0].n == 11
    else:
        (card,) = toolkit.train("mine", config)
        assert card.data_seen[0].rows == 11


# -- mining -----------------------------------------------------------------------------------------------------------


SOURCE = "s1\tEs regnet.\ns2\tEr singt.\ns3\tNeu.\n"
TARGET = "t1\tIt rains.\nt2\tHe sings.\nt3\tOld.\n"
GOLD = "s1\tt1\n"


@pytest.mark.parametrize(
    ("end", "content", "said"),
    [
        ("gold", "s9\tt1\n", r"line 1: the id 's9' is not in de-en\.dev\.de; expected one of its ids"),
        ("gold", "s1\tt9\n", r"line 1: the id 't9' is not in de-en\.dev\.en; expected one of its ids"),
        ("gold", "t1\ts1\n", r"line 1: the id 't1' is not in de-en\.dev\.de"),
        ("gold", "s1\tt1\ns1\tt1\n", r"line 2: the pair s1, t1 is there already; expected each once"),
        ("gold", "s1 t1\n", r"line 1: found 's1 t1'; expected `id<TAB>id`"),
        ("gold", "s1\tt1\tx\n", r"line 1: found .*; expected `id<TAB>id`"),
        ("gold", "", r"dev\.gold is empty; expected a sentence a line"),
        ("de", "s1\tEs regnet.\ns1\tDoppelt.\n", r"line 2: the id 's1' is there already; expected each once"),
        ("de", "s1\tEs regnet.\ns2\t\n", r"line 2: found 's2.*'; expected `id<TAB>text`, neither of them empty"),
        ("de", "s1\tEs regnet.\n\tohne\n", r"line 2: found .*; expected `id<TAB>text`"),
        ("de", "s1\tEs regnet.\nohne\n", r"line 2: found 'ohne'; expected `id<TAB>text`"),
        ("de", "", r"dev\.de is empty; expected a sentence a line"),
        ("en", b"t1\tIt rains.\nt2\tcaf\xe9\n", r"line 2 is not UTF-8; expected UTF-8"),
        ("en", "t1\tIt rains.\n", None),  # three lines against one: no fault
        ("de", "s1\tEs regnet.\n", None),
    ],
)
def test_faulty_corpora_end_the_journey_with_file_and_line(
    folder: Path, end: str, content: str | bytes, said: str | None
) -> None:
    for name, text in (("de", SOURCE), ("en", TARGET), ("gold", GOLD)):
        (folder / f"de-en.dev.{name}").write_text(text, encoding="utf-8")
    data = content if isinstance(content, bytes) else content.encode()
    (folder / f"de-en.dev.{end}").write_bytes(data)
    before = made_in(folder)
    config = tiny_config(folder, f"data_root={folder}")
    if said is None:
        assert toolkit.retrieve("backbone", config, task="bucc", languages="de").scores
        return
    with pytest.raises(ToolkitError, match=rf"de-en\.dev\.{end}.*{said}|{said}") as caught:
        toolkit.retrieve("backbone", config, task="bucc", languages="de")
    assert f"de-en.dev.{end}" in str(caught.value) and "\n" not in str(caught.value)
    assert made_in(folder) == before
