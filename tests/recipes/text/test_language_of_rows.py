"""Compositions that follow the language of their rows, `text.*/mnli`: trained, scored, named in plans, cards, locks and records."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import toolkit
from tests.recipes.small import tiny_config
from toolkit.composition import parse
from toolkit.config import Config
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.session.circuits import head_spec, trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey

STAR = "micro-text.*/micro-nli"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo with language adapters of English and Swahili, whose invertible layers are trained, and a task on top."""
    folder = tmp_path_factory.mktemp("star")
    for language in ("en", "sw"):
        toolkit.train(f"micro-text.{language}", tiny_config(folder, "adapter.kind=seq_bn_inv", "train.lr=0.01"))
    toolkit.train(STAR, tiny_config(folder))
    return folder


@pytest.fixture
def config(folder: Path) -> Config:
    return tiny_config(folder)


def without(config: Config, what: str) -> Config:
    return replace(config, eval=replace(config.eval, without=what))  # type: ignore[arg-type]


# -- training ---------------------------------------------------------------------------------------------------------


def test_it_is_trained_on_the_adapter_of_its_training_rows(config: Config) -> None:
    zoo = Zoo(config.zoo)
    names = {card.name for card in zoo.list("tiny")}
    assert {"micro-text.en", "micro-text.sw", "micro-text.en/micro-nli"} <= names
    assert not any("*" in name for name in names)
    assert [parent.name for parent in zoo.get("micro-text.en/micro-nli", "tiny").parents] == ["micro-text.en"]


def test_either_spelling_is_the_same_stage(config: Config) -> None:
    assert toolkit.train(STAR, config).cards == ()
    assert toolkit.train("micro-text.en/micro-nli", config).cards == ()


def test_its_plan_names_what_it_is_trained_as_and_the_languages_of_the_zoo(config: Config) -> None:
    text = toolkit.plan(STAR, config).text
    assert "'micro-text.*/micro-nli' is trained as 'micro-text.en/micro-nli'" in text
    assert "Language adapters in the zoo: micro-text.en; micro-text.sw." in text
    assert [stage.entry for stage in toolkit.plan("micro-text.*/micro-qa", config).stages] == ["micro-text.en/micro-qa"]
    assert [stage.entry for stage in toolkit.plan("micro-text.*/micro-nli.sw", config).stages] == [
        "micro-text.sw/micro-nli.sw"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("micro-text.*", "Nothing in 'micro-text.*' is trained on top of 'micro-text.*'"),
        ("seq[micro-nli,micro-text.*]", "as in 'seq[micro-nli,micro-text.sw]'"),
        ("avg[micro-text.*,micro-nli]", "no training rows say its language"),
        ("micro-text.*/mix[micro-nli.sw,micro-qa]", r"on rows in 'sw' (micro-nli.sw) and in 'en' (micro-qa)"),
        ("micro-text.*/micro-nil", "No task named 'micro-nil'"),
    ],
)
def test_what_has_no_one_training_language_is_not_trained(config: Config, text: str, said: str) -> None:
    with pytest.raises(ToolkitError) as caught:
        toolkit.train(text, config)
    assert said in str(caught.value)


def test_a_whole_encoder_has_no_adapter_to_exchange(folder: Path) -> None:
    with pytest.raises(ToolkitError, match="trains the whole encoder and has none; name the language"):
        toolkit.train(STAR, tiny_config(folder, "adapter.kind=full"))


def test_a_variant_on_top_is_found_by_its_name(config: Config) -> None:
    toolkit.train(STAR, config, name="calm")
    found = toolkit.evaluate("micro-text.*/calm", config, task="micro-nli", languages="sw")
    assert [(one.composition, one.language_adapter) for one in found.scores] == [("micro-text.*/calm", "micro-text.sw")]


# -- what flows -------------------------------------------------------------------------------------------------------


