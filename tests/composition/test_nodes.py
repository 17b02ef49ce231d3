from __future__ import annotations

import random
import re
import subprocess

import pytest

from tests.composition.expressions import legal
from toolkit.composition import Average, Chain, Composition, Fuse, Merge, Name, parse
from toolkit.errors import ToolkitError

A, B = Name("a"), Name("b")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("mnli@mnli", "mnli"),
        ("a/b@b", "a/b"),
        ("a/b@a", "a/b@a"),
        ("mix[a,b]@b", "mix[a,b]"),
        ("mix[a,b]@a", "mix[a,b]@a"),
        ("seq[a,b]@b", "seq[a,b]"),
        ("merge[a,b]@b", "merge[a,b]"),
        ("avg[a,b]@b", "avg[a,b]"),
        ("fuse[a,b]@b", "fuse[a,b]@b"),
        ("fuse[a,b]", "fuse[a,b]"),
        ("fuse[a,b]/t@t", "fuse[a,b]/t"),
        ("par[a,b]@b", "par[a,b]@b"),
        ("tydiqa.sw@tydiqa.sw", "tydiqa.sw"),
        ("tydiqa.sw@tydiqa", "tydiqa.sw@tydiqa"),
        ("avg[a:.5,b:1]", "avg[a:0.5,b:1.0]"),
        ("avg[a:1e-5,b:+2E3]", "avg[a:1e-05,b:2000.0]"),
        ("merge[a:-0,b:-1]", "merge[a:0.0,b:-1.0]"),
        (" fuse [ a ,\tb ]\n/ t @ u ", "fuse[a,b]/t@u"),
        ("backbone", "backbone"),
        ("backbone@mnli", "backbone@mnli"),
    ],
)
def test_text_prints_in_its_canonical_form(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


def test_values_built_by_hand_take_the_canonical_form_too() -> None:
    chain = Chain((A, Chain((B,)), Fuse((Chain((A,)), Chain((B,))))))  # type: ignore[arg-type]
    assert str(chain) == "a/b/fuse[a,b]"
    assert Composition(Chain((A,)), A) == parse("a")
    assert Composition(Chain((Merge("ties", ((A, 1), (B, -0.0))),))) == parse("ties[a:1.0,b:0.0]")
    assert str(Average(((Chain((A,)), 2), (Chain((B,)), None)))) == "avg[a:2.0,b]"


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("a/b", "b"),
        ("a/b@t", "t"),
        ("seq[a,b]", "b"),
        ("mix[a,b]", "b"),
        ("merge[a:1,b:2]", "b"),
        ("fuse[a,b/c]", "c"),
        ("avg[a,b/mix[c,d.sw]]", "d.sw"),
        ("par[a,b]", "b"),
        ("backbone@t", "t"),
    ],
)
def test_the_head_is_the_explicit_one_or_else_the_last_leafs(text: str, head: str) -> None:
    assert str(parse(text).head_name) == head


def test_the_bare_backbone_has_no_head_and_says_how_to_give_it_one() -> None:
    with pytest.raises(ToolkitError, match=r"'backbone' has no head; name one, as in 'backbone@mnli'"):
        _ = parse("backbone").head_name


def test_only_the_backbone_alone_is_the_backbone() -> None:
    assert [parse(text).is_backbone for text in ("backbone", "backbone@a", "a")] == [True, True, False]


def test_leaves_come_in_order_of_appearance_once_each() -> None:
    assert [str(name) for name in parse("a/fuse[b,seq[c,a]]/d.sw@z").leaves()] == ["a", "b", "c", "d.sw"]
    assert parse("backbone@a").leaves() == ()


def test_tags_hold_every_block_and_every_name() -> None:
    tags = parse("fuse[mnli,seq[squad,csqa]]/tydiqa.sw@xquad").tags()
    assert tags["composition"] == "fuse[mnli,seq[squad,csqa]]/tydiqa.sw@xquad"
    assert tags["head"] == "xquad"
    assert tags["blocks"] == "fuse,seq"
    assert tags["names"] == "mnli,squad,csqa,tydiqa.sw"
    assert {tag for tag in tags if "." in tag} == {
        "block.fuse", "block.seq", "name.mnli", "name.squad", "name.csqa", "name.tydiqa.sw",
    }  # fmt: skip
    assert parse("backbone").tags() == {"composition": "backbone", "head": "", "blocks": "", "names": ""}
    assert all(isinstance(value, str) for value in tags.values())


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("mnli", "mnli"),
        ("mnli-government", "mnli-government"),
        ("a/b", "a+b"),
        ("fuse[mnli,squad]/xquad", "fuse=mnli,squad=+xquad"),
        ("fuse[mnli,squad]@tydiqa.sw", "fuse=mnli,squad=@tydiqa~sw"),
        ("a" * 100, "a" * 100),
    ],
)
def test_a_slug_keeps_short_texts_readable(text: str, slug: str) -> None:
    assert parse(text).slug == slug


def test_a_slug_of_weights_or_of_a_long_text_ends_in_a_hash() -> None:
    assert re.fullmatch(r"avg=a_0~3,b_0~7=~[0-9a-f]{12}", parse("avg[a:0.3,b:0.7]").slug)
    assert re.fullmatch(r"a{90}~[0-9a-f]{12}", parse("a" * 101).slug)
    assert parse("a" * 101).slug != parse("a" * 102).slug


def test_slugs_are_injective_and_safe_as_file_and_module_names() -> None:
    dice = random.Random(7)
    slugs: dict[str, str] = {}
    for _ in range(1_500):
        composition = legal(dice)
        text, slug = str(composition), composition.slug
        assert slugs.setdefault(slug, text) == text
        assert re.fullmatch(r"[a-z][a-z0-9_+=,@~-]{0,119}", slug), slug
    assert len(slugs) > 1_300


def test_texts_that_differ_only_in_brackets_and_stacks_have_different_slugs() -> None:
    texts = ("fuse[a,b]/c", "fuse[a,b/c]", "fuse[a/b,c]", "a/fuse[b,c]", "fuse[a,b]@c", "mix[a,b]/c", "seq[a,b]/c")
    assert len({parse(text).slug for text in texts}) == len(texts)


def test_bash_passes_a_slug_and_a_text_on_as_they_are(tmp_path) -> None:  # type: ignore[no-untyped-def]
    dice = random.Random(3)
    compositions = [legal(dice) for _ in range(300)]
    words = [word for c in compositions for word in (c.slug, str(c))]
    script = "printf '%s\\n' " + " ".join(words)
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert shown.stdout.splitlines() == words
