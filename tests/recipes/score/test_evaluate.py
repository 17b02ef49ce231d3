"""Evaluation and retrieval through the recipes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import toolkit
from tests import PROJECT, zygote
from tests.recipes.small import FUSED, tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError, ZooError
from toolkit.evaluation.outputs import run_head
from toolkit.features import features_of, sentence_features
from toolkit.modeling.embed import embed
from toolkit.recipes.score import record
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.retrieval import exact_search
from toolkit.tasks import get_task
from toolkit.zoo import Zoo
from toolkit.zoo.record import scores_of

pytestmark = pytest.mark.journey


def test_every_language_gets_a_score_and_the_files_are_written(trained: Config) -> None:
    result = toolkit.evaluate(FUSED, trained, task="micro-choice")
    assert {score.language for score in result.scores} == set(get_task("micro-choice").languages)
    assert {path.name for path in result.folder.iterdir()} == {"scores.csv", "scores.json", "predictions"}
    assert result.scores[0].is_generated
    assert "generated" in result.text


def test_chosen_languages_come_training_language_first(trained: Config) -> None:
    result = toolkit.evaluate("micro-nli", trained, task="micro-nli", languages="zh,en")
    assert [score.language for score in result.scores] == ["en", "zh"]


def test_a_head_that_does_not_fit_the_task_is_refused_with_the_way_out(trained: Config) -> None:
    with pytest.raises(ToolkitError, match=r"answers micro-nli \(pair.*micro-qa needs span.*micro-nli@micro-qa"):
        toolkit.evaluate("micro-nli", trained, task="micro-qa")


def test_what_is_not_trained_is_refused_with_the_command_that_trains_it(trained: Config) -> None:
    with pytest.raises(ZooError, match=r"xstilts train micro-pos/micro-nli .* 2 stages"):
        toolkit.evaluate("micro-pos/micro-nli", trained, task="micro-nli")


def test_a_name_that_is_neither_adapter_nor_task_gets_the_nearest_adapter(trained: Config) -> None:
    with pytest.raises(ZooError, match=r"No adapter named 'micro-nly'\. Did you mean 'micro-nli'"):
        toolkit.evaluate("micro-nly", trained, task="micro-nli")


def test_an_unknown_language_is_refused(trained: Config) -> None:
    with pytest.raises(ToolkitError, match="'xx'"):
        toolkit.evaluate("micro-nli", trained, task="micro-nli", languages="en,xx")


def test_a_bitext_task_is_sent_to_retrieve_and_others_to_eval(trained: Config) -> None:
    with pytest.raises(ToolkitError, match="xstilts retrieve"):
        toolkit.evaluate("micro-nli", trained, task="micro-bitext")
    with pytest.raises(ToolkitError, match="xstilts eval"):
        toolkit.retrieve("micro-nli", trained, task="micro-nli")


def test_retrieval_is_what_the_exact_oracle_finds(trained: Config) -> None:
    result = toolkit.retrieve("micro-nli", trained, task="micro-bitext", languages="de,ru")
    circuit, _ = trained_circuit("micro-nli", Session.open(trained), heads={})
    with circuit:
        for score in result.scores:
            rows = get_task("micro-bitext").rows("score", score.language, limit=30)
            sides = [
                embed(circuit, sentence_features(texts, circuit.backbone.tokenizer, max_length=512), layer=1)
                for texts in ([row.target for row in rows], [row.source for row in rows])  # type: ignore[union-attr]
            ]
            _, found = exact_search(*sides, 1)
            assert score.value == pytest.approx(np.mean(found[:, 0] == np.arange(len(rows))))
    assert "layer=1/2" in result.scores[0].protocol
    assert "en->xx" in result.scores[0].protocol


def test_the_bare_backbone_retrieves_without_a_zoo(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "retrieve.layer=0")
    result = toolkit.retrieve("backbone", config, task="micro-bitext", languages="de")
    assert "layer=0/2" in result.scores[0].protocol


def test_an_adapter_above_the_layer_changes_nothing_and_one_below_does(trained: Config) -> None:
    circuit, _ = trained_circuit("micro-nli", Session.open(trained), heads={})
    texts = ["a small test", "another one"]
    with circuit:
        features = sentence_features(texts, circuit.backbone.tokenizer, max_length=64)
        with_adapter = [embed(circuit, features, layer=layer) for layer in (0, 1)]
    bare, _ = trained_circuit("backbone", Session.open(trained), heads={})
    with bare:
        without = [embed(bare, features, layer=layer) for layer in (0, 1)]
    assert np.array_equal(with_adapter[0], without[0])
    assert not np.array_equal(with_adapter[1], without[1])


PROGRAM = """
import sys
import numpy as np
import toolkit
from tests.recipes.score.test_evaluate import logits_of
from tests.recipes.small import tiny_config
from pathlib import Path
np.save(sys.argv[2], logits_of(tiny_config(Path(sys.argv[1])), sys.argv[3]))
"""


def logits_of(config: Config, expression: str) -> np.ndarray:
    rows = list(get_task("micro-choice").rows("score", "ru", limit=16))
    circuit, _ = trained_circuit(expression, Session.open(config), heads=None)
    with circuit:
        found = run_head(circuit, features_of(rows, "choice", circuit.backbone.tokenizer))
    assert isinstance(found, np.ndarray)
    return found


def test_another_process_gets_bit_equal_logits(trained: Config, tmp_path: Path) -> None:
    here = logits_of(trained, FUSED)
    out = tmp_path / "logits.npy"
    zygote.run([sys.executable, "-c", PROGRAM, str(Path(trained.zoo).parent), str(out), FUSED], check=True, cwd=PROJECT)
    assert np.array_equal(here, np.load(out))


@pytest.mark.parametrize("expression", ["micro-nli", "micro-nli/micro-pos", FUSED])
def test_a_folded_circuit_gives_the_unfolded_ones_answers(trained: Config, expression: str) -> None:
    kind = {"micro-nli": "pair", "micro-nli/micro-pos": "tags", FUSED: "choice"}[expression]
    task = {"pair": "micro-nli", "tags": "micro-pos", "choice": "micro-choice"}[kind]
    rows = list(get_task(task).rows("score", "sw", limit=16))
    found = []
    for sets in ((), ("eval.fold=false",)):
        config = tiny_config(Path(trained.zoo).parent, *sets)
        circuit, _ = trained_circuit(expression, Session.open(config), heads=None)
        with circuit:
            assert circuit.is_folded is not bool(sets)
            found.append(run_head(circuit, features_of(rows, kind, circuit.backbone.tokenizer)))
    folded, unfolded = found
    if kind == "tags":
        # Tags, without their logits: where two are as good as equal, rounding may choose.
        assert np.mean(folded.values == unfolded.values) > 0.99  # type: ignore[union-attr]
    else:
        assert isinstance(folded, np.ndarray)
        assert np.allclose(folded, unfolded, atol=1e-4)
        assert np.array_equal(folded.argmax(1), unfolded.argmax(1))  # type: ignore[union-attr]


def test_the_scores_file_reads_back(trained: Config) -> None:
    result = toolkit.evaluate("micro-nli/micro-pos", trained, task="micro-pos", languages="en,hi")
    held = json.loads((result.folder / "scores.json").read_text(encoding="utf-8"))
    assert len(held) == len(result.scores)


def test_evaluations_leave_their_scores_at_the_entry_that_reached_them_and_at_no_other(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "train.limit=16")
    toolkit.train("micro-nli/micro-qa", config)
    zoo = Zoo(config.zoo)
    cards = {card.name: card for card in zoo.list()}
    found = toolkit.evaluate("micro-nli/micro-qa", config, task="micro-qa", languages="en,de")
    kept = scores_of(zoo, cards["micro-nli/micro-qa"])
    assert tuple(one.score for one in kept) == found.scores
    assert {one.score.metric: one.is_main for one in kept} == {"em": False, "f1": True}
    assert {(one.pivot, one.journey) for one in kept} == {("en", "eval")}
    toolkit.evaluate("micro-nli/micro-qa", config, task="micro-qa", languages="en,de")
    assert scores_of(zoo, cards["micro-nli/micro-qa"]) == kept  # the same numbers are kept once
    assert scores_of(zoo, cards["micro-nli"]) == ()
    toolkit.retrieve("micro-nli", config, task="micro-bitext", languages="de")
    (one,) = scores_of(zoo, cards["micro-nli"])
    assert (one.journey, one.score.task, one.is_main) == ("retrieve", "micro-bitext", True)
    toolkit.retrieve("backbone", config, task="micro-bitext", languages="de")
    assert len(scores_of(zoo, cards["micro-nli"])) == 1
    assert zoo.faults() == []
    assert [row["name"] for row in toolkit.zoo_list(config, task="micro-bitext").rows] == ["micro-nli"]


def test_a_zoo_that_takes_no_scores_stops_no_evaluation(trained: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise ZooError("Cannot write to it: it is not writable.")

    monkeypatch.setattr(record, "add_scores", refuse)
    said: list[str] = []
    found = toolkit.evaluate("micro-nli", trained, task="micro-nli", languages="en", say=said.append)
    assert found.scores and "The scores are not kept in the zoo: Cannot write to it: it is not writable." in said
