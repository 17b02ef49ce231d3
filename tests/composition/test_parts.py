from __future__ import annotations

import pickle
import random

import pytest
from hypothesis import given

from tests.composition.expressions import compositions, five_hundred, legal
from toolkit.composition import Composition, Parallel, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mnli", ["adapter mnli mnli", "head mnli mnli"]),
        ("a/b", ["adapter a a", "adapter a/b a+b", "head a/b b"]),
        ("a/a", ["adapter a a", "adapter a/a a+a", "head a/a a"]),
        ("a@h", ["adapter a a", "head a@h h"]),
        ("t.sw", ["adapter t.sw t~sw", "head t.sw t"]),
        ("seq[a,b]", ["adapter seq[a,b] seq=a,b=", "head seq[a,b] b"]),
        ("seq[a,b]@a", ["adapter seq[a,b] seq=a,b=", "head seq[a,b]@a a"]),
        ("mix[a,b]", ["adapter mix[a,b] mix=a,b=", "head mix[a,b] b"]),
        ("mix[a,b]@a", ["adapter mix[a,b] mix=a,b=", "head mix[a,b] a"]),
        ("mix[a,b]@h", ["adapter mix[a,b] mix=a,b=", "head mix[a,b]@h h"]),
        ("mix[t.en,t.sw]@t.en", ["adapter mix[t.en,t.sw] mix=t~en,t~sw=", "head mix[t.en,t.sw] t"]),
        ("mix[t.en,t.sw]@t", ["adapter mix[t.en,t.sw] mix=t~en,t~sw=", "head mix[t.en,t.sw] t"]),
        ("mix[t.en,t.sw]@t.ko", ["adapter mix[t.en,t.sw] mix=t~en,t~sw=", "head mix[t.en,t.sw]@t.ko t"]),
        ("mix[a,b]/c@a", ["adapter mix[a,b] mix=a,b=", "adapter mix[a,b]/c mix=a,b=+c", "head mix[a,b]/c@a a"]),
        ("merge[a,b]", ["adapter merge[a,b] merge=a,b=", "head merge[a,b] b"]),
        (
            "fuse[a,b]@t",
            ["adapter a a", "adapter b b", "fusion fuse[a,b]@t fuse=a,b=", "head fuse[a,b]@t t"],
        ),
        (
            "fuse[a,b]",
            ["adapter a a", "adapter b b", "fusion fuse[a,b]@b fuse=a,b=", "head fuse[a,b]@b b"],
        ),
        (
            "fuse[a,b]/t",
            [
                "adapter a a", "adapter b b", "fusion fuse[a,b]/t fuse=a,b=", "adapter fuse[a,b]/t fuse=a,b=+t",
                "head fuse[a,b]/t t",
            ],
        ),
        (
            "fuse[a,b]/t@h",
            [
                "adapter a a", "adapter b b", "fusion fuse[a,b]/t fuse=a,b=", "adapter fuse[a,b]/t fuse=a,b=+t",
                "head fuse[a,b]/t@h h",
            ],
        ),
        (
            "p/fuse[a,b/c]/t",
            [
                "adapter p p", "adapter p/a p+a", "adapter p/b p+b", "adapter p/b/c p+b+c",
                "fusion p/fuse[a,b/c]/t p+fuse=a,b+c=", "adapter p/fuse[a,b/c]/t p+fuse=a,b+c=+t",
                "head p/fuse[a,b/c]/t t",
            ],
        ),
        (
            "fuse[a,b]/t/fuse[c,d]@h",
            [
                "adapter a a", "adapter b b", "fusion fuse[a,b]/t fuse=a,b=", "adapter fuse[a,b]/t fuse=a,b=+t",
                "adapter fuse[a,b]/t/c fuse=a,b=+t+c", "adapter fuse[a,b]/t/d fuse=a,b=+t+d",
                "fusion fuse[a,b]/t/fuse[c,d]@h fuse=a,b=+t+fuse=c,d=", "head fuse[a,b]/t/fuse[c,d]@h h",
            ],
        ),
        ("p/avg[a,b]", ["adapter p p", "adapter p/a p+a", "adapter p/b p+b", "head p/b b"]),
        ("avg[a,b]@h", ["adapter a a", "adapter b b", "head avg[a,b]@h h"]),
        ("avg[a,b]/c", ["adapter a a", "adapter b b", "adapter avg[a,b]/c avg=a,b=+c", "head avg[a,b]/c c"]),
        ("par[a,b/c]", ["adapter a a", "adapter b b", "adapter b/c b+c", "head a a", "head b/c c"]),
        ("par[a,b]@h", ["adapter a a", "adapter b b", "head par[a,b]@h h"]),
        ("backbone", []),
        ("backbone@t", ["head backbone@t t"]),
    ],
)  # fmt: skip
def test_a_circuit_is_made_of_these_parts(text: str, expected: list[str]) -> None:
    assert [f"{part.kind} {part.entry} {part.name}" for part in parse(text).parts] == expected


def test_a_part_that_two_members_share_is_listed_once() -> None:
    assert [part.entry for part in parse("fuse[a/b,a/c]@t").parts if part.kind == "adapter"] == ["a", "a/b", "a/c"]


def test_one_fusion_under_two_leaves_has_two_module_names_in_a_par() -> None:
    fusions = [part for part in parse("par[fuse[a,b]/c,fuse[a,b]/d]").parts if part.kind == "fusion"]
    assert [(part.entry, part.name) for part in fusions] == [
        ("fuse[a,b]/c", "fuse=a,b="),
        ("fuse[a,b]/d", "fuse=a,b=+d"),
    ]


@five_hundred
@given(compositions())
def test_every_entry_is_canonical_module_names_are_unique_and_the_head_is_last(composition: Composition) -> None:
    found = composition.parts
    assert len(set(found)) == len(found)
    for kind in ("adapter", "fusion"):
        names = [part.name for part in found if part.kind == kind]
        assert len(set(names)) == len(names)
    known = composition.entries
    assert {part.entry for part in found} == set(known)
    for text, entry in known.items():
        assert str(entry) == text
        assert parse(text) == entry
    heads = [part.kind == "head" for part in found]
    assert heads == sorted(heads)
    if not isinstance(composition.chain.units[-1], Parallel) and str(composition) != "backbone":
        assert heads.count(True) == 1
    if composition.head is None and composition.chain.units[-1].is_leaf and not composition.is_backbone:
        assert [part.entry for part in found][-2:] == [str(composition)] * 2


def test_parts_and_entries_are_found_once_and_cannot_be_changed() -> None:
    composition = parse("fuse[a,b]/t")
    assert composition.parts is composition.parts
    assert composition.entries is composition.entries
    with pytest.raises(TypeError):
        composition.entries["a"] = composition  # type: ignore[index]


def test_what_is_cached_changes_neither_equality_nor_the_pickle() -> None:
    asked, fresh = parse("fuse[a,b]/t@h"), parse("fuse[a,b]/t@h")
    before = pickle.dumps(asked)
    assert asked.parts and asked.entries
    assert asked == fresh and hash(asked) == hash(fresh)
    assert pickle.dumps(asked) == before
    assert pickle.loads(before) == asked and pickle.loads(before).parts == asked.parts


def test_own_parts_are_those_of_the_entry_itself() -> None:
    dice = random.Random(19)
    for _ in range(300):
        composition = legal(dice)
        assert composition.own_parts == tuple(part for part in composition.parts if part.entry == str(composition))
