"""Entries under names of their own, other settings than those of an entry, and what is trained again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import cli
import toolkit
from tests.recipes.small import FUSED, SETTINGS, tiny_config
from toolkit.config import Config
from toolkit.config.keys import keys_that_change
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.merging import merge_tensors
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.held import held_entry
from toolkit.zoo import AdapterCard, Zoo
from toolkit.zoo.lease import leased

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A zoo with an adapter, another seed of it, and two fusions that share members."""
    config = tiny_config(tmp_path_factory.mktemp("variants"))
    toolkit.train("micro-nli", config)
    toolkit.train("micro-nli", seeded(config, 1), name="calm")
    toolkit.train("fuse[micro-nli,calm]/micro-pos", config)
    toolkit.train("fuse[micro-nli,calm]@micro-choice", config)
    return config


def seeded(config: Config, seed: int) -> Config:
    return replace(config, train=replace(config.train, seed=seed))


def having(config: Config, **settings: Any) -> Config:
    return replace(config, train=replace(config.train, **settings))


def card_of(config: Config, name: str) -> AdapterCard:
    return Zoo(config.zoo).get(name, "tiny")


def digests(config: Config) -> dict[str, str]:
    return {card.name: card.digest for card in Zoo(config.zoo).list("tiny")}


# -- another seed or setting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, r"train.seed 0 \(here 1\); .*`--as micro-nli-seed1`.*`--retrain`"),
        ({"lr": 1e-3}, r"train.lr 0.0005 \(here 0.001\); .*`--as micro-nli-2`"),
        ({"limit": 32, "epochs": 2.0}, r"train.epochs 1 \(here 2\), train.limit 24 \(here 32\)"),
        ({"head_dropout": 0.0}, r"train.head_dropout 0.1 \(here 0\)"),
        ({"augment": "swap:0.1"}, r"train.augment null \(here swap:0.1\)"),
    ],
)
def test_an_entry_of_other_settings_is_not_taken_for_what_is_asked_for(
    held: Config, changed: dict[str, Any], said: str
) -> None:
    before = digests(held)
    with pytest.raises(ToolkitError, match=f"The zoo holds 'micro-nli' with other settings: {said}"):
        toolkit.train("micro-nli", having(held, **changed))
    assert digests(held) == before


def test_other_settings_of_the_adapter_and_the_precision_count_as_well(held: Config) -> None:
    other = replace(held, adapter=replace(held.adapter, reduction_factor=8))
    with pytest.raises(ToolkitError, match=r"adapter.reduction_factor 16 \(here 8\)"):
        toolkit.train("micro-nli", other)
    found = held_entry(
        card_of(held, "micro-nli"), Session.open(replace(held, backbone=replace(held.backbone, precision="bf16")))
    )
    assert dict(found.differs) == {"backbone.precision": ("fp32", "bf16")}


def test_what_cannot_change_the_weights_stops_nothing(held: Config) -> None:
    other = having(held, checkpoint_every=7, stride=64, fusion_lr=1.0, mixture="equal", max_length=256)
    other = replace(other, eval=replace(other.eval, batch_size=3), run_dir=Path("elsewhere"))
    assert not toolkit.train("micro-nli", other)


def test_every_setting_that_can_change_weights_is_compared(held: Config) -> None:
    """A card that records other values differs in exactly the settings that change this entry's weights."""
    card = card_of(held, "fuse[micro-nli,calm]/micro-pos")
    sections = {name: dict.fromkeys(card.recipe[name], "other") for name in ("adapter", "train", "eval")}
    changed = replace(card, recipe={**card.recipe, **sections, "fusion": "reference"})
    wanted = keys_that_change("weights", cases=("passes", "adapter", "frozen", "fusion", "fused", "tags"))
    found = held_entry(changed, Session.open(held))
    for cut in ("train.accumulate", "train.effective_batch"):  # they count in the rows of a step, `train.batch_size`
        wanted.remove(cut)
    assert sorted(found.differs) == sorted(wanted) and not found.unknown


