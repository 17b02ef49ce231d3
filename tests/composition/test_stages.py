from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings

from tests.composition.expressions import compositions, five_hundred, seeds
from toolkit.composition import Composition, Name, parse
from toolkit.composition.describe import describe
from toolkit.composition.stages import Stage, plan
from toolkit.errors import ToolkitError


def nothing(entry: str) -> bool:
    return False


def stages(text: str, *held: str) -> tuple[Stage, ...]:
    return plan(parse(text), holds=lambda entry: entry in held)


def learnt(stage: Stage) -> list[str]:
    return [f"{part.kind} {part.name}" for part in stage.learn]


@pytest.mark.parametrize(
    ("text", "entry", "tasks", "learns", "parents"),
    [
        ("mnli", "mnli", ["mnli"], ["adapter mnli", "head mnli"], []),
        ("mnli/squad", "mnli/squad", ["squad"], ["adapter mnli+squad", "head squad"], ["mnli"]),
        (
            "fuse[mnli,squad]@xquad",
            "fuse[mnli,squad]@xquad",
            ["xquad"],
            ["fusion fuse=mnli,squad=", "head xquad"],
            ["mnli", "squad"],
        ),
        (
            "fuse[mnli,squad]/xquad",
            "fuse[mnli,squad]/xquad",
            ["xquad"],
            ["fusion fuse=mnli,squad=", "adapter fuse=mnli,squad=+xquad", "head xquad"],
            ["mnli", "squad"],
        ),
        ("seq[mnli,squad]", "seq[mnli,squad]", ["squad"], ["adapter seq=mnli,squad=", "head squad"], ["mnli"]),
        (
            "mix[mnli,squad]",
            "mix[mnli,squad]",
            ["mnli", "squad"],
            ["adapter mix=mnli,squad=", "head mnli", "head squad"],
            [],
        ),
        ("tydiqa.sw", "tydiqa.sw", ["tydiqa.sw"], ["adapter tydiqa~sw", "head tydiqa"], []),
        ("mnli@xnli", "mnli@xnli", ["xnli"], ["head xnli"], ["mnli"]),
        ("backbone@mnli", "backbone@mnli", ["mnli"], ["head mnli"], []),
        ("fuse[a,b]", "fuse[a,b]@b", ["b"], ["fusion fuse=a,b=", "head b"], ["a", "b"]),
        ("fuse[a,b]/t@h", "fuse[a,b]/t@h", ["h"], ["head h"], ["a", "b", "fuse[a,b]/t"]),
        ("seq[a,b]@a", "seq[a,b]@a", ["a"], ["head a"], ["seq[a,b]"]),
    ],
)
def test_the_last_stage_learns_exactly_this(
    text: str, entry: str, tasks: list[str], learns: list[str], parents: list[str]
) -> None:
    last = stages(text)[-1]
    assert (last.entry, [str(task) for task in last.tasks], learnt(last)) == (entry, tasks, learns)
    assert list(last.parents) == parents
    assert str(last.circuit) == entry


def test_the_bare_backbone_needs_no_stage() -> None:
    assert plan(parse("backbone"), holds=nothing) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("avg[a:0.3,b:0.7]", ["a", "b"]),
        ("avg[a/x,b]@t", ["a", "a/x", "b", "avg[a/x,b]@t"]),
        ("avg[a,b]/t", ["a", "b", "avg[a,b]/t"]),
        ("par[a/t,b]", ["a", "a/t", "b"]),
        ("merge[a,b]", ["a", "b", "merge[a,b]"]),
        ("p/ties[a,b]/c", ["p", "p/a", "p/b", "p/ties[a,b]", "p/ties[a,b]/c"]),
        ("fuse[dare[a,b],c]/t", ["a", "b", "dare[a,b]", "c", "fuse[dare[a,b],c]/t"]),
        ("merge[a,b]@a", ["a", "b", "merge[a,b]"]),
        ("merge[a,b]@t", ["a", "b", "merge[a,b]", "merge[a,b]@t"]),
    ],
)
def test_live_blocks_need_their_members_and_merges_are_computed_from_theirs(text: str, expected: list[str]) -> None:
    assert [stage.entry for stage in stages(text)] == expected


