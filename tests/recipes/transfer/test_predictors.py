"""What predictors read is read once, and what they say is what their estimators say of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toolkit
from tests.recipes.small import TRAINED
from toolkit.config import Config
from toolkit.embeddings import damages, shelves
from toolkit.errors import ToolkitError
from toolkit.modeling.states import item_states
from toolkit.recipes.score import shards
from toolkit.recipes.session.session import Session
from toolkit.recipes.transfer import reader
from toolkit.recipes.transfer.evidence import Absent, Context
from toolkit.recipes.transfer.predictors import PREDICTORS, extract, get_predictor, scores
from toolkit.similarity import cosine, logme
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey

LIMIT = 48
HELD = ("micro-nli", "micro-qa")  # what the zoo of `trained` holds alone


@pytest.fixture
def config(trained: Config, tmp_path: Path) -> Config:
    """The zoo of `trained` with a store of the test's own."""
    return replace(
        trained,
        store=replace(trained.store, folder=tmp_path / "store"),
        # The micro-world's 700 sentences take seconds; any other text says as much about what is read when.
        similarity=replace(trained.similarity, limit=LIMIT, examples=16, shared_text="micro-answers"),
    )


def _context(config: Config, **more: Any) -> Context:
    return Context(Session.open(config), **more)


@pytest.fixture
def context(config: Config) -> Iterator[Context]:
    with _context(config) as opened:
        yield opened


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Which circuit encoded how many sequences."""
    calls: list[tuple[str, int]] = []

    def counted(circuit, items, **options):  # type: ignore[no-untyped-def]
        calls.append((str(circuit.composition), len(items.features)))
        return item_states(circuit, items, **options)

    monkeypatch.setattr(shards, "item_states", counted)
    return calls


def by(name: str, sources: tuple[str, ...], target: str, context: Context) -> dict[str, float | str]:
    return scores(get_predictor(name), sources, target, context)


def read_all(tasks: tuple[str, ...], config: Config) -> int:
    """Let every predictor that reads vectors speak about all pairs; return what was encoded."""
    wanted = [PREDICTORS[name] for name in ("text-embedding", "logme", "transrate", "cka", "vocabulary")]
    with _context(config) as context:
        extract(wanted, tasks, tasks, context)
        for predictor in wanted:
            for target in tasks:
                scores(predictor, tasks, target, context)
        return context.n_encoded


# -- once a task --------------------------------------------------------------------------------------------------


def test_what_was_read_once_is_not_read_again(config: Config, encoded: list) -> None:
    tasks = ("micro-nli", "micro-qa", "micro-pos")
    assert read_all(tasks, config) == sum(n for _, n in encoded) > 0
    encoded.clear()
    assert read_all(tasks, config) == 0
    assert encoded == []


def test_a_further_task_costs_its_own_extraction_alone(config: Config, encoded: list) -> None:
    read_all(("micro-nli", "micro-qa"), config)
    encoded.clear()
    read_all(("micro-nli", "micro-qa", "micro-pos"), config)
    with _context(config) as context:
        own = len(context.probe("micro-pos").texts)
    # Its sentences by the bare backbone and by each adapter that there is; nothing of the other tasks.
    assert sorted(encoded) == [("backbone", own), ("micro-nli", own), ("micro-qa", own)]


def test_a_further_adapter_reads_every_task_once_and_the_others_read_nothing(
    config: Config, encoded: list, tmp_path: Path
) -> None:
    tasks = ("micro-nli", "micro-qa")
    shutil.copytree(config.zoo, tmp_path / "zoo")
    zoo = Zoo(tmp_path / "zoo")
    zoo.remove("micro-qa", "tiny", force=True)
    read_all(tasks, replace(config, zoo=tmp_path / "zoo"))
    encoded.clear()
    read_all(tasks, config)
    with _context(config) as context:
        own = sum(len(context.probe(task).texts) for task in (*tasks, "micro-answers"))
    assert {name for name, _ in encoded} == {"micro-qa"}
    assert sum(n for _, n in encoded) == own


def test_each_circuit_is_wired_once_however_many_targets_there_are(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = []
    whole = reader.trained_circuit
    monkeypatch.setattr(
        reader,
        "trained_circuit",
        lambda text, *args, **rest: (wired.append(text), whole(text, *args, **rest))[1],
    )
    tasks = ("micro-nli", "micro-qa", "micro-pos", "micro-choice")
    with _context(config) as context:
        extract([PREDICTORS["logme"], PREDICTORS["cka"]], tasks, tasks, context)
        for target in tasks:
            by("logme", tasks, target, context)
            by("cka", tasks, target, context)
    assert sorted(wired) == ["micro-nli", "micro-qa"] or sorted(wired) == ["backbone", "micro-nli", "micro-qa"]


def test_another_seed_or_limit_is_another_draw(config: Config, encoded: list) -> None:
    read_all(("micro-nli", "micro-pos"), config)
    encoded.clear()
    read_all(("micro-nli", "micro-pos"), replace(config, similarity=replace(config.similarity, seed=1)))
    assert encoded


def test_without_a_store_the_same_numbers_come_out(config: Config) -> None:
    said = []
    for folder in (config.store.folder, None):
        with _context(replace(config, store=replace(config.store, folder=folder))) as context:
            said.append([by(name, HELD, "micro-qa", context) for name in ("text-embedding", "logme", "cka")])
    for kept, held in zip(*said, strict=True):
        assert kept == pytest.approx(held)


# -- what they say ------------------------------------------------------------------------------------------------


def test_a_text_embedding_is_the_cosine_of_mean_vectors_of_the_bare_backbone(context: Context) -> None:
    from toolkit.composition import parse
    from toolkit.features.item import item_features
    from toolkit.modeling.circuit import Circuit

    means = []
    for task in ("micro-nli", "micro-pos"):
        texts = context.probe(task).texts
        found = item_features(texts, context.backbone.tokenizer, max_length=384)
        context.close()
        with Circuit(context.backbone, parse("backbone")) as circuit:
            means.append(item_states(circuit, found).mean(0))
    said = by("text-embedding", ("micro-nli",), "micro-pos", context)["micro-nli"]
    assert said == pytest.approx(cosine(*means), abs=1e-6)


def test_logme_is_of_the_targets_labels_and_the_sources_features(context: Context) -> None:
    said = by("logme", HELD, "micro-pos", context)
    for source in HELD:
        vectors = context.features(source, "micro-pos")
        assert vectors.shape == (LIMIT, context.backbone.hidden_size)
        assert said[source] == logme(vectors, context.labels("micro-pos"))
    assert said["micro-nli"] != said["micro-qa"]


@pytest.mark.parametrize("name", [name for name, each in PREDICTORS.items() if each.is_symmetric])
def test_a_symmetric_predictor_says_the_same_both_ways(context: Context, name: str) -> None:
    there, back = by(name, ("micro-nli",), "micro-qa", context), by(name, ("micro-qa",), "micro-nli", context)
    assert there["micro-nli"] == pytest.approx(back["micro-qa"], abs=1e-9)
    own = by(name, ("micro-nli",), "micro-nli", context)["micro-nli"]
    assert own == pytest.approx(1.0) and own > there["micro-nli"]


def test_the_shared_text_does_not_depend_on_the_tasks(config: Config, context: Context) -> None:
    alone = context.shared("micro-nli")
    by("cka", HELD, "micro-qa", context)
    assert np.array_equal(context.shared("micro-nli"), alone)


def test_the_shared_text_is_english_of_the_micro_world_unless_another_is_named(config: Config) -> None:
    with _context(replace(config, similarity=replace(config.similarity, shared_text=None))) as context:
        assert len(context.shared("micro-nli")) == 700
    with _context(replace(config, similarity=replace(config.similarity, shared_text="micro-pos.de"))) as context:
        assert len(context.shared("micro-nli")) == len(context.probe("micro-pos.de").texts)


def test_a_language_is_compared_with_all_that_the_target_is_scored_in(context: Context) -> None:
    said = by("language", ("micro-nli", "micro-nli.tr"), "micro-qa", context)
    assert 0 < said["micro-nli.tr"] < said["micro-nli"] < 1


def test_size_is_the_number_of_rows_that_the_adapter_learnt_from_or_of_all_without_one(context: Context) -> None:
    assert by("size", ("micro-nli", "micro-answers"), "micro-qa", context) == {
        "micro-nli": float(TRAINED),
        "micro-answers": 3000.0,
    }


def test_a_mean_effect_leaves_the_target_out(config: Config) -> None:
    gains = {"a": {"x": 1.0, "y": 0.5}, "b": {"x": 3.0}, "c": {"x": 5.0, "y": 1.5}}
    with _context(config, gains=gains) as context:
        assert by("mean-effect", ("x",), "a", context) == {"x": 4.0}
        assert by("mean-effect", ("x", "y"), "b", context) == {"x": 3.0, "y": 1.0}
        assert by("mean-effect", ("y",), "c", context) == {"y": 0.5}
        assert "No other target" in str(by("mean-effect", ("z",), "a", context)["z"])


# -- what is missing ----------------------------------------------------------------------------------------------


def test_a_missing_adapter_is_a_sentence_with_the_command_that_trains_it(context: Context) -> None:
    said = by("logme", ("micro-nli", "micro-pos"), "micro-qa", context)
    assert isinstance(said["micro-nli"], float)
    assert "`xstilts train micro-pos --backbone tiny" in str(said["micro-pos"])


def test_an_adapter_on_another_backbone_is_named_as_such(config: Config, tmp_path: Path) -> None:
    shutil.copytree(config.zoo, tmp_path / "zoo")
    other = replace(config, zoo=tmp_path / "zoo", backbone=replace(config.backbone, name="embedded"))
    told = r"not in the zoo .* for embedded \(it is there for tiny, whose adapters do not fit"
    with _context(other) as context, pytest.raises(Absent, match=told):
        context.entry_of("micro-nli")


def test_the_adapter_of_the_task_that_lends_its_rows_stands_for_a_task(config: Config, tmp_path: Path) -> None:
    with _context(config) as context:
        assert context.entry_of("micro-nli") == "micro-nli"
        assert context.lender("xquad") == "squad"


def test_an_entry_may_lie_in_a_zoo_of_its_own(config: Config, tmp_path: Path) -> None:
    empty = replace(config, zoo=tmp_path / "empty")
    with _context(empty, zoos={"micro-nli": config.zoo}) as context:
        assert isinstance(by("logme", ("micro-nli",), "micro-qa", context)["micro-nli"], float)
        assert isinstance(by("logme", ("micro-qa",), "micro-qa", context)["micro-qa"], str)


def test_a_target_without_labels_is_a_sentence(context: Context) -> None:
    assert "without labels" in str(by("logme", ("micro-nli",), "micro-bitext", context)["micro-nli"])
    assert isinstance(by("text-embedding", ("micro-nli",), "micro-bitext", context)["micro-nli"], float)
    assert "no training rows" in str(by("logme", ("micro-bitext",), "micro-nli", context)["micro-bitext"])


def test_fewer_examples_than_dimensions_are_a_sentence(config: Config) -> None:
    with _context(replace(config, similarity=replace(config.similarity, limit=4))) as context:
        assert "fewer examples than dimensions" in str(by("logme", ("micro-nli",), "micro-pos", context)["micro-nli"])


def test_an_unknown_predictor_is_one_sentence_with_the_nearest_name() -> None:
    with pytest.raises(ToolkitError, match="No predictor named 'logmee'. Did you mean 'logme'"):
        get_predictor("logmee")


def test_nothing_stays_wired(config: Config) -> None:
    with _context(config) as context:
        context.features("micro-nli", "micro-qa")
        model = context.backbone.model
        assert list(model.adapters_config.adapters)
    assert not list(model.adapters_config.adapters)


# -- the Fisher of an adapter -------------------------------------------------------------------------------------


def test_a_fisher_is_computed_once_and_is_that_of_the_adapter_on_its_own_rows(config: Config) -> None:
    from toolkit.features import features_of
    from toolkit.modeling.fisher import adapter_fisher
    from toolkit.recipes.session.circuits import trained_circuit

    with _context(config) as context:
        found = context.fisher("micro-nli")
        assert context.n_examples == 16
        context.fisher("micro-nli")
        assert context.n_examples == 16
    with _context(config) as context:
        kept = context.fisher("micro-nli")
        assert context.n_examples == 0
    circuit, _ = trained_circuit("micro-nli", Session.open(config), heads=None)
    rows = toolkit.get_task("micro-nli").rows("train").draw(16, seed=0)
    with circuit:
        features = features_of(rows, "pair", circuit.backbone.tokenizer)
        expected = adapter_fisher(circuit, features)
    for held in (found, kept):
        assert {name: each.shape for name, each in held.items()} == {
            name: each.shape for name, each in expected.items()
        }
        for name, values in expected.items():
            np.testing.assert_allclose(held[name], values, rtol=1e-4, atol=1e-12)


def test_another_head_or_other_rows_are_another_fisher(config: Config, tmp_path: Path) -> None:
    with _context(config) as context:
        before = context.fisher("micro-nli")
    with _context(replace(config, similarity=replace(config.similarity, seed=1))) as context:
        other_rows = context.fisher("micro-nli")
        assert context.n_examples == 16
    shutil.copytree(config.zoo, tmp_path / "zoo")
    zoo = Zoo(tmp_path / "zoo")
    card = zoo.get("micro-nli", "tiny")
    tensors = {file: zoo.tensors(card, file) for file in card.files}
    head = "head.micro-nli.safetensors"
    tensors[head] = {name: 2 * values for name, values in tensors[head].items()}
    zoo.put(card, tensors, replace=True)
    with _context(replace(config, zoo=tmp_path / "zoo")) as context:
        other_head = context.fisher("micro-nli")
        assert context.n_examples == 16
    for other in (other_rows, other_head):
        assert any(not np.allclose(values, other[name]) for name, values in before.items())


def test_a_fisher_needs_labels_and_both_adapters(context: Context) -> None:
    assert "makes it" in str(by("fisher", ("micro-nli",), "micro-pos", context)["micro-nli"])
    assert "no training rows" in str(by("fisher", ("micro-bitext",), "micro-nli", context)["micro-bitext"])


def test_an_imported_adapter_without_a_head_has_no_fisher(config: Config, tmp_path: Path) -> None:
    shutil.copytree(config.zoo, tmp_path / "zoo")
    zoo = Zoo(tmp_path / "zoo")
    card = zoo.get("micro-nli", "tiny")
    tensors = {"adapter.safetensors": zoo.tensors(card, "adapter.safetensors")}
    zoo.put(replace(card, heads={}, files={}), tensors, replace=True)
    with _context(replace(config, zoo=tmp_path / "zoo")) as context:
        assert "imported without a head" in str(by("fisher", ("micro-nli",), "micro-qa", context)["micro-nli"])
        assert isinstance(by("cka", ("micro-nli",), "micro-qa", context)["micro-nli"], float)


def test_a_store_with_fishers_can_be_looked_at_and_checked(config: Config) -> None:
    with _context(config) as context:
        context.fisher("micro-nli")
        context.features("micro-nli", "micro-qa")
    held = shelves(config.store.folder)
    assert {shelf.key.kind for shelf in held} == {"fisher", "probe"}
    assert not [fault for shelf in held for fault in damages(shelf)]


@pytest.mark.slow
@pytest.mark.usefixtures("workers_are_processes")
def test_what_circuits_read_is_the_same_whether_one_process_or_two_read_it(config: Config, tmp_path: Path) -> None:
    values, held = [], []
    for workers in (1, 2):
        own = replace(config, store=replace(config.store, folder=tmp_path / f"store {workers}", shard=16))
        found = toolkit.compare_tasks(HELD, own, by="logme,cka,text-embedding", workers=workers)
        values.append([matrix.values.tolist() for matrix in found.matrices])
        files = sorted(path for path in own.store.folder.rglob("*") if path.is_file()) if own.store.folder else []
        held.append({path.relative_to(own.store.folder or path): path.read_bytes() for path in files})
        assert found.n_encoded > 100
    assert values[0] == values[1] and held[0] == held[1] and len(held[0]) > 10
