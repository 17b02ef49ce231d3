"""Results in the formats of others, from what `eval` and `retrieve` left: mteb's files, a submission to XTREME, CSV and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score, read_json, write_json

MTEB = "protocol=mteb layer=2/2 pooling=mean direction=xx->en index=Flat"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return tiny_config(tmp_path)


def leave(config: Config, task: str, values: dict[tuple[str, str], float], **more: Any) -> Path:
    """Leave what a journey would: scores by language and metric."""
    journey = "retrieve" if toolkit.get_task(task).kind in ("bitext", "mining", "retrieval") else "eval"
    folder = Path(config.run_dir) / journey / "mnli" / task
    scores = [
        Score(task, language, metric, value, n=2, composition="mnli", seed=0, backbone="tiny", **more)
        for (language, metric), value in values.items()
    ]
    write_json(scores, folder / "scores.json")
    return folder / "predictions"


def written(config: Config, to: Any, out: Path) -> dict[str, str]:
    result = toolkit.write_results("mnli", config, out=out, to=to)
    return {name: (out / name).read_text(encoding="utf-8") for name in result.files}


def test_mteb_gets_its_own_names_for_its_own_protocol_alone(config: Config, tmp_path: Path) -> None:
    leave(
        config, "tatoeba", {("de", "weighted_f1"): 0.5, ("sw", "weighted_f1"): 0.25}, protocol=MTEB, split="validation"
    )
    leave(config, "micro-bitext", {("de", "accuracy"): 0.75}, protocol="protocol=jiant layer=1/2", split="test")
    files = {Path(name).name: json.loads(text) for name, text in written(config, "mteb", tmp_path / "out").items()}
    assert set(files) == {"Tatoeba.json", "micro-bitext.json", "model_meta.json"}
    first, second = files["Tatoeba.json"]["scores"]["test"]
    assert (first["hf_subset"], first["languages"], first["main_score"]) == ("deu-eng", ["deu-Latn", "eng-Latn"], 0.5)
    assert (second["hf_subset"], second["f1"]) == ("swh-eng", 0.25)
    assert files["micro-bitext.json"]["scores"]["test"][0]["main_score"] == 0.75
    assert {"dataset_revision", "task_name", "mteb_version", "scores", "evaluation_time"} <= set(files["Tatoeba.json"])


@pytest.mark.parametrize(
    ("task", "name", "code", "subset"),
    [
        ("ntrex128", "NTREXBitextMining", "zh", "zho_Hans-eng_Latn"),
        ("ntrex128", "NTREXBitextMining", "sw", "swa_Latn-eng_Latn"),
        ("ntrex128", "NTREXBitextMining", "de", "deu_Latn-eng_Latn"),
        ("flores-plus", "FloresBitextMining", "lv", "lvs_Latn-eng_Latn"),
        ("flores-plus", "FloresBitextMining", "sw", "swh_Latn-eng_Latn"),
        ("bucc", "BUCC", "zh", "zh-en"),
    ],
)
def test_a_language_is_written_as_each_task_of_mteb_writes_it(
    config: Config, tmp_path: Path, task: str, name: str, code: str, subset: str
) -> None:
    leave(config, task, {(code, "weighted_f1"): 0.5}, protocol=MTEB, split="test")
    files = {Path(each).name: text for each, text in written(config, "mteb", tmp_path / "out").items()}
    ((found,),) = json.loads(files[f"{name}.json"])["scores"].values()
    wanted = (
        ["cmn-Hans", "eng-Latn"]
        if task == "bucc"
        else subset.replace("_", "-").replace("-eng-Latn", " eng-Latn").split()
    )
    assert (found["hf_subset"], found["languages"]) == (subset, wanted)


def test_a_submission_to_xtreme_has_the_layout_of_each_task(config: Config, tmp_path: Path) -> None:
    def answers(task: str, measure: str, *found: tuple[str, Any]) -> None:
        folder = leave(config, task, {("de", measure): 0.5}, split="test")
        rows = [Prediction(id, None, prediction, 0.0) for id, prediction in found]
        write_predictions(rows, folder / f"{task}.de.jsonl")

    answers("xnli", "accuracy", ("0", "neutral"), ("1", "entailment"))
    answers("pawsx", "accuracy", ("0", "paraphrase"), ("1", "different"))
    answers("udpos", "f1", ("0", ["NOUN", "VERB"]), ("1", ["X"]))
    answers("xquad", "f1", ("q1", "Köln"), ("q2", ""))
    answers("bucc", "f1", ("de-1", ["en-4", "en-5"]), ("de-2", []))
    result = toolkit.write_results("mnli", config, out=tmp_path / "out", to="xtreme")
    files = {name: (tmp_path / "out" / name).read_text(encoding="utf-8") for name in result.files}
    assert files.pop("xquad/test-de.json") == '{\n "q1": "Köln",\n "q2": ""\n}\n'
    assert files == {
        "xnli/test-de.tsv": "neutral\nentailment\n",
        "pawsx/test-de.tsv": "1\n0\n",
        "udpos/test-de.tsv": "NOUN\nVERB\n\nX\n",
        "bucc2018/test-de.tsv": "de-1\ten-4\nde-1\ten-5\n",
    }
    assert any(note.startswith("xnli: without ar, bg") for note in result.notes)
    assert any("xquad: de not of the split 'validation'" in note for note in result.notes)


def test_sentences_of_tatoeba_are_in_the_order_of_their_texts(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.tasks import BitextRow, Task

    rows = [BitextRow("0", "c", "zebra"), BitextRow("1", "a", "apple"), BitextRow("2", "a", "mouse")]
    monkeypatch.setattr(Task, "rows", lambda *_, **__: rows)
    folder = leave(config, "tatoeba", {("de", "accuracy"): 0.5}, protocol="protocol=xtreme direction=en->xx")
    found = [("0", "a", 0.0), ("1", "c", 0.0), ("2", "a", 1.0)]
    write_predictions([Prediction(id, None, text, value) for id, text, value in found], folder / "tatoeba.de.jsonl")
    # apple found c (line 0), mouse its own (line 2), zebra a (line 1, the first copy).
    assert written(config, "xtreme", tmp_path / "out")["tatoeba/test-de.tsv"] == "0\n2\n1\n"


def test_all_scores_as_csv_and_json(config: Config, tmp_path: Path) -> None:
    leave(config, "xnli", {("de", "accuracy"): 0.5})
    leave(config, "xquad", {("de", "f1"): 0.25})
    assert written(config, "csv", tmp_path / "csv")["scores.csv"].count("\n") == 3
    toolkit.write_results("mnli", config, out=tmp_path / "json", to="json", tasks=["xquad"])
    assert [score.task for score in read_json(tmp_path / "json" / "scores.json")] == ["xquad"]


@pytest.mark.parametrize(
    ("to", "tasks", "sentence"),
    [
        ("csv", [], "holds no results of 'squad'; `xstilts eval 'squad' --task xnli` makes them"),
        ("csv", ["tatoeba"], "`xstilts retrieve 'squad' --task tatoeba`"),
        ("csv", ["xnil"], "Did you mean 'xnli'"),
    ],
)
def test_without_results_the_sentence_says_what_makes_them(
    config: Config, tmp_path: Path, to: Any, tasks: list[str], sentence: str
) -> None:
    with pytest.raises(ToolkitError, match=sentence):
        toolkit.write_results("squad", config, out=tmp_path / "out", to=to, tasks=tasks)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("to", ["mteb", "xtreme"])
def test_what_another_format_does_not_have_is_one_sentence(config: Config, tmp_path: Path, to: Any) -> None:
    leave(config, "micro-nli", {("de", "accuracy"): 0.5})
    with pytest.raises(ToolkitError, match="was not scored on a"):
        toolkit.write_results("mnli", config, out=tmp_path / "out", to=to)
