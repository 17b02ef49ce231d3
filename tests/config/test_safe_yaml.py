"""YAML from strangers: limits hold before anything is built."""

from __future__ import annotations

import time

import pytest
import yaml

from toolkit.config.safe_yaml import YamlFault, build, compose


def read(text: str) -> object:
    node = compose(text)
    return None if node is None else build(node)


def test_plain_values_come_out_as_the_safe_loader_builds_them() -> None:
    text = "a: 1\nb: [1.5, true, null, 'no', '1e-4', x]\nc: {d: '', e: -3}\n"
    assert read(text) == yaml.safe_load(text)


def test_a_date_stays_text() -> None:
    assert read("when: 2024-13-45") == {"when": "2024-13-45"}


def test_nothing_is_no_value() -> None:
    assert read("") is None
    assert read("# a comment") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!!python/object/apply:os.system ['true']", "tag"),
        ("!!binary aGFsbG8=", "tag"),
        ("!!set {a, b}", "tag"),
        ("a: !own 3", "tag"),
        ("<<: {a: 1}", "key that is not text"),
        ("1: a", "key that is not text"),
        ("? [a]\n: 1", "key that is not text"),
        ("a: 1\na: 2", "twice"),
        ("&a [*a]", "alias"),
        ("!!int x", "cannot be read"),
        ("!!float x", "cannot be read"),
        ("a: " + "1" * 10_000, "cannot be read"),
        ("!!map [1]", "tag"),
        ("!!seq {a: 1}", "tag"),
        ("!!str [1]", "tag"),
        ("!!int {a: 1}", "tag"),
        ("a: \x00", "not valid YAML"),
        ("[" * 1_000_000, "nested more than 24 deep"),
        ("{a: " * 1_000_000, "nested more than 24 deep"),
        ("- " * 1_000_000, "nested more than 24 deep"),
        ("[" + "0," * 300_000 + "]", "more than 200000 values"),
    ],
)
def test_what_is_not_plain_is_refused(text: str, expected: str) -> None:
    start = time.process_time()
    with pytest.raises(YamlFault, match=expected):
        read(text)
    assert time.process_time() - start < 20


def test_a_fault_names_its_line() -> None:
    with pytest.raises(YamlFault) as caught:
        read("a: 1\nb: 2\na: 3\n")
    assert caught.value.line == 3