def test_a_setting_that_an_old_card_does_not_state_is_said_and_is_no_difference(held: Config) -> None:
    card = card_of(held, "micro-nli")
    old = {
        key: value for key, value in card.recipe["train"].items() if key not in ("augment", "augment_rate", "pooling")
    }
    found = held_entry(
        replace(card, recipe={**card.recipe, "train": old}), Session.open(having(held, augment="swap:0.1"))
    )
    assert not found.differs and dict(found.unknown) == {"train.augment": "swap:0.1"}
    assert found.lines()[-1] == "    not on its card: train.augment (here swap:0.1)"


def test_a_stack_on_an_entry_of_other_settings_is_made_and_said(held: Config) -> None:
    said: list[str] = []
    (card,) = toolkit.train("micro-nli/micro-qa", seeded(held, 3), say=said.append)
    assert card.seed == 3 and card_of(held, "micro-nli").seed == 0
    assert "    differs: train.seed 0 (here 3)" in said[0].splitlines()
    Zoo(held.zoo).remove(card.name, "tiny")


def test_a_plan_shows_how_frozen_parts_were_trained_and_marks_what_differs(held: Config) -> None:
    plan = toolkit.plan("fuse[micro-nli,calm]/micro-qa", having(held, lr=1e-3))
    lines = plan.text.splitlines()
    at = lines.index("In the zoo already:")
    calm = card_of(held, "calm").digest[:12]
    assert lines[at + 3 :] == [
        f"  calm  {calm}  trained as micro-nli, seed 1, lr 0.0005, epochs 1, batch 8, limit 24, 24 rows of micro-nli en",
        "    differs: train.lr 0.0005 (here 0.001), train.seed 1 (here 0)",
    ]
    (stage,) = map(json.loads, plan.json_lines)
    assert stage["held"]["calm"]["differs"] == {"train.lr": [0.0005, 0.001], "train.seed": [1, 0]}
    assert stage["held"]["calm"]["recipe"]["train"]["seed"] == 1
    assert stage["held"]["micro-nli"]["unknown"] == []


# -- names ---------------------------------------------------------------------------------------------------------------


def test_a_variant_is_an_entry_of_its_own_that_says_what_it_is(held: Config) -> None:
    card = card_of(held, "calm")
    assert (card.name, card.trained_as, card.seed, card.task) == ("calm", "micro-nli", 1, "micro-nli")
    assert set(card.files) == {"adapter.safetensors", "head.calm.safetensors"}
    assert not toolkit.train("micro-nli", seeded(held, 1), name="calm"), "the same settings: nothing to train"
    with pytest.raises(ToolkitError, match=r"'calm' with other settings: train.seed 1 \(here 2\).*`--as calm-seed2`"):
        toolkit.train("micro-nli", seeded(held, 2), name="calm")
    with pytest.raises(ToolkitError, match="'calm', which is not 'micro-qa' .*trained as micro-nli.*another name"):
        toolkit.train("micro-qa", seeded(held, 1), name="calm")


def test_a_variant_has_the_weights_that_its_settings_give_under_any_name(held: Config, tmp_path: Path) -> None:
    (alone,) = toolkit.train("micro-nli", tiny_config(tmp_path, "train.seed=1"))
    one = Zoo(held.zoo).tensors(card_of(held, "calm"), "adapter.safetensors")
    other = Zoo(tmp_path / "zoo").tensors(alone, "adapter.safetensors")
    assert all(np.array_equal(one[key], other[key]) for key in other)


def test_another_name_of_a_task_is_not_another_seed(held: Config, tmp_path: Path) -> None:
    file = tmp_path / "renamed.yaml"
    file.write_text("name: renamed\nbase: micro-nli\n")
    toolkit.train("renamed", tiny_config(tmp_path, f"task_files={file}"))
    zoo, other = Zoo(held.zoo), Zoo(tmp_path / "zoo")
    for mine, theirs in (("adapter", "adapter"), ("head.micro-nli", "head.renamed")):
        one = zoo.tensors(card_of(held, "micro-nli"), f"{mine}.safetensors")
        two = other.tensors(other.get("renamed", "tiny"), f"{theirs}.safetensors")
        assert all(np.array_equal(one[key], two[key]) for key in one)


