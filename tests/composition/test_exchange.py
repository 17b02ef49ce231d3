"""`*`, the language of the rows: where it may be written, what it reads as in one language, and what is exchanged for another."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.composition.expressions import five_hundred, legal, seeds
from toolkit.composition import ROWS, Chain, Composition, CompositionError, Name, parse
from toolkit.composition.exchange import exchanged, in_language, languages_in, rows_trained_on
from toolkit.composition.rules import faults
from toolkit.composition.stages import plan

a_hundred = settings(five_hundred, max_examples=100)


def following(seed: int) -> Composition:
    """Return a random legal composition with a language adapter below all of it, or with `*` in names of one language."""
    dice = random.Random(seed)
    found = legal(dice)
    if found.is_backbone or found.is_parallel or dice.random() < 0.5:
        chain = Chain((Name("mnli"), Name("squad"))) if found.is_backbone or found.is_parallel else found.chain
        return Composition(Chain((Name("text", ROWS), *chain.units)), found.head)
    first, *others = found.chain.units
    starred = replace(first, language=ROWS) if isinstance(first, Name) else Name("text", ROWS)
    return Composition(Chain((starred, *others)), found.head)


@a_hundred
@given(seeds)
def test_random_expressions_with_a_star_round_trip(seed: int) -> None:
    composition = following(seed)
    assert not list(faults(composition))
    assert parse(str(composition)) == composition
    assert composition.follows_rows
    assert composition.slug.replace("~rows", "") != composition.slug and "*" not in composition.slug


@a_hundred
@given(seeds)
def test_in_one_language_a_star_is_gone_and_the_rest_is_as_it_was(seed: int) -> None:
    composition = following(seed)
    home = in_language(composition, "sw")
    assert parse(str(home)) == home
    assert not home.follows_rows
    assert str(home) == str(composition).replace(".*", ".sw")
    assert in_language(home, "en") == home


@a_hundred
@given(seeds)
def test_what_is_exchanged_is_a_part_of_either_circuit_and_nothing_at_home(seed: int) -> None:
    composition = following(seed)
    home, other = in_language(composition, "en"), in_language(composition, "quy")
    found = exchanged(composition, "en", "quy")
    assert found
    for one in found:
        assert one.part in home.parts and one.source in other.parts
        assert (one.part.kind, ".quy" in one.source.entry) == (one.source.kind, True)
    assert all(one.part == one.source for one in exchanged(composition, "en", "en"))


@pytest.mark.parametrize(
    ("text", "start", "end", "sentence"),
    [
        ("*", 0, 1, "'*' is not a name; '*' stands for the language of the rows and comes after a name and '.'"),
        ("*/mnli", 0, 1, "'*' is not a name"),
        ("text*/mnli", 0, 5, "Did you mean 'text.*'?"),
        ("te*t", 0, 4, "as in text.*/mnli."),
        ("*.en/mnli", 0, 4, "'*' is not a name"),
        ("text.e*/mnli", 5, 7, "or '*' alone for the language of the rows"),
        ("text.**", 5, 7, "'**' does not look like a language code"),
        ("text.*.en", 5, 9, "'*.en' does not look like a language code"),
        (".*/mnli", 0, 2, "'.*' has no name before '.'"),
        ("mnli@text.*", 10, 11, "A head answers rows of every language; leave '.*' out: @text."),
        ("backbone.*", 0, 10, "'backbone' is written alone"),
        ("seq.*", 0, 5, "'seq' is a block, not a name"),
        ("text.*/mnli/wiki.*", 12, 18, "'wiki.*' cannot be on top of 'mnli', which is trained on the adapter of one language"),
        ("text.*/seq[a,b]/wiki.*", 16, 22, "cannot be on top of 'seq[a,b]'"),
        ("fuse[text.*,mnli]/wiki.*", 18, 24, "cannot be on top of 'fuse[text.*,mnli]'"),
        ("text.*/fuse[a/wiki.*,b]/c", 14, 20, "cannot be on top of 'a'"),
        ("text.*/a/mix[wiki.*,b]", 9, 12, "'mix[wiki.*,b]' cannot be on top of 'a'"),
        ("fuse[text.*,text.*]", 12, 18, "'text.*' is listed twice in 'fuse'"),
        ("fuse[text.*,text.en]/a", 12, 19, "would be one adapter twice in rows of 'en'"),
        ("seq[text.sw,text.*]/a", 4, 11, "would be one adapter twice in rows of 'sw'"),
        ("par[text.*/a,text.en/b]", 13, 20, "would be one adapter twice in rows of 'en'"),
    ],
)  # fmt: skip
def test_a_star_in_a_wrong_place_is_shown_where_it_is(text: str, start: int, end: int, sentence: str) -> None:
    with pytest.raises(CompositionError) as caught:
        parse(text)
    assert sentence in caught.value.sentence
    assert (caught.value.start, caught.value.end) == (start, end)


@pytest.mark.parametrize(
    ("text", "exchanges", "trained_on"),
    [
        ("text.*", ["text.sw", "text.sw"], []),  # adapter and head
        ("text.*/mnli", ["text.sw"], ["mnli"]),
        ("text.*@mnli", ["text.sw"], ["mnli"]),
        ("mnli/text.*/squad", ["mnli/text.sw"], ["squad"]),
        ("text.*/wiki.*/mnli", ["text.sw", "text.sw/wiki.sw"], ["mnli"]),
        ("text.en/text.*/mnli", ["text.en/text.sw"], ["mnli"]),
        ("fuse[text.*,mnli]/xnli", ["text.sw"], ["xnli"]),
        ("fuse[text.*/mnli,text.*/squad]/xnli", ["text.sw"], ["mnli", "squad", "xnli"]),
        ("avg[text.*:0.5,mnli]", ["text.sw"], []),
        ("par[text.*/mnli,text.*/squad]", ["text.sw"], ["mnli", "squad"]),
        ("merge[text.*,mnli]/squad", ["merge[text.sw,mnli]"], ["mnli", "squad"]),
        ("seq[text.*,mnli]", ["seq[text.sw,mnli]", "seq[text.sw,mnli]"], ["mnli"]),
        ("mix[text.*,mnli]/tydiqa.sw", ["mix[text.sw,mnli]"], ["mnli", "tydiqa.sw"]),
        ("text.*/seq[mnli,squad]", ["text.sw"], ["mnli", "squad"]),
    ],
)
def test_a_star_may_be_in_every_leaf(text: str, exchanges: list[str], trained_on: list[str]) -> None:
    composition = parse(text)
    assert [one.source.entry for one in exchanged(composition, "en", "sw")] == exchanges
    assert [str(name) for name in rows_trained_on(composition)] == trained_on


def test_only_an_adapter_below_others_can_be_left_out() -> None:
    def optional(text: str) -> list[bool]:
        return [one.is_optional for one in exchanged(parse(text), "en", "sw")]

    assert optional("text.*/mnli") == [True]
    assert optional("fuse[text.*/mnli,squad]/x") == [True]
    assert optional("fuse[text.*,squad]/x") == [False]
    assert optional("text.*") == [False, False]
    assert optional("seq[text.*,mnli]/x") == [False]


def test_the_stages_of_a_language_are_those_of_the_composition_that_names_it() -> None:
    def entries(text: str) -> list[str]:
        return [stage.entry for stage in plan(parse(text), holds=lambda entry: False)]

    assert entries("text.en/mnli") == [each.replace("*", "en") for each in entries("text.*/mnli")]


def test_languages_are_those_for_which_every_adapter_is_there() -> None:
    names = ["text.en", "wiki.en", "text.sw", "text.sw/mnli", "text.en/wiki.en", "text.yo", "text.yo/wiki.yo"]
    assert languages_in(parse("text.*/wiki.*/mnli"), names) == {
        "en": ("text.en", "text.en/wiki.en"),
        "yo": ("text.yo", "text.yo/wiki.yo"),
    }
