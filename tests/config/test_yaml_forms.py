"""Forms of pages: what is read without a parser is what the parser reads, and what it would refuse is left to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from toolkit.config.safe_yaml import YamlFault, build, compose
from toolkit.config.yaml_forms import read_known

WORDS = [
    "mnli",
    "1",
    "0",
    "-3",
    "1.5",
    "1.0e-05",
    "null",
    "~",
    "yes",
    "No",
    "on",
    "true",
    "0x1F",
    "017",
    "1_000",
    "2024-02-30",
    "12e03",
    ".5",
    "-.inf",
    "é",
    "на",
    "a b",
    "MIT AND CC",
    "seq[a]",
    "x-y",
    "a/b@c",
    "'q'",
    "'a b'",
    "'1'",
    "''",
    "'a: b'",
    "'a",
    "b'",
    "'[x]'",
    "'-'",
    "'null'",
    "'x\n  y'",
    "'\n  y'",
    "a:b",
    "a#b",
    "a #b",
    "&x",
    "*x",
    "!!int",
    "!!str 1",
    '"d"',
    "|",
    ">",
    "?",
    "-",
    "=",
    "<<",
    "%",
    "@x",
    "`",
    "a'",
    "'b",
]
MARKS = [
    ": ",
    ", ",
    "\n",
    "\n  ",
    "\n- ",
    "\n  - ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ":",
    " ",
    "  ",
    "'",
    "#",
    " #",
    "\t",
    "---\n",
    "...\n",
    "\r",
    "\0",
]
PAGES = (
    "format: 1\nname: seq[mnli,squad]\nbackbone: {name: tiny, digest: abab, layers: 2}\ntasks: [a, b]\n",
    "heads:\n  mnli:\n    kind: pair\n    labels: [entailment, 'no']\nrecipe:\n  adapter: {kind: seq_bn, dropout: 0.0}\n  steps: 4\n",
    "parents: []\nscores:\n- {task: mnli, language: 'no', value: 0.25,\n  n: 3}\n- {task: x, language: en, value: 1.0}\nend: x\n",
    "licence: MIT AND\n  CC-BY-4.0\nseen:\n- {origin: 'generated: v1,\n    seed 0', rows: 3}\nlists:\n- [a, b]\n- name: x\n  labels: [y]\n",
)


def _parsed(text: str) -> Any:
    node = compose(text)
    return None if node is None else build(node)


def _values(draw: random.Random, depth: int = 0) -> Any:
    """Return random values, as a card could hold them."""
    kind = draw.randrange(3 if depth < 3 else 1)
    if kind == 1:
        return [_values(draw, depth + 1) for _ in range(draw.randrange(4))]
    if kind == 2:
        return {
            draw.choice(["a", "b-c", "d.e", "no", "1", "x y"]): _values(draw, depth + 1)
            for _ in range(draw.randrange(4))
        }
    text = "".join(draw.choices("abc xyz-0123456789.é:,'[]{}#&*\n", k=draw.randrange(12)))
    plain = [
        draw.random(),
        draw.randrange(-99, 99),
        None,
        True,
        "mnli",
        "no",
        1e-05,
        "MIT AND CC",
        "a: b, c",
        "2024-02-30",
    ]
    return draw.choice([text, text * 30] if draw.random() < 0.1 else plain)


def _changed(draw: random.Random, page: str) -> str:
    """Return a page with some pieces put in, left out or replaced."""
    for _ in range(draw.randrange(1, 4)):
        a = draw.randrange(len(page) + 1)
        b = min(len(page), a + draw.choice([0, 0, 1, 2, 5, 9]))
        page = page[:a] + draw.choice([*WORDS, *MARKS, ""]) + page[b:]
    return page


def _filled(draw: random.Random) -> str:
    """Return a page of random words in a random order of marks."""
    lines = []
    for _ in range(draw.randrange(1, 4)):
        body = "".join(
            draw.choice([*WORDS, draw.choice(MARKS)]) + draw.choice([": ", ", ", "", "\n  "])
            for _ in range(draw.randrange(4))
        )
        lines.append(
            draw.choice(["a: ", "b:\n  c: ", "d: [", "e: {f: ", "g:\n- ", "- "]) + body + draw.choice(["", "]", "}"])
        )
    return "\n".join(lines) + "\n"


def pages(seed: int, number: int) -> Iterator[str]:
    draw = random.Random(seed)
    for _ in range(number):
        values = {draw.choice("abcdefgh"): _values(draw) for _ in range(draw.randrange(1, 6))}
        page = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
        yield page
        yield _changed(draw, page)
        yield _changed(draw, draw.choice(PAGES))
        yield _filled(draw)


def test_random_pages_are_read_as_the_parser_reads_them() -> None:
    known = 0
    for page in pages(0, 60):
        found = read_known(page)
        if found is not None:
            known += 1
            assert repr(found) == repr(_parsed(page)), page
    assert known > 30


@pytest.mark.parametrize("page", PAGES)
def test_pages_of_our_own_need_no_parser(page: str) -> None:
    assert read_known(page) == _parsed(page)


@pytest.mark.parametrize(
    "page",
    [
        "a: &x 1\nb: *x\n",
        "a: 1\na: 2\n",
        "a: {b: 1, b: 2}\n",
        "a: {1: 2}\n",
        "yes: 1\n",
        "yes:\n- 1\n",
        "<<: {a: 1}\n",
        "a: !!int 3\n",
        "a: 1\n---\nb: 2\n",
        "{a: 1}\nb: 2\n",
        "a: [\n",
        "a:\n",
        "a:\nb: 1\n",
        "- a\n",
        "a: 1\n- b\n",
        "a: '\n",
        "a: \x1b\n",
        "a: 1\n\tb: 2\n",
        "a: " + "1" * 900 + "1" * 5000 + "\n",
        "k" * 2000 + ": 1\n",
        "a: {" + "k" * 2000 + ": 1}\n",
        "a: " + "[" * 30 + "x" + "]" * 30 + "\n",
        "a: {'b\n  c': 1}\n",
        "",
        "\n",
        "# a comment\n",
        "a: 1 # a comment\n",
        "a: 1",
    ],
)
def test_what_is_unusual_is_left_to_the_parser(page: str) -> None:
    for known in PAGES:
        read_known(known)
    assert read_known("a: {'b c': 1}\nd: {e: 1}\n") is not None  # the same form as hostile ones
    assert read_known(page) is None


def test_a_page_that_the_parser_refuses_is_never_read() -> None:
    for page in pages(1, 60):
        try:
            _parsed(page)
        except YamlFault:
            assert read_known(page) is None, page


def test_values_of_two_readings_are_apart() -> None:
    one, two = read_known("a: {b: [x]}\n"), read_known("a: {b: [x]}\n")
    assert one is not None and two is not None
    one["a"]["b"].append("y")
    assert two == {"a": {"b": ["x"]}}
