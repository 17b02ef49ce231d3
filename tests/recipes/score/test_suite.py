from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

import toolkit
from tests import PROJECT
from tests.recipes.golden.make import answers
from tests.recipes.small import three_languages, tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.metrics import accuracy, mlqa, squad, tagging_f1
from toolkit.metrics.mining import quality
from toolkit.recipes.score import suite as module
from toolkit.recipes.score.publish import Scored
from toolkit.recipes.score.suite import task_mean
from toolkit.recipes.score.suite_plan import Part, describe_suite
from toolkit.recipes.score.suite_write import SuiteResult
from toolkit.results.score import Score, read_json
from toolkit.results.summary import mean
from toolkit.tasks import get_task
from toolkit.tasks.suites import SUITES, Entry, Suite

pytestmark = pytest.mark.journey

WITH = {"micro-qa": "micro-qa", "micro-choice": "fuse[micro-nli,micro-qa]/micro-choice"}


@pytest.fixture
def few_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    three_languages(monkeypatch)


def compositions(expression: str, config: Config, suite: str = "xtreme") -> dict[str, str]:
    return {part.entry.task: part.composition for part in toolkit.plan_suite(expression, config, suite=suite).parts}


def score(task: str, language: str, metric: str, value: float, split: str = "test") -> Score:
    return Score(task, language, metric, value, 10, "c", 0, split=split)


def test_target_stands_for_the_task_that_lends_its_rows(tmp_path: Path) -> None:
    found = compositions("siqa/TARGET", tiny_config(tmp_path))
    assert found == {
        "xnli": "siqa/mnli",
        "pawsx": "siqa/pawsx",
        "udpos": "siqa/udpos",
        "panx": "siqa/panx",
        "xquad": "siqa/squad",
        "mlqa": "siqa/squad",
        "tydiqa": "siqa/tydiqa",
        "bucc": "siqa",
        "tatoeba": "siqa",
    }


def test_an_adapter_that_is_there_already_is_not_stacked_on_itself(tmp_path: Path) -> None:
    found = compositions("fuse[mnli,squad]/TARGET", tiny_config(tmp_path))
    # One adapter serves both tasks that borrow squad's rows.
    assert (found["xnli"], found["xquad"], found["mlqa"]) == (
        "fuse[mnli,squad]/xnli",
        "fuse[mnli,squad]/xquad",
        "fuse[mnli,squad]/xquad",
    )
    assert compositions("micro-nli/TARGET", tiny_config(tmp_path), "micro")["micro-nli"] == "micro-nli"


@pytest.mark.parametrize(
    ("expression", "xquad", "tatoeba"),
    [
        ("TARGET", "squad", "backbone"),
        ("mnli@TARGET", "mnli@squad", "mnli"),
        ("backbone@TARGET", "backbone@squad", "backbone"),
        ("seq[mnli,TARGET]", "seq[mnli,squad]", ""),
        ("mnli/squad/TARGET", "mnli/squad/xquad", "mnli/squad"),
    ],
)
def test_target_stands_anywhere_and_retrieval_takes_what_lies_below(
    expression: str, xquad: str, tatoeba: str, tmp_path: Path
) -> None:
    found = compositions(expression, tiny_config(tmp_path))
    assert (found["xquad"], found["tatoeba"]) == (xquad, tatoeba)


def test_xcopa_trains_on_siqa_and_then_on_copa(tmp_path: Path) -> None:
    assert compositions("mnli/TARGET", tiny_config(tmp_path), "xtreme-r")["xcopa"] == "mnli/seq[siqa,copa]"
    assert compositions("siqa/TARGET", tiny_config(tmp_path), "xtreme-r")["xcopa"] == "siqa/copa"
    assert compositions("seq[mnli,TARGET]", tiny_config(tmp_path), "xtreme-r")["xcopa"] == "seq[mnli,copa]"


def test_the_plan_names_what_is_missing_and_the_command_that_trains_it(trained: Config) -> None:
    text = describe_suite(toolkit.plan_suite("micro-nli/TARGET", trained, suite="micro").parts)
    assert "'micro-nli/micro-qa' is not trained." in text
    assert "  xstilts train micro-nli/micro-qa --backbone tiny " in text
    states = {line.split()[0]: line.rsplit("  ", 1)[-1] for line in text.splitlines()[1:6]}
    assert [states[task] for task in ("micro-nli", "micro-pos", "micro-bitext")] == ["ready"] * 3