def test_a_merge_needs_no_rows_and_makes_the_adapter_and_the_heads_of_its_members() -> None:
    *_, last = stages("p/merge[q.en:1,q.sw:-0.5,a]")
    assert last.merge is not None
    assert last.tasks == ()
    assert learnt(last)[1:] == ["head q", "head a"]
    assert last.parents == ("p", "p/q.en", "p/q.sw", "p/a")
    assert describe([last]).splitlines()[2:4] == [
        "     merges       p/q.en, p/q.sw, p/a (computed, no rows)",
        "     makes        adapter p/merge[q.en:1.0,q.sw:-0.5,a], head q, head a",
    ]


def test_a_head_on_several_members_at_once_is_refused_with_the_way_out() -> None:
    with pytest.raises(
        ToolkitError, match="no head learns on several members at once; train one for each, as in 'a@t'"
    ):
        plan(parse("par[a,b]@t"), holds=nothing)


def test_a_merged_adapter_that_the_zoo_holds_is_an_ordinary_one() -> None:
    assert [stage.entry for stage in stages("merge[a,b]/c", "merge[a,b]")] == ["merge[a,b]/c"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mnli/squad", ["mnli", "mnli/squad"]),
        ("fuse[a,b]/t", ["a", "b", "fuse[a,b]/t"]),
        ("p/fuse[a,b]/t", ["p", "p/a", "p/b", "p/fuse[a,b]/t"]),
        ("fuse[a/x,a/y]@t", ["a", "a/x", "a/y", "fuse[a/x,a/y]@t"]),
        ("p/seq[a,b,c]", ["p", "p/a", "p/seq[a,b]", "p/seq[a,b,c]"]),
        ("fuse[a,b]/seq[c,d]", ["a", "b", "fuse[a,b]/c", "fuse[a,b]/seq[c,d]"]),
        ("fuse[seq[a,b],a]/t", ["a", "seq[a,b]", "fuse[seq[a,b],a]/t"]),
        ("fuse[a,b]/t/fuse[c,d]@h", [
            "a", "b", "fuse[a,b]/t", "fuse[a,b]/t/c", "fuse[a,b]/t/d", "fuse[a,b]/t/fuse[c,d]@h",
        ]),
        ("mix[a,b]@a", ["mix[a,b]"]),
        ("mix[a,b]/c@h", ["mix[a,b]", "mix[a,b]/c", "mix[a,b]/c@h"]),
    ],
)  # fmt: skip
def test_stages_come_in_the_order_in_which_they_can_be_trained(text: str, expected: list[str]) -> None:
    assert [stage.entry for stage in stages(text)] == expected


def test_each_stage_of_a_seq_starts_from_the_one_before_on_the_same_prefix() -> None:
    below, first, second, third = stages("p/seq[a,b,c]")
    assert [stage.warm_start for stage in (below, first, second, third)] == [None, None, "p/a", "p/seq[a,b]"]
    assert [stage.tasks for stage in (first, second, third)] == [(Name("a"),), (Name("b"),), (Name("c"),)]
    assert third.parents == ("p", "p/seq[a,b]")
    assert learnt(third) == ["adapter p+seq=a,b,c=", "head c"]


def test_a_seq_on_a_fusion_starts_from_the_fusion_too_and_both_learn() -> None:
    *_, first, second = stages("fuse[a,b]/seq[c,d]")
    assert learnt(first) == ["fusion fuse=a,b=", "adapter fuse=a,b=+c", "head c"]
    assert second.warm_start == "fuse[a,b]/c"
    assert learnt(second) == ["fusion fuse=a,b=", "adapter fuse=a,b=+seq=c,d=", "head d"]
    assert all(part.entry == "fuse[a,b]/seq[c,d]" for part in second.learn)
    assert second.parents == ("a", "b", "fuse[a,b]/c")


def test_languages_of_one_task_share_a_head_in_a_mix() -> None:
    (stage,) = stages("mix[tydiqa.en,tydiqa.sw,squad]")
    assert stage.tasks == (Name("tydiqa", "en"), Name("tydiqa", "sw"), Name("squad"))
    assert learnt(stage)[1:] == ["head tydiqa", "head squad"]


def test_stages_that_the_zoo_holds_are_left_out() -> None:
    text = "fuse[mnli,squad]/xquad"
    assert [stage.entry for stage in stages(text, "mnli")] == ["squad", text]
    assert [stage.entry for stage in stages(text, "mnli", "squad")] == [text]
    assert stages(text, "mnli", "squad", text) == ()