def logits(circuit: Circuit) -> np.ndarray:
    ids = torch.tensor([[0, 11, 12, 13, 2], [0, 21, 22, 2, 1]])
    with torch.inference_mode():
        found: np.ndarray = circuit({"input_ids": ids, "attention_mask": (ids != 1).long()}).numpy().copy()
    return found


def by_hand(config: Config, load: Callable[[Circuit], None]) -> np.ndarray:
    session = Session.open(config)
    circuit, _ = trained_circuit("micro-text.en/micro-nli", session, heads=None)
    with circuit:
        load(circuit)
        return logits(circuit)


def in_place_of_english(config: Config, entry: str) -> Callable[[Circuit], None]:
    def load(circuit: Circuit) -> None:
        zoo = Zoo(config.zoo)
        circuit.load(circuit.parts[0], zoo.tensors(zoo.get(entry, "tiny"), "adapter.safetensors"))

    return load


@pytest.mark.parametrize("fold", [True, False])
def test_rows_flow_through_the_adapter_of_their_language_and_back_to_the_bit(config: Config, fold: bool) -> None:
    config = replace(config, eval=replace(config.eval, fold=fold))
    own = by_hand(config, lambda circuit: None)
    other = by_hand(config, in_place_of_english(config, "micro-text.sw"))
    assert not np.allclose(own, other, atol=1e-4)
    circuit, cards = trained_circuit(STAR, Session.open(config), heads=None, languages=["sw", "en"])
    with circuit:
        assert list(cards) == ["micro-text.sw", "micro-text.en", "micro-text.en/micro-nli"]
        for language, wanted in (("sw", other), ("en", own), ("sw", other)):
            assert circuit.turn_to(language) == f"micro-text.{language}"
            np.testing.assert_array_equal(logits(circuit), wanted)


def test_without_a_language_adapter_is_as_if_the_circuit_had_none(config: Config) -> None:
    session = Session.open(without(config, "none"))
    circuit, _ = trained_circuit(STAR, session, heads=None, languages=["de", "en"])
    with circuit:
        assert circuit.turn_to("de") == "none"
        found = logits(circuit)
        _, top, answers = (circuit.tensors_of(part) for part in circuit.composition.parts)
    spec = head_spec(session.catalogue.get("micro-nli"))
    alone = Circuit(circuit.backbone, parse("micro-nli"), heads={"micro-nli": spec}, adapter=config.adapter)
    with alone:
        adapter, answering = alone.composition.parts
        alone.load(adapter, top)
        alone.load(answering, answers)
        np.testing.assert_allclose(logits(alone), found, atol=1e-5)


def test_adapters_of_different_shapes_are_not_exchanged(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "zoo", tmp_path / "zoo")  # the others have no use for it
    config = tiny_config(tmp_path)
    toolkit.train("micro-text.fr", config)  # without an invertible layer
    with pytest.raises(
        ToolkitError, match=r"'micro-text.fr' cannot take the place of 'micro-text.en': adapter.kind is"
    ):
        toolkit.evaluate(STAR, config, task="micro-nli", languages="fr")


# -- scoring ----------------------------------------------------------------------------------------------------------


def test_every_score_names_the_adapter_that_was_used(config: Config) -> None:
    found = toolkit.evaluate(STAR, config, task="micro-nli", languages="en,sw")
    assert {one.language: one.language_adapter for one in found.scores} == {
        "en": "micro-text.en",
        "sw": "micro-text.sw",
    }
    assert {one.composition for one in found.scores} == {STAR}
    assert "Language adapters of 'micro-text.*/micro-nli': en micro-text.en; sw micro-text.sw." in found.text
    rows = list(csv.DictReader((found.folder / "scores.csv").read_text().splitlines()))
    assert [row["language_adapter"] for row in rows] == ["micro-text.en", "micro-text.sw"]
    plain = toolkit.evaluate("micro-text.en/micro-nli", config, task="micro-nli", languages="en")
    assert plain.scores[0].value == found.scores[0].value and "language_adapter" not in plain.records()[0]


