from __future__ import annotations

import pickle
import random
import time

import pytest
from hypothesis import given

from tests.composition.expressions import compositions, five_hundred, legal, seeds
from toolkit.composition import Chain, Composition, CompositionError, Fuse, Merge, Mix, Name, parse
from toolkit.composition.rules import faults
from toolkit.errors import ToolkitError


def caret(error: CompositionError) -> str:
    """Return what stands above the carets in the printed message."""
    *_, shown, carets = str(error).split("\n")
    return shown[carets.index("^") : carets.rindex("^") + 1]


def refused(text: str) -> CompositionError:
    with pytest.raises(CompositionError) as caught:
        parse(text)
    return caught.value


def outcome(text: str) -> Composition | CompositionError:
    try:
        return parse(text)
    except CompositionError as error:
        return error


def test_random_legal_expressions_are_hundreds_of_different_ones() -> None:
    assert len({str(legal(random.Random(seed))) for seed in range(500)}) > 450


@five_hundred
@given(compositions())
def test_random_legal_expressions_round_trip(composition: Composition) -> None:
    assert not list(faults(composition))
    text = str(composition)
    assert parse(text) == composition
    assert str(parse(text)) == text


@five_hundred
@given(compositions())
def test_white_space_between_tokens_changes_nothing(composition: Composition) -> None:
    spaced = "".join(f" {sign}\t\n" if sign in "[],/@:" else sign for sign in str(composition))
    assert parse(f"  {spaced} ") == composition


def test_a_text_becomes_the_values_it_spells() -> None:
    fuse = Fuse((Chain((Name("mnli"),)), Chain((Name("squad"), Mix((Name("a"), Name("b", "sw")))))))
    assert parse("fuse[mnli,squad/mix[a,b.sw]]/x@y") == Composition(Chain((fuse, Name("x"))), Name("y"))
    assert parse("dare[a:0.5,b]").chain.units == (Merge("dare", ((Name("a"), 0.5), (Name("b"), None))),)


def test_an_error_prints_the_sentence_the_text_and_a_caret() -> None:
    assert str(refused("fus[mnli,squad]/xquad")) == (
        "Unknown block 'fus'. Did you mean 'fuse'?\n  fus[mnli,squad]/xquad\n  ^^^"
    )
    assert isinstance(refused("fus[a,b]"), ToolkitError)


@pytest.mark.parametrize(
    ("text", "start", "end", "sentence"),
    [
        ("", 0, 0, "The composition is empty"),
        (" \n", 2, 2, "The composition is empty"),
        ("average[a,b]", 0, 7, "Unknown block 'average'. Did you mean 'avg'?"),
        ("FUSE[a,b]", 0, 4, "Did you mean 'fuse'?"),
        ("a/zzzz[b,c]", 2, 6, "The blocks are fuse, avg, par, seq, mix, merge, ties, dare."),
        ("stack[a,b]", 0, 5, "A stack is written with '/'"),
        ("seq[fus[a,b],c]", 4, 7, "Unknown block 'fus'"),
        ("backbone[a,b]", 0, 8, "Unknown block 'backbone'"),
        ("fuse[]", 5, 6, "Block 'fuse' has no members"),
        ("fuse[a,]", 7, 8, "Found ']'; expected a member of 'fuse'"),
        ("fuse[,a]", 5, 6, "Found ','; expected a member of 'fuse'"),
        ("seq[a,,b]", 6, 7, "Found ','; expected a member of 'seq'"),
        ("fuse[a,b", 4, 5, "'[' of 'fuse' is never closed"),
        ("a/fuse[b,seq[c,d]", 6, 7, "'[' of 'fuse' is never closed"),
        ("fuse[a,", 7, 7, "The text ends; expected a member of 'fuse'"),
        ("fuse[a,b]]", 9, 10, "']' closes nothing"),
        ("a]", 1, 2, "']' closes nothing"),
        ("fuse[a b]", 7, 8, "Found 'b'; expected ',' and another member of 'fuse', or ']'"),
        ("fuse(a,b)", 4, 5, "blocks are written with '[' and ']'"),
        ("fuse[a,b}", 8, 9, "blocks are written with '[' and ']'"),
        ("(a)", 0, 1, "blocks are written with '[' and ']'"),
        ("[a,b]", 0, 1, "keyword is missing before '['"),
        ("a//b", 2, 3, "Found '/'; expected a name or a block"),
        ("/a", 0, 1, "Found '/'; expected a name or a block"),
        ("a/", 2, 2, "The text ends; expected a name or a block"),
        ("a,b", 1, 2, "Found ',' outside a block"),
        ("a b", 2, 3, "Found 'b' after the end of the composition"),
        ("fuse[a,b]c", 9, 10, "Found 'c' after the end of the composition"),
        ("a@", 2, 2, "The text ends; expected a head after '@'"),
        ("@a", 0, 1, "Found '@'; expected a name or a block"),
        ("a@b@c", 3, 4, "A second '@'"),
        ("a@b/c", 3, 4, "Found '/' after the head"),
        ("a@fuse[b,c]", 2, 6, "A head is a task's name, never a block"),
        ("fuse[a@b,c]", 6, 7, "A head is not allowed inside 'fuse'"),
        ("seq[a/b,c]", 5, 6, "the members of 'seq' are names, not chains"),
        ("merge[fuse[a,b],c]", 6, 10, "'fuse' is not allowed inside 'merge'"),
        ("fuse[a:1,b]", 6, 7, "'fuse' takes no weights"),
        ("mix[a:1,b]", 5, 6, "'mix' takes no weights"),
        ("a:1", 1, 2, "weights are written inside avg, merge, ties and dare"),
        ("avg[a:x,b]", 6, 7, "'x' is not a number"),
        ("avg[a:1_0,b]", 6, 9, "'1_0' is not a number"),
        ("avg[a:,b]", 6, 7, "',' is not a number"),
        ("avg[a:", 6, 6, "The text ends; after ':' comes a weight"),
        (".sw", 0, 3, "'.sw' has no name before '.'"),
    ],
)
def test_a_fault_of_grammar_is_shown_where_it_stands(text: str, start: int, end: int, sentence: str) -> None:
    error = refused(text)
    assert (error.start, error.end) == (start, end)
    assert sentence in error.sentence
    if start < end:
        assert caret(error) == text[start:end]
    assert str(error).split("\n")[-1].strip() == "^" * max(1, end - start)