def test_variants_are_scored_compared_merged_and_trained_on(held: Config) -> None:
    assert toolkit.evaluate("calm", held, task="micro-nli", languages="en").scores[0].composition == "calm"
    assert toolkit.compare(
        ["micro-nli", "calm"], held, task="micro-nli", languages="en", resamples=100
    ).found.others == ("calm",)
    assert {p.name for p in card_of(held, "fuse[micro-nli,calm]/micro-pos").parents} == {"micro-nli", "calm"}
    (above,) = toolkit.train("calm/micro-pos", held)
    assert above.name == "calm/micro-pos" and above.parents[0].name == "calm"
    (merged,) = toolkit.train("merge[micro-nli,calm]", held)
    zoo = Zoo(held.zoo)
    heads = {name: zoo.tensors(card_of(held, name), f"head.{name}.safetensors") for name in ("micro-nli", "calm")}
    expected = merge_tensors(heads)
    for name in heads:
        found = zoo.tensors(merged, f"head.{name}.safetensors")
        assert all(np.array_equal(found[key], expected[key]) for key in expected), "two seeds have one head to merge"
    for card in (above, merged):
        zoo.remove(card.name, "tiny")


def test_a_variant_of_several_tasks_holds_each_head(held: Config) -> None:
    toolkit.train("mix[micro-nli,micro-qa]", held, name="both")
    assert set(card_of(held, "both").files) == {"adapter.safetensors", "head.both.safetensors"}
    assert set(card_of(held, "both@micro-nli").files) == {"head.micro-nli.safetensors"}
    Zoo(held.zoo).verify(card_of(held, "both@micro-nli"))
    for expr, task in (("both", "micro-qa"), ("both@micro-nli", "micro-nli")):
        assert toolkit.evaluate(expr, held, task=task, languages="en").scores
    toolkit.train("mix[micro-nli,micro-qa]", held, name="both", retrain=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [("micro-qa", "is a task"), ("a/b", "not a plain name"), ("x.sw", "not a plain name"), ("Calm", "is not a name")],
)
def test_a_name_that_cannot_be_given_is_refused(held: Config, name: str, said: str) -> None:
    with pytest.raises(ToolkitError, match=said):
        toolkit.train("micro-nli", held, name=name)


# -- again ---------------------------------------------------------------------------------------------------------------


def test_two_fusions_that_share_members_outlive_each_others_retraining(held: Config) -> None:
    before = digests(held)
    other = having(held, lr=1e-2)
    made = toolkit.train("fuse[micro-nli,calm]/micro-pos", other, retrain=True)
    assert [card.name for card in made] == ["fuse[micro-nli,calm]/micro-pos"]
    assert {name for name, digest in digests(held).items() if before[name] != digest} == {made[0].name}
    assert toolkit.evaluate("fuse[micro-nli,calm]@micro-choice", held, task="micro-choice", languages="en").scores


@pytest.mark.parametrize("retrain", [("micro-nli", "last"), ("fuse[micro-nli,calm]/micro-pos", "all")])
def test_what_others_were_trained_on_is_not_replaced_unless_it_is_forced(
    held: Config, retrain: tuple[str, Any]
) -> None:
    expr, which = retrain
    before = digests(held)
    with pytest.raises(ZooError, match=r"is a parent of 'fuse.*cannot run without it; .*`--as NAME`.*`--force`"):
        toolkit.train(expr, seeded(held, 9), retrain=which)
    assert digests(held) == before
    plan = toolkit.plan(expr, seeded(held, 9), retrain=which)
    assert plan.orphaned["micro-nli"] and "train.seed 0 (here 9)" in plan.text and "orphans" in plan.text