def test_scores_are_kept_with_the_entry_and_apart_from_its_own(config: Config) -> None:
    toolkit.evaluate(STAR, config, task="micro-nli", languages="en,sw")
    toolkit.evaluate("micro-text.en/micro-nli", config, task="micro-nli", languages="en,sw")
    text = toolkit.zoo_show("micro-text.en/micro-nli", config).text
    assert "# Evaluated: micro-nli accuracy as micro-text.*/micro-nli" in text
    assert "# Evaluated: micro-nli accuracy " in text.replace("accuracy as", "")
    assert "language adapter micro-text.sw" in text


def test_a_language_adapter_alone_answers_with_its_own_head(config: Config) -> None:
    found = toolkit.evaluate("micro-text.*", config, task="micro-text", languages="en,sw")
    values = {(one.language, one.metric): one.value for one in found.scores}
    for language in ("en", "sw"):
        alone = toolkit.evaluate(f"micro-text.{language}", config, task="micro-text", languages=language)
        assert {(one.language, one.metric): one.value for one in alone.scores}.items() <= values.items()
    assert "language adapter micro-text.sw" in toolkit.zoo_show("micro-text.sw", config).text


def test_languages_without_an_adapter_are_named_with_the_ways_out(config: Config) -> None:
    with pytest.raises(ZooError) as caught:
        toolkit.evaluate(STAR, config, task="micro-nli", languages="en,de,es,sw")
    assert "holds no 'micro-text.*' for de, es; train one for each (`xstilts train micro-text.de " in str(caught.value)
    assert "--without skip leaves them out, english takes" in str(caught.value)


@pytest.mark.parametrize(
    ("what", "adapters"),
    [
        ("skip", {"en": "micro-text.en"}),
        ("english", {"en": "micro-text.en", "de": "micro-text.en"}),
        ("none", {"en": "micro-text.en", "de": "none"}),
    ],
)
def test_what_is_done_without_is_as_asked(config: Config, what: str, adapters: dict[str, str]) -> None:
    said: list[str] = []
    found = toolkit.evaluate(STAR, without(config, what), task="micro-nli", languages="en,de", say=said.append)
    assert {one.language: one.language_adapter for one in found.scores} == adapters
    assert any("left out" in each and each.endswith(": de.") for each in said) == (what == "skip")


def test_skip_leaves_something_to_score(config: Config) -> None:
    with pytest.raises(ZooError, match=r"holds no 'micro-text.\*' for de, es"):
        toolkit.evaluate(STAR, without(config, "skip"), task="micro-nli", languages="de,es")


def test_a_member_of_a_block_is_not_left_out(config: Config) -> None:
    expr = "fuse[micro-text.*,micro-nli]/micro-choice"
    with pytest.raises(
        ToolkitError, match="has an invertible layer after the embeddings, which the members of a block share"
    ):
        toolkit.train(expr, config)


def test_a_lock_pins_every_language_of_the_zoo(config: Config, tmp_path: Path) -> None:
    from toolkit.zoo.lock import read_lock

    toolkit.zoo_lock(STAR, config, out=tmp_path / "zoo.lock")
    lock = read_lock(tmp_path / "zoo.lock")
    assert lock.composition == STAR
    assert {"micro-text.en", "micro-text.sw", "micro-text.en/micro-nli"} <= set(lock.entries)
    toolkit.evaluate(STAR, config, task="micro-nli", languages="en,sw", lock=tmp_path / "zoo.lock")
    text = (tmp_path / "zoo.lock").read_text()
    (tmp_path / "less.lock").write_text("\n".join(line for line in text.split("\n") if "micro-text.sw:" not in line))
    with pytest.raises(ZooError, match="does not name 'micro-text.sw'"):
        toolkit.evaluate(STAR, config, task="micro-nli", languages="en,sw", lock=tmp_path / "less.lock")


def test_journeys_without_rows_ask_for_the_language(config: Config) -> None:
    with pytest.raises(ToolkitError, match=r"write the language in the place of '\*', as in 'micro-text.en/micro-nli'"):
        toolkit.collapse(STAR, config, text="micro-nli", name="one")


