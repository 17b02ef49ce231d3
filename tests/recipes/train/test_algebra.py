"""Averages, members side by side and merges through the recipes: made, scored, retrieved with, and refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.merging import merge_tensors
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A zoo with three adapters."""
    config = tiny_config(tmp_path_factory.mktemp("algebra"))
    for name in ("micro-nli", "micro-pos", "micro-pos.de"):
        toolkit.train(name, config)
    return config


@pytest.mark.parametrize("text", ["merge[micro-pos,micro-nli]", "merge[micro-nli:1,micro-pos:-0.5]", "ties[micro-nli,micro-pos]",
                                  "dare[micro-nli,micro-pos]"])  # fmt: skip
def test_a_merge_is_computed_from_the_zoo_and_answers_like_any_adapter(held: Config, text: str) -> None:
    said: list[str] = []
    (card,) = toolkit.train(text, held, say=said.append)
    zoo = Zoo(held.zoo)
    members = {name: zoo.tensors(zoo.get(name, "tiny"), "adapter.safetensors") for name in ("micro-nli", "micro-pos")}
    method = text.split("[")[0]
    weights = {"micro-nli": 1.0, "micro-pos": -0.5} if ":" in text else None
    expected = merge_tensors(members, method=method, weights=weights, density=1.0 if method == "merge" else 0.5)
    found = zoo.tensors(card, "adapter.safetensors")
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    assert {parent.name for parent in card.parents} == {"micro-nli", "micro-pos"}
    assert card.recipe["merge"]["method"] == method
    assert sorted(card.heads) == ["micro-nli", "micro-pos"]
    assert {seen.task for seen in card.data_seen} == {"micro-nli", "micro-pos"}
    assert card.scores == ()
    assert any("no rows" in sentence for sentence in said)
    for head in ("micro-nli", "micro-pos"):
        result = toolkit.evaluate(f"{text}@{head}", held, task=head, languages="en,tr")
        assert len({score.language for score in result.scores}) == 2
    assert toolkit.retrieve(text, held, task="micro-bitext", languages="de").scores


def test_a_merge_carries_a_target_and_a_fusion(held: Config) -> None:
    cards = toolkit.train("fuse[merge[micro-nli,micro-pos],micro-nli]/micro-qa", held)
    assert cards[-1].name == "fuse[merge[micro-nli,micro-pos],micro-nli]/micro-qa"
    assert toolkit.evaluate(cards[-1].name, held, task="micro-qa", languages="en").scores


def test_languages_of_one_task_merge_their_head_too(held: Config) -> None:
    (card,) = toolkit.train("merge[micro-pos,micro-pos.de]", held)
    zoo = Zoo(held.zoo)
    file = "head.micro-pos.safetensors"
    heads = {name: zoo.tensors(zoo.get(name, "tiny"), file) for name in ("micro-pos", "micro-pos.de")}
    assert all(np.array_equal(v, merge_tensors(heads)[k]) for k, v in zoo.tensors(card, file).items())


def test_a_merge_whose_member_has_changed_since_is_refused(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.train("merge[micro-nli,micro-pos]", config)
    other = replace(config, train=replace(config.train, seed=7))
    toolkit.train("micro-nli", other, retrain=True, force=True)
    with pytest.raises(ZooError, match="was trained on 'micro-nli'"):
        toolkit.evaluate("merge[micro-nli,micro-pos]", config, task="micro-pos")


def test_members_of_different_shape_are_refused(tmp_path: Path) -> None:
    toolkit.train("micro-nli", tiny_config(tmp_path))
    narrow = tiny_config(tmp_path, "adapter.reduction_factor=8")
    with pytest.raises(ToolkitError, match="cannot be merged: .* merge adapters of one shape"):
        toolkit.train("merge[micro-nli,micro-pos]", narrow)


def test_members_of_different_activations_are_refused(tmp_path: Path) -> None:
    toolkit.train("micro-nli", tiny_config(tmp_path))
    smooth = tiny_config(tmp_path, "adapter.non_linearity=gelu")
    with pytest.raises(ToolkitError, match="merges adapters of different activations"):
        toolkit.train("merge[micro-nli,micro-pos]", smooth)


def test_a_member_of_another_backbone_is_refused(held: Config, tmp_path: Path) -> None:
    here, there = Zoo(held.zoo), Zoo(tmp_path / "zoo")
    for name in ("micro-nli", "micro-pos"):
        card = here.get(name, "tiny")
        backbone = replace(card.backbone, digest="ab" * 32) if name == "micro-pos" else card.backbone
        there.put(replace(card, backbone=backbone, parents=()), {f: here.tensors(card, f) for f in card.files})
    with pytest.raises(ZooError, match="'micro-pos' was trained on tiny with the weights abababababab"):
        toolkit.train("merge[micro-nli,micro-pos]", tiny_config(tmp_path))


@pytest.mark.parametrize("density", ["0", "1.5", "nan"])
def test_a_density_outside_its_range_is_refused_before_anything_is_read(tmp_path: Path, density: str) -> None:
    with pytest.raises(ToolkitError, match="merge.density"):
        tiny_config(tmp_path, f"merge.density={density}")


def test_there_is_nothing_to_merge_in_a_full_run(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "adapter.kind=full")
    with pytest.raises(ToolkitError, match="trains the whole encoder and has none"):
        toolkit.train("merge[micro-nli,micro-pos]", config)


def test_an_average_is_scored_without_being_trained_or_stored(held: Config) -> None:
    text = "avg[micro-nli:0.3,micro-pos:0.7]"
    before = {card.name for card in Zoo(held.zoo).list("tiny")}
    assert not toolkit.train(text, held)
    result = toolkit.evaluate(text, held, task="micro-pos", languages="en")
    assert result.scores[0].composition == text
    assert {card.name for card in Zoo(held.zoo).list("tiny")} == before
    assert toolkit.retrieve(text, held, task="micro-bitext", languages="de").scores


def test_an_average_carries_a_target(held: Config) -> None:
    (card,) = toolkit.train("avg[micro-nli,micro-pos]/micro-choice", held)
    assert {parent.name for parent in card.parents} == {"micro-nli", "micro-pos"}
    assert toolkit.evaluate(card.name, held, task="micro-choice", languages="en").scores


def test_every_member_of_a_par_that_can_answer_does_and_as_it_does_alone(held: Config) -> None:
    result = toolkit.evaluate("par[micro-pos,micro-pos.de,micro-nli]", held, task="micro-pos", languages="en,ru")
    assert {score.composition for score in result.scores} == {"micro-pos", "micro-pos.de"}
    for score in result.scores:
        alone = toolkit.evaluate(score.composition, held, task="micro-pos", languages=score.language)
        assert score.value == next(one.value for one in alone.scores if one.metric == score.metric)


def test_a_par_without_a_fitting_head_and_a_par_that_retrieves_are_refused(held: Config) -> None:
    with pytest.raises(ToolkitError, match="No head of .* answers micro-qa, which needs span; its heads are micro-pos"):
        toolkit.evaluate("par[micro-pos,micro-nli]", held, task="micro-qa")
    with pytest.raises(ToolkitError, match="several vectors for one sentence"):
        toolkit.retrieve("par[micro-pos,micro-nli]", held, task="micro-bitext")