def test_a_stand_alone_adapter_does_not_stand_in_for_one_trained_on_a_prefix() -> None:
    assert [stage.entry for stage in stages("mnli/squad", "mnli", "squad")] == ["mnli/squad"]


def test_a_warm_start_is_asked_for_only_by_a_seq_that_is_missing() -> None:
    assert stages("seq[a,b,c]", "seq[a,b,c]") == ()
    assert [stage.entry for stage in stages("seq[a,b,c]", "seq[a,b]")] == ["seq[a,b,c]"]


def test_a_frozen_part_is_trained_even_where_the_entry_above_it_is_held() -> None:
    assert [stage.entry for stage in stages("mnli/squad", "mnli/squad")] == ["mnli"]


@pytest.mark.parametrize(
    ("text", "last", "every"),
    [
        ("mnli/squad", ["mnli/squad"], ["mnli", "mnli/squad"]),
        ("seq[a,b]", ["seq[a,b]"], ["a", "seq[a,b]"]),
        ("fuse[a,b]", ["fuse[a,b]@b"], ["a", "b", "fuse[a,b]@b"]),
        ("mix[a,b]@a", ["mix[a,b]"], ["mix[a,b]"]),
        ("avg[a/c,b]", ["a/c", "b"], ["a", "a/c", "b"]),
        ("par[a,b]", ["a", "b"], ["a", "b"]),
        ("a@t", ["a@t"], ["a", "a@t"]),
    ],
)
def test_retrain_lists_the_last_stage_or_every_stage_whatever_the_zoo_holds(
    text: str, last: list[str], every: list[str]
) -> None:
    assert [stage.entry for stage in plan(parse(text), holds=lambda entry: True, retrain="last")] == last
    assert [stage.entry for stage in plan(parse(text), holds=lambda entry: True, retrain="all")] == every


def test_retrain_makes_what_is_missing_below_as_well() -> None:
    found = plan(parse("fuse[a,b]/t"), holds=lambda entry: entry != "b", retrain="last")
    assert [stage.entry for stage in found] == ["b", "fuse[a,b]/t"]


@pytest.mark.parametrize(
    ("text", "entry", "makes", "heads"),
    [
        ("mnli", "calm", ["calm"], {"mnli": ("calm", "calm")}),
        ("udpos.de", "calm", ["calm"], {"udpos": ("calm", "calm")}),
        ("mnli/squad", "mnli/calm", ["mnli/calm"], {"squad": ("mnli/calm", "calm")}),
        ("fuse[a,b]/t", "fuse[a,b]/calm", ["fuse[a,b]/calm"], {"t": ("fuse[a,b]/calm", "calm")}),
        ("fuse[a,b]", "fuse[a,b]@calm", ["fuse[a,b]@calm"], {"b": ("fuse[a,b]@calm", "calm")}),
        ("mnli@xnli", "mnli@calm", ["mnli@calm"], {"xnli": ("mnli@calm", "calm")}),
        ("backbone@mnli", "backbone@calm", ["backbone@calm"], {"mnli": ("backbone@calm", "calm")}),
        ("x/mix[a,b]", "x/calm", ["x/calm", "x/calm@a"], {"a": ("x/calm@a", "a"), "b": ("x/calm", "calm")}),
        ("merge[a,b]", "calm", ["calm", "calm@a"], {"a": ("calm@a", "a"), "b": ("calm", "calm")}),
    ],
)
def test_a_variant_has_its_name_in_the_place_of_the_last_leaf_or_head(
    text: str, entry: str, makes: list[str], heads: dict[str, tuple[str, str]]
) -> None:
    stage = plan(parse(text), holds=lambda entry: "calm" not in entry, name="calm")[-1]
    assert (stage.entry, sorted(stage.makes), stage.heads) == (entry, makes, heads)
    held = {part.entry for part in parse(entry).parts if part.kind == "head"}
    assert held == {entry}, "and its own head answers"
    assert all(str(parse(one)) == one for one in makes)


