from __future__ import annotations

import pytest

from toolkit.composition import CompositionError, parse
from toolkit.composition.variants import closed, named, own_entry, spelled
from toolkit.errors import ToolkitError


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("mnli", "mnli"),
        ("a/fuse[b,c]", "a/fuse[b,c]@c"),
        ("fuse[a,b]@t", "fuse[a,b]@t"),
        ("fuse[a,b]/t@h", "fuse[a,b]/t@h"),
        ("mix[a,b]@a", "mix[a,b]"),
        ("merge[a,b]@a", "merge[a,b]"),
        ("avg[a,b]@t", "avg[a,b]@t"),
        ("avg[a,b]", None),
        ("a/avg[b,c]", None),
        ("par[a,b]", None),
        ("backbone", None),
        ("backbone@t", "backbone@t"),
    ],
)
def test_the_entry_that_the_last_stage_makes(text: str, entry: str | None) -> None:
    assert own_entry(parse(text)) == entry


def test_a_named_composition_holds_what_flows() -> None:
    whole = parse("a/fuse[b,c]/mix[d,e]")
    one = named(whole, "calm")
    assert str(one) == "a/fuse[b,c]/calm" and str(closed(one)) == str(one)
    assert [part.name for part in one.parts[:-2]] == [part.name for part in whole.parts[:-2]], "below nothing changes"


HELD = ("mnli", "mnli/calm", "fuse[a,b]/small", "fuse[a,b]@head", "a/twice", "b/twice", "own")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("calm", "mnli/calm"),
        ("calm/squad", "mnli/calm/squad"),
        ("calm@xnli", "mnli/calm@xnli"),
        ("fuse[calm,squad]/t", "fuse[mnli/calm,squad]/t"),
        ("avg[calm:0.25,squad:0.75]", "avg[mnli/calm:0.25,squad:0.75]"),
        ("par[small,squad]", "par[fuse[a,b]/small,squad]"),
        ("small", "fuse[a,b]/small"),
        ("head", "fuse[a,b]@head"),
        ("squad/calm", "squad/calm"),  # on top of something else it would be another adapter
        ("seq[calm,squad]", "seq[calm,squad]"),
        ("calm.sw", "calm.sw"),
        ("own", "own"),
        ("mnli/calm", "mnli/calm"),
        ("backbone", "backbone"),
        ("unheard", "unheard"),
    ],
)
def test_a_short_name_is_spelt_out_where_it_begins_a_chain(typed: str, meant: str) -> None:
    known = {"mnli", "own", "squad", "t", "a", "b"}
    assert spelled(parse(typed), is_known=known.__contains__, entries=lambda: HELD) == meant


def test_a_short_name_of_two_entries_is_refused() -> None:
    with pytest.raises(ToolkitError, match="'twice' is short for several entries, 'a/twice' and 'b/twice'; write out"):
        spelled(parse("twice"), is_known=lambda name: False, entries=lambda: HELD)


def test_what_may_not_nest_is_refused_when_it_is_spelt_out() -> None:
    with pytest.raises(CompositionError, match="'fuse' is not allowed inside 'fuse'"):
        spelled(parse("fuse[small,squad]"), is_known={"squad"}.__contains__, entries=lambda: HELD)