def test_texts_are_encoded_with_the_adapter_of_the_language_that_is_named(config: Config, tmp_path: Path) -> None:
    lines, out = tmp_path / "lines.txt", tmp_path / "vectors.npy"
    lines.write_text("one\ntwo of them\n", encoding="utf-8")
    toolkit.embed(STAR, config, source=lines, out=out, language="sw")
    with toolkit.load(STAR, config) as model:
        of_en, of_sw = (model.embed(["one", "two of them"], language=each) for each in ("en", "swa"))
        with pytest.raises(ToolkitError, match="No language 'xx'|xx"):
            model.embed(["one"], language="xx")
    np.testing.assert_allclose(np.load(out), of_sw, atol=1e-6)
    assert not np.allclose(of_en, of_sw, atol=1e-3)
    with pytest.raises(ToolkitError, match=r"name that language \(`--language CODE`"):
        toolkit.embed(STAR, config, source=lines, out=out)


@pytest.mark.parametrize(("task", "measure"), [("micro-bitext", "accuracy"), ("micro-mining", "f1")])
def test_each_side_of_a_pair_is_encoded_with_its_own_adapter(config: Config, task: str, measure: str) -> None:
    found = toolkit.retrieve("micro-text.*", config, task=task, languages="sw")
    assert {one.language_adapter for one in found.scores} == {"micro-text.sw, micro-text.en"}
    assert measure in {one.metric for one in found.scores}
    with pytest.raises(ZooError, match=r"holds no 'micro-text.\*' for de;"):
        toolkit.retrieve("micro-text.*", config, task=task, languages="de")


def test_the_sides_of_a_pair_are_the_vectors_of_either_circuit(config: Config) -> None:
    from toolkit.recipes.score.encoding import Encoder, readings

    session = Session.open(replace(config, store=replace(config.store, folder=None)))
    (reading,) = readings(session.config.retrieve, 2, "tiny")

    def vectors(text: str, language: str) -> np.ndarray:
        circuit, _ = trained_circuit(text, session, heads={}, languages=["en", "sw"])
        with circuit:
            encoder = Encoder(circuit, session, [reading])
            for each in ("en", "sw", language):
                encoder.turn_to(each)
            return np.asarray(encoder(["one", "two of them"], "words")[reading.wanted])

    for language in ("en", "sw"):
        np.testing.assert_allclose(
            vectors("micro-text.*", language), vectors(f"micro-text.{language}", language), atol=1e-6
        )
    assert not np.allclose(vectors("micro-text.*", "en"), vectors("micro-text.*", "sw"), atol=1e-3)


def test_a_pool_has_every_candidate_with_the_adapter_of_its_language(config: Config) -> None:
    lenient = replace(without(config, "english"), retrieve=replace(config.retrieve, limit=8, pool_limit=20))
    found = toolkit.retrieve("micro-text.*", lenient, task="micro-answers", languages="sw")
    assert {one.language_adapter for one in found.scores} == {"micro-text.sw, micro-text.en"}


def test_it_is_compared_with_others_in_the_same_languages(config: Config) -> None:
    found = toolkit.compare(
        [STAR, "micro-text.en/micro-nli"], config, task="micro-nli", languages="en,sw", resamples=100
    )
    assert STAR in found.text
    with pytest.raises(ZooError, match=r"holds no 'micro-text.\*' for de;"):
        toolkit.compare([STAR, "micro-text.en/micro-nli"], config, task="micro-nli", languages="en,de")


def test_a_comparison_takes_what_was_scored_with_the_same_adapters(config: Config) -> None:
    said: list[str] = []
    both = [STAR, "micro-text.en/micro-nli"]
    first = toolkit.compare(both, config, task="micro-nli", languages="en,sw")
    again = toolkit.compare(both, config, task="micro-nli", languages="en,sw", say=said.append)
    assert sum("taken from" in line for line in said) == 2
    assert again.text == first.text