def test_a_variant_is_trained_again_as_what_it_was_trained_as() -> None:
    was = {"mnli/calm": "mnli/squad", "mnli": "mnli"}
    found = plan(parse("mnli/calm"), holds=was.__contains__, retrain="last", trained_as=was.__getitem__)
    assert [(stage.entry, stage.trained_as, [*map(str, stage.tasks)]) for stage in found] == [
        ("mnli/calm", "mnli/squad", ["squad"])
    ]
    found = plan(parse("mnli/calm"), holds=was.__contains__, name="other", trained_as=was.__getitem__)
    assert [(stage.entry, stage.trained_as) for stage in found] == [("mnli/other", "mnli/squad")]


@pytest.mark.parametrize("text", ["avg[a,b]", "par[a,b]", "mix[a,b]@a", "backbone"])
def test_what_makes_no_entry_of_its_own_takes_no_name(text: str) -> None:
    with pytest.raises(ToolkitError, match="could be named"):
        plan(parse(text), holds=nothing, name="calm")


def test_the_zoo_is_asked_once_for_each_entry() -> None:
    asked: list[str] = []

    def holds(entry: str) -> bool:
        asked.append(entry)
        return False

    plan(parse("fuse[a/x,a/y,seq[a,b]]/t"), holds=holds)
    assert sorted(asked) == ["a", "a/x", "a/y", "fuse[a/x,a/y,seq[a,b]]/t", "seq[a,b]"]


def test_a_seq_of_hundreds_of_names_is_planned() -> None:
    text = f"seq[{','.join(f'n{i}' for i in range(500))}]"
    assert len(plan(parse(text), holds=nothing)) == 500


def remembering(dice: random.Random, held: dict[str, bool]) -> Callable[[str], bool]:
    return lambda entry: held.setdefault(entry, dice.random() < 0.3)


@settings(five_hundred, max_examples=200)
@given(compositions(), seeds)
def test_random_plans_are_ordered_complete_and_learn_each_part_once(composition: Composition, seed: int) -> None:
    assume(composition.head is None or "par" not in composition.tags()["blocks"].split(","))
    held: dict[str, bool] = {}
    found = plan(composition, holds=remembering(random.Random(seed), held))
    done = {entry for entry, is_held in held.items() if is_held}
    for stage in found:
        assert stage.entry not in done
        assert set(stage.parents) <= done
        assert stage.learn
        assert all(part.entry == stage.entry for part in stage.learn)
        assert not set(stage.learn) & set(stage.frozen)
        assert {part.entry for part in stage.frozen} <= set(stage.parents)
        done.add(stage.entry)
    assert {part.entry for part in composition.parts} <= done


def test_a_plan_reads_as_numbered_text() -> None:
    assert describe(stages("fuse[mnli,squad]/seq[xquad,tydiqa.sw]", "mnli")) == (
        "3 stages to train:\n"
        "1. squad\n"
        "     trains on    squad\n"
        "     learns       adapter squad, head squad\n"
        "     frozen       the backbone\n"
        "2. fuse[mnli,squad]/xquad\n"
        "     trains on    xquad\n"
        "     learns       fusion fuse[mnli,squad], adapter fuse[mnli,squad]/xquad, head xquad\n"
        "     frozen       the backbone, adapter mnli, adapter squad\n"
        "3. fuse[mnli,squad]/seq[xquad,tydiqa.sw]\n"
        "     trains on    tydiqa.sw\n"
        "     learns       fusion fuse[mnli,squad], adapter fuse[mnli,squad]/seq[xquad,tydiqa.sw], head tydiqa\n"
        "     starts from  fuse[mnli,squad]/xquad\n"
        "     frozen       the backbone, adapter mnli, adapter squad"
    )


def test_a_plan_names_every_task_of_a_mix_and_the_rows_it_is_told() -> None:
    text = describe(stages("mix[a,b]/fuse[c,d]@xquad"), rows=lambda name: f"{name} rows")
    assert "     trains on    a rows + b rows\n     learns       adapter mix[a,b], head a, head b\n" in text
    assert "learns       fusion mix[a,b]/fuse[c,d], head xquad\n" in text


def test_a_plan_of_a_full_run_says_that_the_backbone_learns() -> None:
    assert describe(stages("a"), backbone_learns=True).endswith(
        "     learns       the backbone, adapter a, head a\n     frozen       nothing"
    )


def test_an_empty_plan_says_so() -> None:
    assert describe(()) == "Nothing to train: the zoo holds every part."
