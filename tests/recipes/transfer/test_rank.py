"""`xstilts rank` and `fuse --suggest`: the planted case, the sweep next to it, and what is refused."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner

from cli import main
from tests.recipes.failing import FailingTracker
from tests.recipes.small import tiny_config
from tests.recipes.sweeping import run as run_sweep
from tests.recipes.sweeping import write_grid
from tests.recipes.swept import hand_written
from tests.sweeps.test_transfers import ROWS
from toolkit import rank, suggest
from toolkit.config import Config, load
from toolkit.errors import DataError, ToolkitError
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.report import report
from toolkit.recipes.transfer.rank import held_sources
from toolkit.recipes.transfer.rank import rank as rank_journey
from toolkit.recipes.transfer.suggest import suggest as suggest_journey
from toolkit.similarity import regret
from toolkit.similarity.ranking import FILE, read_prediction, verdicts
from toolkit.sweeps.transfers import observe
from toolkit.tasks import BUILT_IN

pytestmark = pytest.mark.journey

TEXTUAL = "combined,text-embedding,vocabulary"  # what needs no adapter


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all tests: what is read of a task is the same for each of them."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def config(trained: Config, store: Path, tmp_path: Path) -> Config:
    return replace(
        trained,
        store=replace(trained.store, folder=store),
        run_dir=tmp_path / "runs",
        similarity=replace(trained.similarity, limit=60, examples=8, shared_text="micro-answers"),
    )


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    return hand_written(tmp_path / "sweep", ROWS, has_predictions=False)


def planted(folder: Path) -> tuple[str, str]:
    """Declare a task that must help micro-pos, the same rows under another name, and one of letters without sense."""
    (folder / "twin.yaml").write_text("name: twin\nbase: micro-pos\n")
    letters = "".join(
        f"{a}qx{b} zzk,{b}{a}wv,{'same' if i % 2 else 'other'}\n" for i, (a, b) in enumerate(["jh", "vv"] * 30)
    )
    (folder / "letters.csv").write_text("a,b,gold\n" + letters)
    (folder / "letters.yaml").write_text(
        "name: letters\nkind: pair\nlabels: [other, same]\nfiles: {train: letters.csv, dev: letters.csv}\n"
        "columns: {first: a, second: b, label: gold}\n"
    )
    return "twin", "letters"


def test_a_task_that_must_help_comes_first_and_one_that_cannot_last(config: Config, tmp_path: Path) -> None:
    helps, cannot = planted(tmp_path)
    config = replace(config, task_files=tuple(tmp_path / f"{name}.yaml" for name in (helps, cannot)))
    found = rank("micro-pos", config, sources=["micro-nli", cannot, helps, "micro-qa"], by=TEXTUAL).found
    ranking = found.of("micro-pos")
    for name in TEXTUAL.split(","):
        places = ranking.places(name)
        assert (places[helps], places[cannot]) == (1.0, 4.0), name
    assert ranking.ranked[0].source == helps
    assert {each.source: each.level for each in ranking.ranked}["twin"] == "syntactic"
    assert found.validation is None and not ranking.gains


def test_the_zoos_tasks_are_ranked_and_what_lacks_an_adapter_is_said(config: Config) -> None:
    assert set(held_sources(Session.open(config), "micro-choice")) == {"micro-nli", "micro-qa"}
    assert held_sources(Session.open(config), "micro-nli") == ("micro-qa",), (
        "not stacks, not fusions, not the target's own"
    )
    result = rank("micro-choice", config, by="logme,text-embedding", sources=["micro-nli", "micro-qa", "micro-pos"])
    lacking = next(each for each in result.found.of("micro-choice").ranked if each.source == "micro-pos")
    assert "logme" not in lacking.values and "text-embedding" in lacking.values
    assert "`xstilts train micro-pos --backbone tiny" in lacking.absent["logme"]
    assert lacking.absent["logme"] in result.text
    assert result.found.lead == "logme" and result.found.of("micro-choice").ranked[-1] is lacking
    names = {path.name for path in result.folder.iterdir()}
    assert names == {"prediction.md", "prediction.csv", "prediction.json", "prediction.png", "prediction.svg"}
    assert result.folder == config.run_dir / "rank" / "micro-choice"


def test_train_makes_what_lacks(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "similarity.limit=40", "train.limit=16")
    with pytest.raises(ToolkitError, match="nothing to rank for 'micro-choice'.*name sources with --train"):
        rank("micro-choice", config)
    found = rank("micro-choice", config, sources=["micro-pos"], by="logme", train=True).found
    assert "logme" in found.of("micro-choice").ranked[0].values
    assert held_sources(Session.open(config)) == ("micro-pos",)


def test_a_sweep_stands_beside_and_every_predictor_beside_the_controls(config: Config, swept: Path) -> None:
    result = rank(None, config, sweep=swept, by=TEXTUAL)
    found, seen = result.found, observe(swept, BUILT_IN)
    assert found.predictors == ("combined", "text-embedding", "vocabulary", "size", "mean-effect")
    assert found.controls == ("size", "mean-effect")
    for ranking in found.rankings:
        assert ranking.gains == seen.gains[ranking.target]
    effect = found.of("micro-choice").ranked
    by_source = {each.source: each.values["mean-effect"] for each in effect}
    others = [seen.gains[target]["micro-qa"] for target in ("micro-nli", "micro-bitext")]
    assert by_source["micro-qa"] == pytest.approx(sum(others) / 2), "the mean over the other targets only"
    assert found.validation is not None
    assert {each.verdict for each in found.validation.measured if each.predictor in found.controls} == {None}
    answer, *each = verdicts(found)
    assert answer.startswith("No predictor is more than chance better than the controls (size, mean-effect, a random")
    assert answer.endswith("over 2 targets."), "micro-nli has two sources, which every other coin ranks"
    assert len(each) == 3 and answer in result.text
    assert result.folder == swept / "prediction"
    rows = list(csv.DictReader((result.folder / "prediction.csv").open()))
    assert len(rows) == (3 + 2 + 3) * 5
    lines = list(csv.DictReader((result.folder / "validation.csv").open()))
    assert {(line["predictor"], line["rival"]) for line in lines} >= {("vocabulary", "mean-effect"), ("size", "random")}
    assert "no benchmark result" in (result.folder / "prediction.md").read_text()


def test_what_is_written_is_read_back_as_it_was(config: Config, swept: Path) -> None:
    result = rank(None, config, sweep=swept, by=TEXTUAL)
    assert read_prediction(result.folder / FILE) == result.found
    (result.folder / FILE).write_text("{}")
    with pytest.raises(DataError, match="is not a prediction as this version writes them"):
        report(swept, resamples=100)


def test_a_target_that_the_sweep_never_saw_is_ranked_by_its_sources(config: Config, swept: Path) -> None:
    said: list[str] = []
    result = rank("micro-qa", config, sweep=swept, by=TEXTUAL, say=said.append)
    ranking = result.found.of("micro-qa")
    assert {each.source for each in ranking.ranked} == {"micro-nli", "micro-pos"}
    assert not ranking.gains and result.found.validation is not None
    assert any("'micro-qa' is not a target of the sweep" in sentence for sentence in said)
    assert result.folder == config.run_dir / "rank" / "micro-qa", "the sweep's own prediction stays"


def test_the_report_of_a_sweep_shows_predicted_against_observed(config: Config, swept: Path) -> None:
    before = report(swept, resamples=100)
    assert "Predicted against observed" not in (before.folder / "report.html").read_text() + before.text
    result = rank(None, config, sweep=swept, by=TEXTUAL)
    shown = report(swept, resamples=100)
    assert f"Predicted against observed: {verdicts(result.found)[0]}" in shown.text
    page, markdown = ((shown.folder / name).read_text() for name in ("report.html", "report.md"))
    for text in (page, markdown):
        assert "Predicted against observed" in text and "vocabulary: " in text and "mean-effect (control)" in text
    assert '<svg role="img"' in page and "url(" not in page and "<metadata" not in page
    assert "Predicted against observed" in (shown.folder / "report.tex").read_text()


def test_a_prediction_from_before_the_sweep_changed_is_called_old(config: Config, tmp_path: Path, swept: Path) -> None:
    rank(None, config, sweep=swept, by=TEXTUAL)
    rows = {**ROWS, "micro-qa": {**ROWS["micro-qa"], "micro-choice": 0.8}}
    hand_written(swept, rows, has_predictions=False)
    assert "Predicted against observed: Old: the sweep has changed since" in report(swept, resamples=100).text


def test_suggested_members_come_with_reasons_the_command_and_the_realised_regret(
    config: Config, swept: Path, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    tracked = replace(config, tracking=replace(config.tracking, enabled=True, uri=uri))
    found = suggest(2, "micro-choice", tracked, sweep=swept, by=TEXTUAL)
    gains = observe(swept, BUILT_IN).gains["micro-choice"]
    assert len(found.members) == 2 and set(found.members) < set(gains)
    assert found.regret == pytest.approx(max(gains.values()) - max(gains[member] for member in found.members))
    assert found.expected_regret == pytest.approx(regret(dict.fromkeys(gains, 0.0), gains, 2))
    assert all("by combined" in reason and "by vocabulary" in reason for reason in found.reasons.values())
    assert found.command.startswith(f"xstilts fuse {' '.join(found.members)} --target micro-choice --backbone tiny")
    assert f"--set tracking.uri={uri}" in found.command.replace("'", "")
    assert found.text.splitlines()[-1] == found.command
    assert any(line.startswith("Realised regret on the sweep hand: ") for line in found.text.splitlines())
    run = mlflow.MlflowClient(uri).get_run(str(found.run_id))
    assert run.data.metrics["micro-choice/regret"] == pytest.approx(found.regret)
    assert run.data.params["members"] == ",".join(found.members)


def test_what_cannot_be_predicted_or_suggested_is_said_in_one_sentence(config: Config, swept: Path) -> None:
    with pytest.raises(ToolkitError, match="No task named 'micro-choise'. Did you mean 'micro-choice'"):
        rank("micro-choise", config)
    with pytest.raises(ToolkitError, match="Did you mean 'logme'"):
        rank("micro-choice", config, by="logm")
    with pytest.raises(ToolkitError, match="'mean-effect' is fitted on observed gains; name a finished sweep"):
        rank("micro-choice", config, by="mean-effect")
    with pytest.raises(ToolkitError, match="Neither a target nor a sweep was named"):
        rank(None, config)
    with pytest.raises(ToolkitError, match="A fusion of 1 was asked for"):
        suggest(1, "micro-choice", config)
    with pytest.raises(ToolkitError, match=r"5 members were asked for, but combined has a value for 3 of 3 candidates"):
        suggest(5, "micro-choice", config, sweep=swept, by=TEXTUAL)


def test_the_commands_say_the_same(config: Config, swept: Path, folder: Path) -> None:
    shared = ["--backbone", "tiny", "--zoo", str(config.zoo), "--no-track", "--set", "similarity.limit=40"]

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, [*arguments, *shared])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    code, text = run("rank", "micro-choice", "--by", TEXTUAL)
    assert code == 0 and "Sources for micro-choice (semantic) by combined, best first" in text
    code, text = run("fuse", "--suggest", "2", "--target", "micro-choice", "--sweep", str(swept), "--by", TEXTUAL)
    assert (
        code == 0 and "Realised regret on the sweep hand" in text and "--target micro-choice" in text.splitlines()[-1]
    )
    assert not (folder / "adapter_zoo").exists(), "nothing was trained"
    for arguments, told in (
        (("rank",), "rank wants a TARGET"),
        (("fuse", "--target", "micro-choice"), "Missing argument 'MEMBERS...'"),
        (("fuse", "micro-nli", "--target", "micro-choice", "--sweep", str(swept)), "--sweep and --variant belong to"),
    ):
        code, text = run(*arguments)
        assert code == 2 and told in text


@pytest.mark.slow
def test_on_a_real_encoder_the_task_that_helps_is_ranked_first_by_what_reads_adapters(folder: Path) -> None:
    """micro-choice asks what micro-qa asks, with choices; tagging words cannot answer it. Minutes."""
    grid = """