def test_rows_of_ones_own_are_answered_with_the_adapter_of_their_language(config: Config, tmp_path: Path) -> None:
    rows = [{"first": f"It is {word}.", "second": "It is dry."} for word in ("cold", "wet", "dry", "hot")]
    spoken = ["sw", "en", "sw", "en"]
    with toolkit.load(STAR, config, task="micro-nli") as model:
        assert model.expression == STAR
        by_language = {language: model.logits(rows, language=language) for language in ("en", "sw", "en")}
        with pytest.raises(ZooError, match=r"holds no 'micro-text.\*' for de;"):
            model.predict(rows, language="de")
        with pytest.raises(ToolkitError, match="name that language"):
            model.embed(["one"])
        answers = {language: model.predict(rows, language=language) for language in ("en", "sw")}
    assert not np.allclose(by_language["en"], by_language["sw"], atol=1e-4)
    with toolkit.load("micro-text.en/micro-nli", config) as alone:
        np.testing.assert_array_equal(alone.logits(rows), by_language["en"])
    lines = [json.dumps({**row, "lang": language}) for row, language in zip(rows, spoken, strict=True)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n")
    out = tmp_path / "answers.jsonl"
    toolkit.predict(STAR, config, task="micro-nli", source=tmp_path / "rows.jsonl", out=out, language_column="lang")
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [each["prediction"] for each in found] == [
        answers[language][place].prediction for place, language in enumerate(spoken)
    ]
    shares = [max(each["probabilities"].values()) for each in found]
    wanted = [max(answers[language][place].probabilities.values()) for place, language in enumerate(spoken)]
    np.testing.assert_allclose(shares, wanted, atol=1e-5)


# -- blocks -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A zoo with language adapters that may be members of blocks."""
    config = tiny_config(tmp_path_factory.mktemp("blocks"))
    for language in ("en", "sw"):
        toolkit.train(f"micro-text.{language}", config)
    return config


@pytest.mark.parametrize(
    ("text", "task", "adapter"),
    [
        ("fuse[micro-text.*,micro-nli]/micro-choice", "micro-choice", "micro-text.sw"),
        ("micro-text.*/fuse[micro-nli,micro-qa]/micro-choice", "micro-choice", "micro-text.sw"),
        ("merge[micro-text.*,micro-nli]/micro-choice", "micro-choice", "merge[micro-text.sw,micro-nli]"),
        ("seq[micro-text.*,micro-nli]", "micro-nli", "seq[micro-text.sw,micro-nli]"),
        ("par[micro-text.*/micro-nli,micro-text.*/micro-choice]", "micro-choice", "micro-text.sw"),
    ],
)
def test_blocks_take_it_as_any_leaf(plain: Config, text: str, task: str, adapter: str) -> None:
    toolkit.train(text, plain)
    if adapter != "micro-text.sw":
        with pytest.raises(ZooError, match=r"for sw; train one for each \(`xstilts train '?" + adapter[:3]):
            toolkit.evaluate(text, plain, task=task, languages="en,sw")
        toolkit.train(adapter, plain)
    found = toolkit.evaluate(text, plain, task=task, languages="en,sw")
    assert {one.language: one.language_adapter for one in found.scores} == {
        "en": adapter.replace(".sw", ".en"),
        "sw": adapter,
    }


def test_an_average_is_scored_in_each_language(plain: Config) -> None:
    toolkit.train("micro-nli", plain)
    found = toolkit.evaluate("avg[micro-text.*:0.3,micro-nli:0.7]", plain, task="micro-nli", languages="en,sw")
    assert [one.language_adapter for one in found.scores] == ["micro-text.en", "micro-text.sw"]
    with pytest.raises(
        ToolkitError, match=r"does not answer without 'micro-text.\*', which is more there than an adapter"
    ):
        toolkit.evaluate("avg[micro-text.*,micro-nli]", without(plain, "none"), task="micro-nli", languages="en,de")
