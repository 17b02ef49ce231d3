from __future__ import annotations

import pytest

from toolkit.composition import Chain, Composition, CompositionError, Merge, Name, parse
from toolkit.composition.rules import faults


@pytest.mark.parametrize(
    ("text", "start", "end", "sentence"),
    [
        # names
        ("MNLI/a", 0, 4, "'MNLI' is not a name; names begin with a lower-case letter"),
        ("MNLI/a", 0, 4, "Did you mean 'mnli'?"),
        ("a/xquad!", 2, 8, "Did you mean 'xquad'?"),
        ("9", 0, 1, "'9' is not a name"),
        ("seq[a,B]", 6, 7, "'B' is not a name"),
        ("a@B", 2, 3, "Did you mean 'b'?"),
        ("fuse", 0, 4, "'fuse' is a block, not a name; write fuse[...]"),
        ("a/dare", 2, 6, "'dare' is a block, not a name"),
        ("mix[a,avg]", 6, 9, "'avg' is a block, not a name"),
        ("a@seq", 2, 5, "'seq' is a block, not a name"),
        # languages: only their form
        ("tydiqa.XX", 7, 9, "Did you mean 'tydiqa.xx'?"),
        ("tydiqa.swahili", 7, 14, "'swahili' does not look like a language code"),
        ("tydiqa.Swahili", 7, 14, "Did you mean 'tydiqa.sw'?"),
        ("a/tydiqa.", 8, 9, "No language after '.'"),
        ("mix[a.en,a.b.c]", 11, 14, "'b.c' does not look like a language code"),
        ("a@t.s", 4, 5, "'s' does not look like a language code"),
        # blocks have several, different members
        ("fuse[a]", 0, 4, "Block 'fuse' has one member and needs at least two; write a alone"),
        ("a/seq[b]", 2, 5, "Block 'seq' has one member"),
        ("merge[a:0.5]", 0, 5, "Block 'merge' has one member"),
        ("par[a/b]", 0, 3, "write a/b alone"),
        ("fuse[a,b,a]", 9, 10, "'a' is listed twice in 'fuse'"),
        ("fuse[a/b,a/b]", 9, 12, "'a/b' is listed twice in 'fuse'"),
        ("avg[a:0.3,a:0.7]", 10, 11, "'a' is listed twice in 'avg'"),
        ("ties[a:1,b,a:2]", 11, 12, "'a' is listed twice in 'ties'"),
        ("seq[a.sw,b,a.sw]", 11, 15, "'a.sw' is listed twice in 'seq'"),
        ("par[a,a]", 6, 7, "'a' is listed twice in 'par'"),
        # par is outermost
        ("a/par[b,c]", 2, 5, "'par' is outermost only"),
        ("par[a,b]/c", 0, 3, "'par' is outermost only"),
        ("fuse[par[a,b],c]", 5, 8, "'par' is outermost only"),
        ("avg[a,par[b,c]]", 6, 9, "'par' is outermost only"),
        ("par[par[a,b],c]", 4, 7, "'par' is outermost only"),
        ("fuse[a,b]/par[c,d]", 10, 13, "'par' is outermost only"),
        # members of fuse and avg are chains of leaves
        ("fuse[fuse[a,b],c]", 5, 9, "'fuse' is not allowed inside 'fuse', whose members are chains of leaves"),
        ("fuse[a,avg[b,c]]", 7, 10, "'avg' is not allowed inside 'fuse'"),
        ("avg[a,fuse[b,c]]", 6, 10, "'fuse' is not allowed inside 'avg'"),
        ("avg[avg[a,b],c]", 4, 7, "'avg' is not allowed inside 'avg'"),
        ("fuse[a/fuse[b,c],d]", 7, 11, "'fuse' is not allowed inside 'fuse'"),
        ("par[fuse[avg[a,b],c],d]", 9, 12, "'avg' is not allowed inside 'fuse'"),
        # what follows a fusion
        ("fuse[a,b]/fuse[c,d]", 10, 14, "'fuse' cannot directly follow a fusion"),
        ("fuse[a,b]/avg[c,d]", 10, 13, "'avg' cannot directly follow a fusion"),
        ("fuse[a,b]/merge[c,d]", 10, 15, "'merge' cannot directly follow a fusion"),
        ("fuse[a,b]/ties[c,d]/e", 10, 14, "'ties' cannot directly follow a fusion"),
        ("par[fuse[a,b]/dare[c,d],e]", 14, 18, "'dare' cannot directly follow a fusion"),
        # the backbone is alone
        ("backbone/a", 0, 8, "'backbone' is written alone"),
        ("a/backbone", 2, 10, "'backbone' is written alone"),
        ("fuse[backbone,a]", 5, 13, "'backbone' is written alone"),
        ("mix[a,backbone]", 6, 14, "'backbone' is written alone"),
        ("merge[backbone:1,a]", 6, 14, "'backbone' is written alone"),
        ("backbone.en", 0, 11, "'backbone' is written alone"),
        ("a@backbone", 2, 10, "'backbone' is reserved and cannot be a head"),
        ("backbone@backbone", 9, 17, "'backbone' is reserved and cannot be a head"),
        # weights
        ("avg[a:0,b]", 6, 7, "The weight 0.0 is not above 0"),
        ("avg[a,b:-0.5]", 8, 12, "The weight -0.5 is not above 0"),
        ("avg[a:1e-999,b]", 6, 12, "The weight 0.0 is not above 0"),
        ("avg[a:inf,b]", 6, 9, "The weight inf is not finite"),
        ("merge[a:nan,b]", 8, 11, "The weight nan is not finite"),
        ("merge[a:0,b:0.0]", 0, 5, "All weights are 0"),
        ("ties[a:0,b:0]", 0, 4, "All weights are 0"),
        ("dare[a,b:-1e999]", 9, 15, "The weight -inf is not finite"),
    ],
)
def test_a_broken_rule_has_its_sentence_and_its_caret(text: str, start: int, end: int, sentence: str) -> None:
    with pytest.raises(CompositionError) as caught:
        parse(text)
    assert sentence in caught.value.sentence
    assert (caught.value.start, caught.value.end) == (start, end)
    assert str(caught.value).split("\n")[1:] == [f"  {text}", f"  {' ' * start}{'^' * (end - start)}"]