def test_a_variant_is_trained_again_and_every_stage_when_it_is_forced(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.train("micro-nli/micro-pos", config, name="posy")
    (again,) = toolkit.train("posy", seeded(config, 4), retrain=True)
    assert (again.name, again.trained_as, again.seed) == ("micro-nli/posy", "micro-nli/micro-pos", 4)
    both = toolkit.train("posy", seeded(config, 5), retrain="all")
    assert [(card.name, card.seed) for card in both] == [("micro-nli", 5), ("micro-nli/posy", 5)]
    toolkit.train("micro-nli", config, retrain=True, force=True)
    with pytest.raises(ZooError, match=r"train it again \(`xstilts train .* --retrain --backbone tiny"):
        toolkit.evaluate("posy", config, task="micro-pos", languages="en")


def test_the_command_line_has_the_same_switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    common = ["--backbone", "tiny", *(word for each in SETTINGS for word in ("--set", each))]

    def run(*words: str) -> tuple[int, str]:
        found = CliRunner().invoke(cli.main, [*words, *common], catch_exceptions=False)
        return found.exit_code, found.output

    assert run("train", "micro-nli")[0] == 0
    code, said = run("train", "micro-nli", "--seed", "1")
    assert code == 2 and said.count("\n") == 1 and "--as micro-nli-seed1" in said and "--retrain" in said
    assert run("train", "micro-nli", "--seed", "1", "--as", "micro-nli-seed1")[0] == 0
    assert run("train", "--retrain", "micro-nli", "--seed", "2")[0] == 0
    assert run("train", "--retrain", "all", "micro-nli")[0] == run("train", "micro-nli", "--retrain=all")[0] == 0
    assert run("fuse", "micro-nli", "micro-nli-seed1", "--target", "micro-choice", "--as", "twins")[0] == 0
    assert "replaces" in run("plan", "twins", "--retrain")[1]
    assert {card.name for card in Zoo(tmp_path / "adapter_zoo").list()} == {
        "micro-nli",
        "micro-nli-seed1",
        "fuse[micro-nli,micro-nli-seed1]/twins",
    }


def test_the_settings_of_an_old_zoo_are_compared(trained: Config) -> None:
    assert not toolkit.train(FUSED, trained)
    with pytest.raises(ToolkitError, match=r"train.fusion_lr 0.00025 \(here 0.1\)"):
        toolkit.train(FUSED, having(trained, fusion_lr=0.1))


# -- names that another training holds ---------------------------------------------------------------------------------


def test_a_name_that_another_training_holds_is_refused_before_anything_is_trained(held: Config) -> None:
    before, zoo = digests(held), Path(held.zoo)
    with (
        leased(zoo, "tiny", ["calmer"]),
        pytest.raises(ZooError, match="'calmer' is being trained for tiny by process"),
    ):
        toolkit.train("micro-nli", held, name="calmer")
    # A composition is refused at its first stage, too, and no stage of it is trained.
    with leased(zoo, "tiny", ["micro-qa/calmer"]), pytest.raises(ZooError, match="'micro-qa/calmer' is being trained"):
        toolkit.train("micro-qa/micro-pos", held, name="calmer")
    with leased(zoo, "tiny", ["calmer"]), pytest.raises(ZooError, match="'calmer' is being trained"):
        toolkit.collapse("fuse[micro-nli,calm]/micro-pos", held, languages="en", name="calmer")
    with leased(zoo, "tiny", ["merge[micro-nli,calm]"]), pytest.raises(ZooError, match="being trained"):
        toolkit.train("merge[micro-nli,calm]", held)
    assert digests(held) == before


def test_what_another_process_made_after_the_plan_is_not_trained_again(
    held: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.recipes.train import train

    card = card_of(held, "calm")
    plan = train.plan_training

    def planned_before(*arguments: Any) -> Any:
        found = plan(*arguments)
        files = {file: Zoo(held.zoo).tensors(card, file) for file in card.files if not file.startswith("head")}
        Zoo(held.zoo).put(replace(card, name="late", heads={}), files)
        return found

    monkeypatch.setattr(train, "plan_training", planned_before)
    with pytest.raises(
        ToolkitError, match="got 'late' from another process at this moment; run the same command again"
    ):
        toolkit.train("micro-nli", held, name="late")


def test_a_batch_that_is_cut_otherwise_is_the_same_setting(held: Config) -> None:
    card, train = card_of(held, "fuse[micro-nli,calm]/micro-pos"), held.train
    assert train.accumulate == 1
    halves = replace(held, train=replace(train, batch_size=train.batch_size // 2, accumulate=2))
    assert "train.batch_size" not in held_entry(card, Session.open(halves)).differs
    twice = replace(held, train=replace(train, accumulate=2))
    differs = held_entry(card, Session.open(twice)).differs
    assert differs["train.batch_size"] == (train.batch_size, 2 * train.batch_size)
