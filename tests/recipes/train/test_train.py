"""Training through the recipe: what is made, what is recorded, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import toolkit
from tests.recipes.small import FUSED, TRAINED, tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError, ZooError
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.recipes.train import stage
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey


def weights(config: Config, entry: str) -> dict[str, np.ndarray]:
    zoo = Zoo(config.zoo)
    card = zoo.get(entry, "tiny")
    return {f"{file}/{key}": value for file in card.files for key, value in zoo.tensors(card, file).items()}


def test_a_fusion_makes_its_members_first_and_one_entry_each(trained: Config) -> None:
    names = [card.name for card in Zoo(trained.zoo).list("tiny")]
    assert sorted(names) == sorted(["micro-nli", "micro-qa", FUSED, "micro-nli/micro-pos"])


def test_an_entry_holds_exactly_what_its_stage_learnt(trained: Config) -> None:
    zoo = Zoo(trained.zoo)
    assert set(zoo.get("micro-nli", "tiny").files) == {"adapter.safetensors", "head.micro-nli.safetensors"}
    assert set(zoo.get(FUSED, "tiny").files) == {
        "adapter.safetensors",
        "fusion.safetensors",
        "head.micro-choice.safetensors",
    }


def test_a_card_names_parents_with_digests_and_the_rows_seen(trained: Config) -> None:
    zoo = Zoo(trained.zoo)
    card = zoo.get(FUSED, "tiny")
    assert {p.name: p.digest for p in card.parents} == {
        name: zoo.get(name, "tiny").digest for name in ("micro-nli", "micro-qa")
    }
    (seen,) = card.data_seen
    assert (seen.task, seen.split, seen.language, seen.rows, seen.is_generated) == (
        "micro-choice",
        "train",
        "en",
        TRAINED,
        True,
    )
    assert card.recipe["train"]["lr"] == 5e-4
    assert len(card.backbone.digest) == 64


def test_training_again_finds_nothing_to_do(trained: Config) -> None:
    said: list[str] = []
    assert not toolkit.train(FUSED, trained, say=said.append)
    assert said == ["Nothing to train: the zoo holds every part."]


def test_frozen_members_are_the_same_bits_in_the_zoo_and_after_a_fusion(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.train("micro-nli", config)
    before = weights(config, "micro-nli")
    toolkit.train("fuse[micro-nli,micro-qa]@micro-pos", config)
    after = weights(config, "micro-nli")
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    first, again = tiny_config(tmp_path / "a"), tiny_config(tmp_path / "b")
    other = tiny_config(tmp_path / "c", "train.seed=1")
    for config in (first, again, other):
        toolkit.train("micro-pos", config)
    one, two, three = (weights(config, "micro-pos") for config in (first, again, other))
    assert all(np.array_equal(one[key], two[key]) for key in one)
    assert not any(np.array_equal(one[key], three[key]) for key in one if key.endswith("weight"))


def test_seq_starts_from_the_adapter_before_it(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "train.lr=1e-9", "train.fusion_lr=1e-9")
    toolkit.train("seq[micro-nli,micro-qa]", config)
    before, after = weights(config, "micro-nli"), weights(config, "seq[micro-nli,micro-qa]")
    assert Zoo(config.zoo).get("seq[micro-nli,micro-qa]", "tiny").recipe["warm_start"] == "micro-nli"
    adapter = [key for key in after if key.startswith("adapter.")]
    assert adapter
    # At a vanishing learning rate the adapter stays where the first task left it.
    assert all(np.allclose(before[key], after[key], atol=1e-6) for key in adapter)


def test_mix_trains_one_adapter_with_a_head_for_each_task(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    (card,) = toolkit.train("mix[micro-nli,micro-pos]", config)
    assert set(card.files) == {
        "adapter.safetensors",
        "head.micro-nli.safetensors",
        "head.micro-pos.safetensors",
    }
    assert {seen.task for seen in card.data_seen} == {"micro-nli", "micro-pos"}
    for task in ("micro-nli", "micro-pos"):
        expression = "mix[micro-nli,micro-pos]" + ("@micro-nli" if task == "micro-nli" else "")
        assert toolkit.evaluate(expression, config, task=task, languages="en").scores


def test_the_order_of_a_mixture_changes_no_weight(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "train.mixture=equal", "train.grad_clip=0.01")
    tasks = ("micro-qa", "micro-nli", "micro-pos")
    orders = [f"mix[{','.join(each)}]" for each in (tasks, tasks[::-1])]
    for order in orders:
        toolkit.train(order, config)
    one, other = (weights(config, order) for order in orders)
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[key], other[key]) for key in one)


def test_languages_of_one_task_share_a_head(tmp_path: Path) -> None:
    (card,) = toolkit.train("mix[micro-nli.en,micro-nli.sw]", tiny_config(tmp_path))
    assert set(card.heads) == {"micro-nli"}
    assert [seen.language for seen in card.data_seen] == ["en", "sw"]


def test_full_training_changes_the_encoder_and_stands_on_its_own_shelf(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "adapter.kind=full")
    first, second = toolkit.train("micro-nli/micro-pos", config)
    zoo = Zoo(config.zoo)
    assert first.backbone.name == "tiny+full"
    one, two = zoo.tensors(first, "adapter.safetensors"), zoo.tensors(second, "adapter.safetensors")
    assert one.keys() == two.keys()
    assert any("word_embeddings" in key for key in one)
    assert any(not np.array_equal(one[key], two[key]) for key in one)
    assert toolkit.evaluate("micro-nli/micro-pos", config, task="micro-pos", languages="en").scores


def test_full_training_refuses_a_fusion(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "adapter.kind=full")
    with pytest.raises(ToolkitError, match="fuses adapters"):
        toolkit.train(FUSED, config)


def test_a_parent_that_was_trained_again_is_noticed(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.train("micro-nli/micro-pos", config)
    changed = replace(config, train=replace(config.train, seed=5))
    toolkit.train("micro-nli", changed, retrain=True, force=True)
    with pytest.raises(
        ZooError, match=r"'micro-nli/micro-pos' was trained on 'micro-nli' [0-9a-f]{12}, but the zoo holds"
    ):
        toolkit.evaluate("micro-nli/micro-pos", config, task="micro-pos", languages="en")


def test_a_bitext_task_has_nothing_to_train(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="scored by `xstilts retrieve"):
        toolkit.train("tatoeba", tiny_config(tmp_path))


@pytest.mark.real_data
def test_a_target_without_training_rows_takes_those_it_trains_on(tmp_path: Path, data_root: Path) -> None:
    config = tiny_config(tmp_path, f"data_root={data_root}", "train.limit=12", "train.eval_limit=4")
    (card,) = toolkit.train("xquad", config)
    assert card.data_seen[0].task == "squad"
    assert set(card.heads) == {"xquad"}


def test_adapters_of_different_shapes_are_fused_and_each_keeps_its_own(tmp_path: Path) -> None:
    narrow = tiny_config(tmp_path, "adapter.reduction_factor=8", "adapter.non_linearity=gelu")
    toolkit.train("micro-nli", narrow)
    wide = tiny_config(tmp_path, "adapter.reduction_factor=4")
    toolkit.train(FUSED, wide)
    circuit, _ = trained_circuit(FUSED, Session.open(wide), heads=None)
    with circuit:
        widths = {part.name: circuit.shapes_of(part)["layer.0.adapter_up.weight"][1] for part in circuit.parts
                  if part.kind == "adapter"}  # fmt: skip
    assert list(widths.values()) == [4, 8, 8]


def test_a_fusion_in_two_phases_learns_before_what_stands_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phases: list[tuple[str, list[str], int]] = []
    real = stage.fit

    def fit(circuit, learn, *args, **options):  # type: ignore[no-untyped-def]
        result = real(circuit, learn, *args, **options)
        phases.append((str(circuit.composition), [part.kind for part in learn], result.steps))
        return result

    monkeypatch.setattr(stage, "fit", fit)
    (*_, card) = toolkit.train(FUSED, tiny_config(tmp_path, "train.fusion_first=true"))
    assert [kinds for text, kinds, _ in phases if text == FUSED] == [["fusion", "head"], ["adapter", "head"]]
    assert card.recipe["steps"] == sum(steps for text, _, steps in phases if text == FUSED)
    assert set(card.files) == {"adapter.safetensors", "fusion.safetensors", "head.micro-choice.safetensors"}
    assert not list((tmp_path / "runs" / "checkpoints").iterdir())


def test_layers_that_are_left_out_come_with_the_card(tmp_path: Path) -> None:
    half = tiny_config(tmp_path, "adapter.leave_out_upper=0.5")
    toolkit.train("micro-nli", half)
    circuit, _ = trained_circuit("micro-nli", Session.open(tiny_config(tmp_path)), heads=None)
    with circuit:
        assert {key.split(".")[1] for key in circuit.shapes_of(circuit.parts[0])} == {"0"}
    with pytest.raises(ToolkitError, match="joins adapters that are in different layers"):
        toolkit.train("fuse[micro-nli,micro-pos]@micro-nli", tiny_config(tmp_path))


def test_a_card_says_the_epochs_that_total_steps_came_to_and_has_the_weights_of_as_many_epochs(tmp_path: Path) -> None:
    by_epochs, by_steps = tiny_config(tmp_path / "a", "train.epochs=3"), tiny_config(tmp_path / "b", "train.epochs=9")
    (asked,) = toolkit.train("micro-nli", by_epochs)
    said: list[str] = []
    steps = asked.recipe["steps"]
    by_steps = replace(by_steps, train=replace(by_steps.train, total_steps=steps))
    (made,) = toolkit.train("micro-nli", by_steps, say=said.append)
    assert (made.recipe["train"]["epochs"], made.recipe["best_step"]) == (3.0, asked.recipe["best_step"])
    assert made.digest == asked.digest
    assert any(f"epochs 3, {steps} steps (batches are cut by tokens" in sentence for sentence in said)