def test_of_the_ways_to_write_it_the_one_that_the_zoo_holds_is_taken(
    trained: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Entry("micro-pos", ("en",), ("f1",), "score", trains_as=("seq[micro-choice,micro-pos]",))
    monkeypatch.setitem(SUITES, "one", Suite("one", "", (entry,)))
    assert compositions("micro-nli/TARGET", trained, "one") == {"micro-pos": "micro-nli/micro-pos"}


def test_a_task_without_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "mirror" / "google" / "xquad").mkdir(parents=True)
    config = replace(tiny_config(tmp_path), data_root=tmp_path / "mirror")
    parts = {part.entry.task: part for part in toolkit.plan_suite("TARGET", config, suite="xtreme").parts}
    assert "no data can be reached" in parts["xquad"].lacks
    assert "no data can be reached" in parts["bucc"].lacks


@pytest.mark.parametrize(
    ("expression", "instead", "sentence"),
    [
        ("mnli", {}, "write TARGET there, as in 'mnli/TARGET'"),
        ("mnli/target", {}, "write TARGET there"),
        ("mnli//TARGET", {}, "mnli//target"),
        ("mnli/TARGET", {"qqp": "qqp"}, "'xtreme' has no task 'qqp'; it has xnli, pawsx"),
        ("mnli/TARGET", {"xnli": "a["}, r"a\["),
    ],
)
def test_an_expression_that_names_no_circuits_is_refused(
    expression: str, instead: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ToolkitError, match=sentence):
        toolkit.plan_suite(expression, tiny_config(tmp_path), suite="xtreme", instead=instead)


def test_a_task_is_the_mean_of_its_measures_each_the_mean_of_its_languages() -> None:
    entry = Entry("xquad", ("en", "de"), ("em", "f1"), "validation")
    scores = [
        score("xquad", "en", "em", 0.5),
        score("xquad", "en", "f1", 0.75),
        score("xquad", "de", "em", 0.25),
        score("xquad", "de", "f1", 0.5),
        score("xquad", "ro", "f1", 0.0),  # no language of this benchmark
    ]
    found = task_mean(Part(entry, "squad", ("en", "de")), scores)
    assert found.measures == {"em": 0.375, "f1": 0.625}
    assert found.value == 0.5


def test_a_protocol_that_measures_something_else_is_refused() -> None:
    entry = Entry("tatoeba", ("de",), ("accuracy",), "validation")
    with pytest.raises(ToolkitError, match="tatoeba was scored in weighted_f1; the benchmark averages accuracy"):
        task_mean(Part(entry, "mnli", ("de",)), [score("tatoeba", "de", "weighted_f1", 0.5)])


