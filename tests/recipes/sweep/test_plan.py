"""Which steps fill a grid, and what a change of settings does to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from toolkit.errors import ConfigError, ToolkitError
from toolkit.recipes.sweep.facts import Facts, lacking_languages, needs_of
from toolkit.recipes.sweep.plan import stages_without_sharing
from toolkit.recipes.sweep.run import Asked, plan_sweep
from toolkit.sweeps import Planned
from toolkit.sweeps.changes import changes
from toolkit.tasks import BUILT_IN

NOTHING = Facts()
GRID = """
axes: {intermediates: [micro-nli, micro-qa], targets: [micro-choice, micro-pos], seeds: [0, 1]}
settings: {backbone: {name: tiny}}
intermediate: {train: {epochs: 2}}
target: {train: {limit: 100}}
tasks: {micro-pos: {train: {batch_size: 8}}}
"""


def planned(
    tmp_path: Path, text: str = GRID, given: Mapping[str, str] | None = None, facts: Facts = NOTHING
) -> Planned:
    path = tmp_path / "grid.yaml"
    path.write_text(text, encoding="utf-8")
    return plan_sweep(Asked(path, given or {}), facts, BUILT_IN)


def made_again(before: Planned, after: Planned) -> set[str]:
    kept = {step.key for step in before.steps}
    return {f"{step.kind} {step.composition}" for step in after.steps if step.key not in kept}


def test_a_shared_stage_is_one_step_and_parents_come_first(tmp_path: Path) -> None:
    found = planned(tmp_path)
    assert len(found.stages) == 16 and stages_without_sharing(found) == 20
    assert len(found.sweep.cells) == 12 == sum(not step.is_stage for step in found.steps)
    seen: set[str] = set()
    for step in found.steps:
        assert set(step.parents) <= seen
        seen.add(step.key)


def test_a_stage_takes_the_settings_of_its_role_and_its_task(tmp_path: Path) -> None:
    settings = {step.composition: step.settings["train"] for step in planned(tmp_path).stages if step.seed == 0}
    assert settings["micro-nli"]["epochs"] == 2.0 and settings["micro-nli"]["limit"] is None
    assert settings["micro-nli/micro-pos"]["limit"] == 100 and settings["micro-nli/micro-pos"]["batch_size"] == 8
    assert settings["micro-nli/micro-choice"]["batch_size"] == 32 and settings["micro-pos"]["epochs"] == "auto"


def test_an_intermediate_and_a_target_of_one_name_are_two_stages(tmp_path: Path) -> None:
    text = "axes: {intermediates: [micro-nli, micro-qa], targets: [micro-nli, micro-qa]}\ntarget: {train: {limit: 9}}"
    found = [step.composition for step in planned(tmp_path, text).stages]
    assert sorted(found) == [
        "micro-nli",
        "micro-nli",
        "micro-nli/micro-qa",
        "micro-qa",
        "micro-qa",
        "micro-qa/micro-nli",
    ]


@pytest.mark.parametrize(
    ("given", "again"),
    [
        (
            {"train.checkpoint_every": "7", "eval.batch_size": "9", "train.fusion_lr": "1e-3", "train.stride": "7"},
            "span",
        ),
        ({"eval.limit": "50"}, "evaluate"),
        ({"retrieve.limit": "50", "merge.density": "0.3", "train.mixture": "equal", "similarity.limit": "9"}, ""),
    ],
)
def test_a_setting_touches_only_what_it_can_change(tmp_path: Path, given: Mapping[str, str], again: str) -> None:
    before, after = planned(tmp_path), planned(tmp_path, given=given)
    found = made_again(before, after)
    if again == "span":  # the stride is of long contexts: micro-qa and what stands on it
        stages = {name for name in found if name.startswith("train")}
        assert stages == {"train micro-qa", "train micro-qa/micro-choice", "train micro-qa/micro-pos"}
        assert len(found) == 5
    elif again == "evaluate":
        assert len(found) == 6 and all(name.startswith("evaluate") for name in found)
    else:
        assert found == set()


def test_the_way_to_fuse_reaches_every_step_and_does_again_what_holds_a_fusion(tmp_path: Path) -> None:
    text = "axes: {fusions: {of: {b: [micro-nli, micro-qa]}, methods: [fuse, avg]}, targets: [micro-pos]}"
    before, after = planned(tmp_path, text), planned(tmp_path, text, {"fusion": "reference"})
    assert {step.settings["fusion"] for step in after.steps} == {"reference"}
    assert made_again(before, after) == {
        "train fuse[micro-nli,micro-qa]/micro-pos",
        "evaluate fuse[micro-nli,micro-qa]/micro-pos",
    }


def test_a_setting_of_one_task_touches_its_stages_and_what_stands_on_them(tmp_path: Path) -> None:
    after = planned(tmp_path, GRID.replace("batch_size: 8", "batch_size: 16"))
    stages = {name for name in made_again(planned(tmp_path), after) if name.startswith("train")}
    assert stages == {"train micro-pos", "train micro-nli/micro-pos", "train micro-qa/micro-pos"}


def test_other_rows_and_another_backbone_are_other_keys(tmp_path: Path) -> None:
    before = planned(tmp_path)
    needs, backbones = needs_of(before.steps, BUILT_IN)
    rows = {need.name: {"fingerprint": "a", "rows": 10} for need in needs}
    weights = {name: {"digest": "d", "precision": "fp32"} for name in backbones}
    known = planned(tmp_path, facts=Facts(weights, rows))
    other = {**rows, "micro-qa train en": {"fingerprint": "b", "rows": 10}}
    found = made_again(known, planned(tmp_path, facts=Facts(weights, other)))
    assert {name for name in found if name.startswith("train")} == {
        "train micro-qa",
        "train micro-qa/micro-choice",
        "train micro-qa/micro-pos",
    }
    heavier = planned(tmp_path, facts=Facts({name: {"digest": "e"} for name in backbones}, rows))
    assert len(made_again(known, heavier)) == len({(step.kind, step.composition) for step in known.steps})


def test_a_grid_that_grows_changes_nothing_and_one_that_changes_says_what(tmp_path: Path) -> None:
    before = planned(tmp_path)
    done = {step.key for step in before.steps}
    assert changes(before, planned(tmp_path, GRID.replace("[0, 1]", "[0, 1, 2]")), done=done) is None
    other = planned(tmp_path, GRID.replace("epochs: 2", "epochs: 3"))
    assert changes(before, other, done=set()) is None  # nothing was finished: nothing is lost
    found = changes(before, other, done=done)
    assert found is not None and found.why == ("train.epochs 2.0 -> 3.0",)
    assert found.kept == sum(step.composition in ("micro-choice", "micro-pos") for step in before.steps)
    assert found.again == len(before.steps) - found.kept
    fewer = changes(before, planned(tmp_path, GRID.replace("micro-nli, ", "")), done=done)
    assert fewer is not None and "'micro-nli' is no longer in the grid" in fewer.why


def test_the_backbone_alone_is_scored_once_for_all_seeds(tmp_path: Path) -> None:
    text = "axes: {intermediates: [micro-nli], targets: [micro-bitext], seeds: [0, 1, 2]}"
    found = planned(tmp_path, text)
    assert [step.composition for step in found.steps if not step.is_stage].count("backbone") == 1
    assert len({cell.key for cell in found.sweep.cells if cell.is_baseline}) == 1


def test_merged_members_are_shared_and_the_density_touches_ties_alone(tmp_path: Path) -> None:
    text = (
        "axes: {fusions: {of: {b: [micro-nli, micro-qa]}, methods: [merge, ties]}, targets: [micro-pos]}\nbaseline: no"
    )
    found = made_again(planned(tmp_path, text), planned(tmp_path, text, {"merge.density": "0.2"}))
    assert found and all("ties" in name for name in found)


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("axes: {intermediates: [mnly], targets: [xnli]}", {}, "Did you mean 'mnli'?"),
        ("axes: {intermediates: [mnli], targets: [xnly]}", {}, "Did you mean 'xnli'?"),
        ("axes: {intermediates: [mnli], targets: [xnli]}", {"train.seed": "3"}, "is an axis of"),
        ("axes: {intermediates: [mnli], targets: [xnli]}\nlanguages: [en, ja]", {}, "has no language 'ja'"),
        ("axes: {sources: [en, ja], targets: [tydiqa]}\nbaseline: en", {}, "has no language 'ja'"),
        ("axes: {intermediates: [mnli], targets: [xnli]}\nsettings: {train: {lr: fast}}", {}, "settings: train.lr is"),
        (
            "axes: {intermediates: [mnli], targets: [xnli], settings: {a: {train.lr: 1e-4}}}",
            {"train.lr": "1e-3"},
            "train.lr is given, but it is an axis",
        ),
    ],
)
def test_a_grid_that_cannot_be_run_is_one_sentence(
    tmp_path: Path, text: str, given: Mapping[str, str], expected: str
) -> None:
    with pytest.raises((ToolkitError, ConfigError)) as fault:
        planned(tmp_path, text, given)
    assert expected in str(fault.value) and "\n" not in str(fault.value)


def test_a_stride_that_leaves_no_room_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="set the stride to 64 or less"):
        planned(tmp_path, given={"train.max_length": "128"})
    planned(tmp_path, given={"train.max_length": "128", "train.stride": "64"})


def test_languages_that_the_data_lacks_are_named(tmp_path: Path) -> None:
    grid = "axes: {targets: [xnli]}\nsettings: {backbone: {name: tiny}}\n"
    (tmp_path / "facebook/xnli/de").mkdir(parents=True)
    table = pyarrow.table({"premise": ["a"], "hypothesis": ["b"], "label": [0]})
    pyarrow.parquet.write_table(table, tmp_path / "facebook/xnli/de/validation-00000-of-00001.parquet")
    for languages, said in (("all", "left out: en, ar, bg,"), ("[de, sw]", "its steps will fail: sw.")):
        steps = planned(tmp_path, f"{grid}languages: {languages}\n").steps
        (sentence,) = lacking_languages(steps, BUILT_IN, tmp_path)
        assert said in sentence and " de" not in sentence


STAR = """
axes: {compositions: {each: "micro-text.*/{target}"}, targets: [micro-nli]}
baseline: no
languages: {micro-nli: [LANGUAGES]}
settings: {backbone: {name: tiny}, eval: {without: WITHOUT}}
tasks: {micro-text: {adapter: {kind: seq_bn_inv}}}
"""


def star(languages: str, without: str = "refuse") -> str:
    return STAR.replace("LANGUAGES", languages).replace("WITHOUT", without)


def test_a_row_that_follows_the_language_trains_an_adapter_for_each(tmp_path: Path) -> None:
    found = planned(tmp_path, star("en, sw, el"))
    names = [step.composition for step in found.stages]
    assert names == ["micro-text.en", "micro-text.en/micro-nli", "micro-text.sw", "micro-text.el"]
    kinds = {step.composition: step.settings["adapter"]["kind"] for step in found.stages}
    assert kinds["micro-text.sw"] == "seq_bn_inv" and kinds["micro-text.en/micro-nli"] == "seq_bn"
    (score,) = (step for step in found.steps if not step.is_stage)
    assert score.composition == "micro-text.*/micro-nli"
    assert set(score.parents) == {step.key for step in found.stages}


def test_languages_without_text_are_named_before_anything_is_trained(tmp_path: Path) -> None:
    facts = Facts(rows={"micro-text train sw": {"fault": "no rows"}})
    with pytest.raises(ToolkitError, match=r"scored on micro-nli in sw, for which there is no text to train"):
        planned(tmp_path, star("en, sw"), facts=facts)
    found = planned(tmp_path, star("en, sw", "english"), facts=facts)
    assert [step.composition for step in found.stages] == ["micro-text.en", "micro-text.en/micro-nli"]
