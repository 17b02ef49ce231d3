"""Every journey in a working folder whose name has the characters that URIs, patterns and shells read in their own way."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests.recipes.small import FUSED, SETTINGS
from tests.recipes.sweeping import GRID, write_grid

pytestmark = pytest.mark.journey

NAME = "50% of a%41b?x=1#f&g h'i\"j;k é日[0]*{l}"
SETS = [part for one in (*SETTINGS, "tracking.enabled=yes") for part in ("--set", one)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / NAME
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def typed(*words: str) -> str:
    found = CliRunner().invoke(cli.main, list(words))
    assert found.exit_code == 0, (words, found.output, repr(found.exception))
    assert "MLflow" not in found.stderr, found.stderr
    return found.stdout


def journey(*words: str) -> str:
    return typed(*words, "--backbone", "tiny", *SETS)


def check_alone(folder: Path) -> None:
    """Check that everything was written into the folder."""
    assert [path.name for path in folder.parent.iterdir()] == [NAME]


def test_training_scoring_and_comparing(folder: Path) -> None:
    journey("train", "micro-nli/micro-choice")
    journey("fuse", "micro-nli", "micro-qa", "--target", "micro-choice")
    for expression in ("micro-nli/micro-choice", FUSED):
        journey("eval", expression, "--task", "micro-choice", "--languages", "en,de")
    journey("compare", FUSED, "micro-nli/micro-choice", "--task", "micro-choice", "--languages", "de")
    from toolkit.tracking import server

    client = server.connect(server.own_store(folder))
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    assert len(runs) >= 5
    assert {run.info.status for run in runs} == {"FINISHED"}
    check_alone(folder)


def test_retrieval_mining_and_prediction(folder: Path) -> None:
    journey("retrieve", "backbone", "--task", "micro-bitext", "--languages", "de")
    for code in ("en", "de"):
        (folder / f"{code} 100%?.txt").write_text("".join(f"a {n} {code}\n" for n in range(20)), encoding="utf-8")
    journey("mine", "en 100%?.txt", "de 100%?.txt", "--expr", "backbone", "--out", "pairs #1?.tsv")
    assert (folder / "pairs #1?.tsv").exists()
    journey("rank", "micro-choice", "micro-qa", "micro-nli", "--by", "vocabulary")
    journey("similarity", "micro-nli", "micro-qa", "--by", "vocabulary")
    check_alone(folder)


def test_a_sweep_and_its_report(folder: Path) -> None:
    text = GRID.replace("intermediates: [micro-nli, micro-qa]", "intermediates: [micro-nli]")
    text = text.replace("  fusions: {of: {both: [micro-nli, micro-qa]}, methods: [fuse]}\n", "")
    typed("sweep", str(write_grid(folder, text)))
    typed("status", "sweeps/grid")
    typed("report", "sweeps/grid")
    check_alone(folder)


def test_the_zoo(folder: Path) -> None:
    journey("train", "micro-nli")
    place = folder / "shared?zoo#1"
    for words in (["push", "micro-nli", str(place)], ["list"], ["verify"], ["site", "--out", "site 1%?"]):
        typed("zoo", *words, *(["--backbone", "tiny"] if words[0] == "push" else []))
    typed("zoo", "pull", str(place), "--zoo", "other?zoo")
    typed("zoo", "export", "micro-nli", "ex#port", "--backbone", "tiny")
    check_alone(folder)