@pytest.mark.usefixtures("few_languages")
def test_the_average_is_the_mean_of_the_task_means_and_says_that_it_is_partial(trained: Config, tmp_path: Path) -> None:
    config = replace(trained, run_dir=tmp_path / "runs")
    said: list[str] = []
    result = toolkit.evaluate_suite("micro-nli/TARGET", config, suite="micro", instead=WITH, say=said.append)
    by_task = {each.part.entry.task: each for each in result.tasks}
    assert set(by_task) == {"micro-nli", "micro-choice", "micro-pos", "micro-qa", "micro-bitext"}
    assert result.average == pytest.approx(mean(each.value for each in result.tasks))
    alone = toolkit.evaluate("micro-qa", config, task="micro-qa", languages="en,ar,de")
    parts = [mean(s.value for s in alone.scores if s.metric == metric) or 0.0 for metric in ("em", "f1")]
    assert by_task["micro-qa"].value == pytest.approx(sum(parts) / 2)
    assert result.groups == {
        "classification": pytest.approx((by_task["micro-nli"].value + by_task["micro-choice"].value) / 2),
        "retrieval": by_task["micro-bitext"].value,
    }
    # The configuration scores 8 rows a language: this is not the benchmark.
    assert result.partial == (
        "eval.limit=8: at most so many rows a language.",
        "retrieve.limit=30: at most so many rows a language.",
    )
    assert "PARTIAL average" in result.text and "generated" in result.text

    held = json.loads((result.folder / "suite.json").read_text(encoding="utf-8"))
    assert held["is_partial"] and held["is_generated"]
    assert held["average"] == result.average
    assert held["tasks"]["micro-pos"]["composition"] == "micro-nli/micro-pos"
    assert read_json(result.folder / "scores.json") == list(result.scores)
    rows = list(csv.DictReader((result.folder / "suite.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[-1]["task"] == "partial average"
    assert float(rows[-1]["percent"]) == pytest.approx(100 * result.average, abs=0.005)


def test_a_whole_benchmark_is_not_partial_and_a_missing_task_makes_it_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    entries = tuple(Entry(f"micro-{task}", ("en", "de"), ("accuracy",), "score") for task in ("nli", "choice"))
    monkeypatch.setitem(SUITES, "two", Suite("two", "", entries, {"both": ("micro-nli", "micro-choice")}))
    config = tiny_config(tmp_path, "eval.limit=null")

    def run(lacking: str = "", split: str = "score") -> SuiteResult:
        monkeypatch.setattr(
            module,
            "plan_suite",
            lambda *a, **k: tuple(
                Part(entry, "c", entry.languages, "it is not trained." if entry.task == lacking else "")
                for entry in entries
            ),
        )
        monkeypatch.setattr(
            module,
            "_scored",
            lambda part, *a: Scored(
                scores=tuple(
                    score(part.entry.task, code, "accuracy", value, split)
                    for code, value in (("en", 0.75), ("de", 0.25))
                ),
                text="",
                folder=tmp_path,
            ),
        )
        return toolkit.evaluate_suite("TARGET", config, suite="two")

    whole = run()
    assert (whole.average, whole.partial, whole.groups) == (0.5, (), {"both": 0.5})
    assert "PARTIAL" not in whole.text and "average" in whole.text
    lacking = run("micro-nli")
    assert lacking.partial == ("micro-nli: it is not trained.",)
    assert lacking.groups == {}
    assert "PARTIAL average  1 of 2 tasks" in lacking.text
    other = run(split="validation")
    assert other.partial[0] == "micro-nli: scored on 'validation' (en, de), the benchmark on 'score'."


@pytest.mark.usefixtures("few_languages")
def test_one_tasks_fault_does_not_cost_the_others_scores(
    trained: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*arguments: object, **options: object) -> None:
        raise ToolkitError("The file is damaged.")

    monkeypatch.setattr(module, "retrieve", faulty)
    config = replace(trained, run_dir=tmp_path / "runs")
    result = toolkit.evaluate_suite("micro-nli/TARGET", config, suite="micro")
    assert "micro-bitext: The file is damaged." in result.partial
    assert "micro-qa: 'micro-nli/micro-qa' is not trained." in result.partial
    assert {each.part.entry.task for each in result.tasks} == {"micro-nli", "micro-pos"}


def test_where_nothing_can_be_scored_it_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        ToolkitError, match=r"No task of the suite 'micro' can be scored\. micro-nli: 'micro-nli' is not"
    ):
        toolkit.evaluate_suite("TARGET", tiny_config(tmp_path), suite="micro", instead={"micro-bitext": "micro-nli"})


@pytest.mark.usefixtures("few_languages")
def test_mlflow_gets_the_means_and_the_average_under_a_name_that_says_partial(trained: Config, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    config = replace(
        trained,
        run_dir=tmp_path / "runs",
        tracking=replace(trained.tracking, enabled=True, folder=tmp_path),
    )
    result = toolkit.evaluate_suite(
        "micro-nli/TARGET", config, suite="micro", instead={"micro-choice": "micro-nli/micro-x"}
    )
    run = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").get_run(result.run_id)
    assert run.data.metrics["micro/partial_average"] == pytest.approx(result.average)
    assert "micro/average" not in run.data.metrics
    assert run.data.metrics["micro/micro-nli/mean"] == pytest.approx(result.tasks[0].value)
    assert run.data.tags["journey"] == "suite"


def measured(task: str, language: str, gold: list, predicted: list) -> dict[str, float]:
    if task == "bucc":
        return quality(len({*predicted} & {*gold}), len({*predicted}), len({*gold}))
    if get_task(task).kind == "tags":
        return tagging_f1(predicted, gold)
    if get_task(task).kind == "span":
        texts = {str(i): text for i, text in enumerate(predicted)}
        references = {str(i): [text] for i, text in enumerate(gold)}
        return mlqa(texts, references, language) if task == "mlqa" else squad(texts, references)
    return accuracy(predicted, gold)


def test_xtremes_average_is_what_its_own_script_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = answers()
    entries = {entry.task: entry for entry in SUITES["xtreme"].entries}

    def scored(part: Part, *rest: object) -> Scored:
        found = [
            replace(score(part.entry.task, language, metric, value, part.entry.split), n=len(both[0]))
            for language, both in given[part.entry.task].items()
            for metric, value in measured(part.entry.task, language, *both).items()
        ]
        return Scored(scores=tuple(found), text="", folder=tmp_path)

    monkeypatch.setattr(
        module, "plan_suite", lambda *a, **k: tuple(Part(each, "c", each.languages) for each in entries.values())
    )
    monkeypatch.setattr(module, "_scored", scored)
    result = toolkit.evaluate_suite(
        "TARGET", tiny_config(tmp_path, "eval.limit=null", "retrieve.limit=null"), suite="xtreme"
    )
    held = json.loads((PROJECT / "tests" / "recipes" / "golden" / "xtreme.json").read_text())
    assert {each.part.entry.task: each.value for each in result.tasks} == pytest.approx(held["tasks"], abs=1e-12)
    assert result.groups == pytest.approx(held["groups"], abs=1e-12)
    assert result.average == pytest.approx(held["average"], abs=1e-12)
    assert result.partial == ()