axes:
  intermediates: [micro-pos, micro-nli, micro-qa]
  targets: [micro-choice]
languages: [en, de, tr]
settings:
  backbone: {name: embedded}
  train: {limit: 800, epochs: 2, batch_size: 8, eval_limit: 30}
  eval: {limit: 60}
target:
  train: {limit: 120}
"""
    assert run_sweep(write_grid(folder, grid), folder / "sweep") == 0
    config = load(sets=["tracking.enabled=no", "similarity.limit=400", f"store.folder={folder / 'store'}"])
    found = rank(None, config, sweep=folder / "sweep").found
    gains = found.of("micro-choice").gains
    assert gains["micro-qa"] > max(0.15, gains["micro-pos"] + 0.15), "the case is as it was planted"
    for name in ("combined", "logme", "transrate", "text-embedding"):
        assert found.of("micro-choice").places(name)["micro-qa"] == 1.0, name


def test_runs_of_rank_and_suggest_whose_logging_raises_are_failed(config: Config, swept: Path) -> None:
    tracker = FailingTracker()
    session = Session.open(config, tracker=tracker)
    with pytest.raises(OSError, match="no space"):
        rank_journey(None, session, sweep=swept, by=TEXTUAL)
    with pytest.raises(OSError, match="no space"):
        suggest_journey(2, "micro-choice", session, sweep=swept, by=TEXTUAL)
    assert tracker.status == {"rank sources for hand": "FAILED", "suggest 2 for micro-choice": "FAILED"}
