"""A card is a sealed page: it reads back to itself, or it is refused in a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.zoo.cards import TINY, card
from toolkit.errors import ZooError
from toolkit.zoo import AdapterCard, CardFile, Head, digest_of
from toolkit.zoo.fields import check_file_name


def stored(**other: Any) -> AdapterCard:
    held = card(**other, files={"adapter.safetensors": CardFile("0" * 64, 9, 2)})
    return replace(held, digest=digest_of(held))


def sealed(text: str) -> str:
    from toolkit.zoo.sealed import _seal

    body = text if text.endswith("\n") else text + "\n"
    return f"{body}seal: {_seal(body)}\n"


def test_a_card_survives_its_text() -> None:
    assert AdapterCard.from_text(stored().to_text()).to_dict() == stored().to_dict()


@pytest.mark.parametrize(
    "licence", ["no", "1e-4", "null", "2024-01-01", "a: b # c", "żółć 中文 🎉", "line\nline", "''", ": -", "\u2028"]
)
def test_any_text_comes_back_as_it_was(licence: str) -> None:
    assert AdapterCard.from_text(stored(licence=licence).to_text()).licence == licence


def test_numbers_of_numpy_and_paths_become_plain() -> None:
    recipe = {"lr": np.float64(1e-5), "seed": np.int64(3), "zoo": Path("a/b"), "eps": np.float32(0.5)}
    found = AdapterCard.from_text(stored(recipe=recipe).to_text()).recipe
    assert found == {"lr": 1e-5, "seed": 3, "zoo": "a/b", "eps": 0.5}


def test_the_same_list_twice_is_written_out_and_not_as_an_alias() -> None:
    head = Head("pair", ("a", "b"))
    text = stored(heads={"x": head, "y": head}).to_text()
    assert AdapterCard.from_text(text).heads["y"] == head


def test_every_cut_of_a_card_is_refused() -> None:
    text = stored().to_text()
    for length in range(0, len(text), 7):
        with pytest.raises(ZooError):
            AdapterCard.from_text(text[:length])
    with pytest.raises(ZooError):
        AdapterCard.from_text(text[:-1])


def test_every_changed_character_of_a_card_is_refused() -> None:
    text = stored().to_text()
    for place in range(len(text)):
        changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        with pytest.raises(ZooError):
            AdapterCard.from_text(changed)


def test_a_change_by_hand_is_told_from_a_cut() -> None:
    text = stored().to_text()
    with pytest.raises(ZooError, match="was changed after it was written"):
        AdapterCard.from_text(text.replace("0.30000000000000004", "0.9"))
    with pytest.raises(ZooError, match="is cut short"):
        AdapterCard.from_text(text[: len(text) // 2].rpartition("\n")[0] + "\n")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("name", "mnli / squad", "canonical form"),
        ("name", "../../etc", "canonical form"),
        ("name", 3, "a composition"),
        ("backbone", {"name": "tiny"}, "name, digest, hidden_size and layers"),
        ("backbone", {**TINY.to_dict(), "digest": "../../../x"}, "name, digest, hidden_size and layers"),
        ("kind", "lora", "'seq_bn' or 'seq_bn_inv' or 'full'"),
        ("tasks", [1], "a list of task names"),
        ("heads", {"mnli": {"kind": "pair"}}, "kind and labels per head"),
        ("parents", [{"name": "mnli"}], "a list of name and digest"),
        ("parents", [{"name": "../x", "digest": "0" * 64}], "a list of name and digest"),
        ("scores", [{"task": "mnli"}], "a list of scores"),
        ("scores", [{"task": "mnli", "language": "en", "metric": "accuracy", "value": 64.0}], "a list of scores"),
        ("heads", {"mnli": {"kind": "pair", "labels": [], "temperature": "hot"}}, "kind and labels per head"),
        ("data_seen", [3], "a list of sources"),
        ("data_seen", [{"task": "mnli", "rows": "many"}], "a list of sources"),
        ("data_seen", [{"task": "mnli", "language": ["en"]}], "a list of sources"),
        ("data_seen", [{"task": "mnli", "is_generated": 1}], "a list of sources"),
        (
            "scores",
            [{"task": "mnli", "language": "en", "metric": "accuracy", "value": 0.5, "n": 1.5}],
            "a list of scores",
        ),
        ("versions", {"torch": 2.13}, "a mapping of texts"),
        ("seconds", "long", "a number"),
        ("files", {}, "at least one"),
        ("files", {"adapter.safetensors": {"sha256": "zz", "bytes": 1, "tensors": 1}}, "sha256, bytes and tensors"),
        ("files", {"../x.safetensors": {"sha256": "0" * 64, "bytes": 1, "tensors": 1}}, "is refused"),
        ("digest", "0" * 64, "does not agree with its own digest"),
        ("format", 2, "format '2', this release reads 1"),
        ("licence", "\x1b[2Jgone", "control characters"),
    ],
)
def test_a_wrong_field_is_refused_with_what_was_expected(field: str, value: Any, expected: str) -> None:
    values = stored().to_dict()
    values[field] = value
    with pytest.raises(ZooError, match=expected) as caught:
        AdapterCard.from_dict(values)
    assert "\x1b" not in str(caught.value)


def test_a_missing_and_an_unknown_field_are_refused() -> None:
    values = stored().to_dict()
    with pytest.raises(ZooError, match=r"unknown field 'licens'\. Did you mean 'licence'\?"):
        AdapterCard.from_dict({**values, "licens": "MIT"})
    values.pop("parents")
    with pytest.raises(ZooError, match="lacks the field 'parents'"):
        AdapterCard.from_dict(values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "- a",
        "[" * 1_000_000,
        "a: " * 500_000,
        "!!python/object/apply:os.system ['true']",
        "name: &a [1]\nkind: *a",
        "name: mnli\nname: squad",
        "name: 2024-99-99\nx: !!binary '?'",
        'a: "\\e[2J"',
    ],
)
@pytest.mark.parametrize("with_seal", [False, True])
def test_hostile_yaml_is_refused_in_a_sentence(text: str, with_seal: bool) -> None:
    with pytest.raises(ZooError) as caught:
        AdapterCard.from_text(sealed(text) if with_seal else text)
    assert len(str(caught.value)) < 400
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "../adapter.safetensors",
        "a/b.safetensors",
        "/etc/x.safetensors",
        "..safetensors",
        "x..safetensors",
        ".hidden.safetensors",
        "a\\b.safetensors",
        "adapter.bin",
        "adapter.safetensors\n",
        "adapter.safetensors\0",
        "a" * 300 + ".safetensors",
        "-rf.safetensors",
        "card.yaml",
        "C:x.safetensors",
        "ａdapter.safetensors",
        "",
    ],
)
def test_a_hostile_file_name_is_refused(name: str) -> None:
    with pytest.raises(ZooError, match="is refused"):
        check_file_name(name)


@pytest.mark.parametrize("name", ["adapter", "fusion", "backbone", "head.mnli", "head.tydiqa~sw", "head.micro-nli"])
def test_a_plain_file_name_passes(name: str) -> None:
    check_file_name(f"{name}.safetensors")


def test_the_digest_tells_compositions_backbones_and_weights_apart_and_nothing_else() -> None:
    one = stored()
    other_file = {"adapter.safetensors": CardFile("1" * 64, 9, 2)}
    other_place = {"fusion.safetensors": one.files["adapter.safetensors"]}
    others = [
        replace(one, name="squad"),
        replace(one, backbone=replace(TINY, digest="cd" * 32)),
        replace(one, files=other_file),
        replace(one, files=other_place),
    ]
    assert len({digest_of(held) for held in [one, *others]}) == 5
    assert digest_of(replace(one, licence="other", seconds=1.0, scores=())) == one.digest
