"""`sweep` and `status` as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cli
from tests.recipes.sweeping import GRID, write_grid

pytestmark = pytest.mark.journey
SMALL = """
title: One cell
question: Does it run?
axes: {targets: [micro-pos]}
languages: [en, de]
settings:
  backbone: {name: tiny, precision: fp32}
  train: {limit: 16, epochs: 1, eval_limit: 8}
  eval: {limit: 8}
"""


def typed(*arguments: str) -> Result:
    found = CliRunner().invoke(cli.main, list(arguments))
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def test_a_dry_run_measures_counts_and_leaves_nothing(folder: Path) -> None:
    found = typed("sweep", str(write_grid(folder, SMALL)), "--dry-run")
    assert found.exit_code == 0
    assert "1 cell: 1 row x 1 target x 1 seed x 1 setting." in found.output
    assert "1 stage to train (0 done already) and 1 composition to score; 0 stages are shared" in found.output
    assert "measured from a probe" in found.output
    assert [path.name for path in folder.iterdir()] == ["grid.yaml"]


def test_a_dry_run_measures_a_fixed_number_of_examples_and_says_for_how_many_workers(folder: Path) -> None:
    # More examples than the probe reads: of 4 steps of 2 rows in each language.
    text = SMALL.replace("axes: {targets", "axes: {sources: {of: [en, de], sizes: [2]}, targets")
    text = text.replace("limit: 16,", "total_examples: 100, batch_size: 2,")
    found = typed("sweep", str(write_grid(folder, text)), "--dry-run", "--workers", "2")
    assert "with 2 workers, measured from a probe" in found.output


def test_a_dry_run_that_cannot_measure_says_why(folder: Path) -> None:
    text = SMALL.replace("micro-pos", "pawsx")
    found = typed("sweep", str(write_grid(folder, text)), "--dry-run")
    assert "No estimate of time: nothing could be measured for train pair" in found.output
    assert "--data-root" in found.output


def test_a_sweep_is_one_run_with_its_steps_under_it_and_status_tells_of_it(folder: Path) -> None:
    grid = str(write_grid(folder, SMALL))
    first = typed("sweep", grid)
    assert first.exit_code == 0 and first.stdout.splitlines()[-1] == "Finished."
    shown = typed("status", "sweeps/grid")
    assert [line.split() for line in shown.output.splitlines()[2:4]] == [
        ["stages", "1", "0", "0", "0", "0"],
        ["scored", "1", "0", "0", "0", "0"],
    ]
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("sweep grid")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(runs) == 3 and len(children) == 2
    assert parent.data.metrics["cells_done"] == 1 and parent.info.status == "FINISHED"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["sweep", "ordre-mini.yaml"], "No sweep file 'ordre-mini.yaml'"),
        (["sweep", "grid.yaml", "--set", "train.lrr=1"], "Did you mean 'train.lr'?"),
        (["sweep", "grid.yaml", "--set", "train.seed=1"], "train.seed is given, but it is an axis of grid.yaml"),
        (["sweep", "grid.yaml", "--set", "zoo=here"], "a sweep keeps everything in one folder"),
        (["sweep", "grid.yaml", "--workers", "0"], "0 is not in the range"),
        (["sweep", "grid.yaml", "--backbone", "no-such/backbone", "--no-track"], "no-such/backbone"),
        (["status", "nowhere"], "There is no sweep in nowhere"),
    ],
)
def test_a_users_fault_is_one_sentence_with_exit_code_two(folder: Path, arguments: list[str], expected: str) -> None:
    write_grid(folder, GRID)
    found = typed(*arguments)
    assert found.exit_code == 2
    assert expected in found.stderr and "Traceback" not in found.stderr
