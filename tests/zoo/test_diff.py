"""What tells two adapters apart is said, and nothing is compared that cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from click.testing import CliRunner

import cli
from tests.zoo.cards import ADAPTER, SHAPE, TINY, card, weights
from tests.zoo.cards import layers as shapes
from toolkit.results.score import Score
from toolkit.zoo import AdapterCard, CardScore, Seen, Zoo
from toolkit.zoo.diff import diff
from toolkit.zoo.record import add_scores
from toolkit.zoo.scored import Kept
from toolkit.zoo.share.share import push

Tensors = dict[str, np.ndarray]


def tensors(seed: int = 0, width: int = 2, layers: int = 3) -> Tensors:
    random = np.random.default_rng(seed)
    forms = shapes(replace(TINY, layers=layers), 8 // width)
    return {name: random.standard_normal(form).astype(np.float32) for name, form in forms.items()}


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    return Zoo(tmp_path / "zoo")


def put(zoo: Zoo, name: str, held: Tensors, **fields: Any) -> tuple[Zoo, AdapterCard]:
    width = held["layer.0.adapter_up.weight"].shape[1]
    made_for = {"backbone": replace(TINY, layers=len(held) // 4)} | fields
    recipe = {**card().recipe, **made_for.pop("recipe", {}), "adapter": {**SHAPE, "reduction_factor": 8 // width}}
    files = {ADAPTER: held, "head.mnli.safetensors": weights()["head.mnli.safetensors"]}
    return zoo, zoo.put(card(name, recipe=recipe, **made_for), files)


def test_an_adapter_differs_in_nothing_from_itself(zoo: Zoo) -> None:
    one = put(zoo, "mnli", tensors())
    found = diff(one, one)
    assert found.made == found.data == found.notes == ()
    assert all(layer.relative == 0 and layer.cosine == pytest.approx(1) for layer in found.weights)
    assert [(layer.part, layer.layer) for layer in found.weights] == [
        ("adapter", 0),
        ("adapter", 1),
        ("adapter", 2),
        ("head mnli", None),
    ]


def test_the_layer_that_was_changed_is_the_one_that_differs_and_by_as_much(zoo: Zoo) -> None:
    held = tensors()
    changed = {name: -array if name.startswith("layer.1.") else array for name, array in held.items()}
    found = diff(put(zoo, "a", held), put(zoo, "b", changed))
    by_layer = {layer.layer: layer for layer in found.weights if layer.part == "adapter"}
    assert (by_layer[0].relative, by_layer[2].relative) == (0, 0)
    assert by_layer[1].relative == pytest.approx(2) and by_layer[1].cosine == pytest.approx(-1)
    expected = np.sqrt(sum((held[name].astype(float) ** 2).sum() for name in held if name.startswith("layer.1.")))
    assert by_layer[1].norms == (pytest.approx(expected), pytest.approx(expected))


def test_recipe_rows_scores_and_parents_are_told_apart(zoo: Zoo) -> None:
    recipe = {"train": {"lr": 0.001, "limit": None}}
    seen = Seen("mnli", "train", "en", 100, "ff", is_generated=False)
    score = CardScore("mnli", "en", "accuracy", 0.5, n=10)
    first = put(zoo, "a", tensors())
    second = put(zoo, "b", tensors(1), recipe=recipe, data_seen=(seen,), scores=(score,))
    found = diff(first, second)
    made = {key: (a, b) for key, a, b in found.made}
    assert made["recipe.train.lr"] == ("1e-05", "0.001") and made["name"] == ("a", "b")
    assert made["recipe.train.mixture"] == ("no", "-") and "recipe.adapter.kind" not in made
    assert ("mnli en train", "-", "100 rows, ff") in found.data
    assert found.scores == ((("mnli", "en", "accuracy"), 0.1 + 0.2, 0.5),)


def test_other_shapes_other_layers_and_other_encoders_are_said_and_not_compared(zoo: Zoo) -> None:
    held = put(zoo, "a", tensors())
    wide = diff(held, put(zoo, "b", tensors(width=4)))
    assert any("'layer.0.adapter_down.0.bias' has the shapes (2,) and (4,)" in note for note in wide.notes)
    assert not [one for one in wide.weights if one.part == "adapter"]
    short = diff(held, put(zoo, "c", tensors(layers=2)))
    assert any("adapter, layer 2: only the first has" in note for note in short.notes)
    assert {one.layer for one in short.weights if one.part == "adapter"} == {0, 1}
    elsewhere = diff(held, put(zoo, "a", tensors(), backbone=replace(TINY, name="other", digest="cd" * 32, layers=3)))
    assert elsewhere.weights == () and "different encoders" in elsewhere.notes[0]


@pytest.mark.parametrize("at", ["folder", "memory"])
def test_the_command_compares_with_another_place(zoo: Zoo, tmp_path: Path, at: str) -> None:
    put(zoo, "mnli", tensors())
    place = str(tmp_path / "shared") if at == "folder" else "memory://diff"
    other = Zoo(tmp_path / "other")
    _, theirs = put(other, "mnli", tensors(1))
    push(other, theirs, place)
    said = CliRunner().invoke(cli.main, ["zoo", "diff", "mnli", "mnli", "--at", place, "--zoo", str(zoo.root)])
    fsspec.filesystem("memory").store.clear()
    assert said.exit_code == 0, said.output
    assert "relative difference" in said.stdout and "digest" in said.stdout and theirs.digest[:12] in said.stdout
    same = CliRunner().invoke(cli.main, ["zoo", "diff", "mnli", "mnli", "--zoo", str(zoo.root)])
    assert same.stdout.startswith("The same weights")


def test_scores_that_were_reached_since_are_compared_where_protocol_and_rows_are_the_same(zoo: Zoo) -> None:
    one, other = put(zoo, "mnli", tensors()), put(zoo, "mnli/squad", tensors(1))

    def keep(entry: tuple[Zoo, AdapterCard], value: float, **fields: str) -> None:
        score = Score("xnli", "de", "accuracy", value, 9, entry[1].name, 0, **{"split": "test", **fields})
        add_scores(zoo, entry[1], [Kept(entry[1].digest, score, True, "en", "eval")])

    keep(one, 0.5, fingerprint="ab")
    keep(other, 0.6, fingerprint="ab")
    keep(other, 0.7, fingerprint="cd")
    keep(other, 0.4, fingerprint="ab", protocol="noise=swap")
    scores = {key: values for key, *values in diff(one, other).scores if key[0] == "xnli"}
    assert scores == {
        ("xnli", "de", "accuracy (test)"): [0.5, 0.6],
        ("xnli", "de", "accuracy (test) of rows cd"): [None, 0.7],
        ("xnli", "de", "accuracy (test, noise=swap)"): [None, 0.4],
    }