def test_the_first_of_several_broken_rules_is_reported() -> None:
    assert caret(refused("Aa/Bb/fuse[c,c]")) == "Aa"
    assert caret(refused("seq[c,c]/Bb")) == "c"


def test_a_long_text_is_shown_as_a_window_around_the_fault() -> None:
    text = "/".join(["mnli"] * 100 + ["fus[a,b]"] + ["squad"] * 100)
    error = refused(text)
    shown = str(error).split("\n")[1]
    assert shown.startswith("  ...")
    assert shown.endswith("...")
    assert len(shown) <= 80
    assert caret(error) == "fus"


@pytest.mark.parametrize("at", [0, 1, 30, 199])
def test_a_window_at_either_end_of_a_long_text_stays_inside_it(at: int) -> None:
    names = ["mnli"] * 200
    names[at] = "MNLI"
    error = refused("/".join(names))
    assert caret(error) == "MNLI"
    shown = str(error).split("\n")[1]
    assert shown.startswith("  ...") is (at > 10)
    assert shown.endswith("...") is (at < 190)


def test_a_fault_longer_than_the_window_is_cut() -> None:
    error = refused("a/" + "B" * 5_000)
    assert all(len(line) <= 250 for line in str(error).split("\n"))
    assert set(caret(error)) == {"B"}


def test_the_caret_stands_under_the_fault_after_wide_and_combining_characters() -> None:
    lines = str(refused("日本/fus[a,b]")).split("\n")
    assert lines[2].index("^") == 2 + 4 + 1  # two wide characters take four columns
    lines = str(refused("e\u0301/fus[a,b]")).split("\n")
    assert lines[2].index("^") == 2 + 1 + 1


def test_control_characters_never_reach_the_terminal() -> None:
    for text in ("a\x1b[31m", "a\n b\x00", "\x9bm", "a/\u202eb"):
        assert all(character.isprintable() for character in str(refused(text)).replace("\n", ""))


def test_a_text_of_more_than_ten_thousand_characters_is_refused_at_once() -> None:
    assert str(parse("a" * 10_000)) == "a" * 10_000
    error = refused("a" * 10_001)
    assert "has 10,001 characters; at most 10,000 are read" in error.sentence
    assert len(str(error)) < 300
    assert len(str(refused("fuse[" * 3_000_000))) < 300


@pytest.mark.parametrize("text", ["fuse[" * 2_000, "par[a," * 1_600, "a/" * 4_999 + "a", "[" * 9_999])
def test_a_hostile_text_is_answered_quickly_and_without_a_traceback(text: str) -> None:
    began = time.process_time()
    assert len(str(outcome(text))) <= 10_000
    assert time.process_time() - began < 5


def test_blocks_nested_beyond_reason_are_refused_with_a_sentence() -> None:
    assert "nest more than 8 deep" in refused("fuse[" * 2_000).sentence


def damaged(seed: int) -> str:
    """Return a legal text with one to four characters put in, replaced or taken out."""
    dice = random.Random(seed)
    signs = "[],/@:.(){} \t\n-+_aZ9é\x00日" + "\u0301"
    text = list(str(legal(dice)))
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(len(text) + 1)
        text[at : at + dice.choice((0, 1))] = dice.choice((*signs, ""))
    return "".join(text)


@five_hundred
@given(seeds.map(damaged))
def test_a_damaged_text_is_either_read_or_refused_with_a_caret_and_never_crashes(text: str) -> None:
    read = outcome(text)
    if isinstance(read, Composition):
        assert parse(str(read)) == read
    else:
        assert 0 <= read.start <= read.end <= len(text)
        sentence, _, carets = str(read).split("\n")
        assert sentence
        assert set(carets.strip()) == {"^"}


def test_of_the_damaged_texts_some_are_read_and_some_are_not() -> None:
    read = sum(isinstance(outcome(damaged(seed)), Composition) for seed in range(200))
    assert 10 < read < 190


def test_an_error_crosses_a_process_border_whole() -> None:
    error = refused("fus[a,b]")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.start, again.end) == (str(error), 0, 3)


@pytest.mark.parametrize(
    ("written", "kept"),
    [("udpos.DEU", "udpos.de"), ("sib200.zh-Hant", "sib200.zh-hant"), ("sib200.ZH_tw", "sib200.zh-hant")],
)
def test_one_language_is_one_name_however_it_is_written(written: str, kept: str) -> None:
    assert str(parse(f"mix[{written},a.gn]/a@{written}")) == f"mix[{kept},a.gn]/a@{kept}"


def test_two_spellings_of_a_language_are_one_member() -> None:
    assert "listed twice" in refused("mix[udpos.de,udpos.deu]").sentence