@pytest.mark.parametrize(
    "text",
    [
        "a/a",
        "fuse[a,b]/a",
        "fuse[a,a.sw]",
        "fuse[a,b/a]",
        "fuse[merge[a,b],c]",
        "fuse[a,b]/c/fuse[d,e]",
        "fuse[a,b]/c/merge[d,e]",
        "fuse[a,b]/seq[c,d]",
        "fuse[a,b]/mix[c,d]@e",
        "avg[a,b]/fuse[c,d]",
        "avg[a,b]/avg[c,d]",
        "avg[a:0.3,b]",
        "merge[a:0,b:-1]",
        "par[fuse[a,b],avg[c,d],e/f]@g",
        "par[fuse[a,b]/c,fuse[a,b]/d]",
        "a.zh-hant",
        "fused/backbones/seqs",
    ],
)
def test_what_is_close_to_a_fault_but_legal_is_read(text: str) -> None:
    assert str(parse(text)) == text.replace(":0,", ":0.0,").replace(":-1]", ":-1.0]")


def test_values_built_by_hand_are_checked_by_the_same_rules() -> None:
    assert [fault.sentence for fault in faults(Composition(Chain(())))] == [
        "The composition is empty; write a name, such as mnli."
    ]
    average = Composition(Chain((Merge("tie", ((Name("a"), None), (Name("b"), None))),)))
    assert [fault.sentence for fault in faults(average)] == ["Unknown way to merge 'tie'. Did you mean 'ties'?"]


def test_no_sentence_grows_with_the_fault_it_quotes() -> None:
    for text in ("A" * 9_000, "a." + "b" * 9_000, f"fuse[{'a' * 3_000},{'a' * 3_000}]", f"seq[{'a' * 9_000}]"):
        with pytest.raises(CompositionError) as caught:
            parse(text)
        assert len(caught.value.sentence) < 250
