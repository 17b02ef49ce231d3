"""Where a sweep stands, and when it will end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.face.sweep_texts import plan_text, status_text
from toolkit.recipes.sweep.run import DryRun
from toolkit.report.sweep.notes import lacks_of, notes_of
from toolkit.sweeps import Attempt, Cell, Planned, Record, Step, Sweep, SweepFolder, load_results
from toolkit.sweeps.outlook import outlook


def step(key: str, *parents: str, kind: str = "train", examples: int = 100) -> Step:
    work = "train pair" if kind == "train" else "evaluate pair"
    return Step(key, kind, key, 0, parents, {}, work=work, examples=examples)  # type: ignore[arg-type]


def record(of: Step, state: str, **more: object) -> Record:
    return Record(of.key, of.kind, of.composition, state, **more)  # type: ignore[arg-type]


STEPS = (
    step("a"),
    step("b", "a"),
    step("c", "a"),
    step("cell-b", "b", kind="evaluate"),
    step("cell-c", "c", kind="evaluate"),
)


def cell(key: str) -> Cell:
    return Cell(key, key, "intermediates", "stack", ("a",), key, "t", "all", 0, key=key)


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    held = SweepFolder(tmp_path)
    held.write_plan(Planned(Sweep("s", "S", "", (cell("cell-b"), cell("cell-c"))), STEPS))
    return held


def test_the_time_left_is_what_like_steps_took_for_as_many_rows(folder: SweepFolder) -> None:
    folder.write(record(STEPS[0], "done", seconds=10.0))
    folder.write(record(STEPS[3], "done", seconds=2.0))  # not its turn yet, but measured
    found = outlook(folder.root, now=0.0)
    assert (found.count("done", stages=True), found.count("waiting", stages=True)) == (1, 2)
    assert found.seconds_left == pytest.approx(10 + 10 + 2)


def test_two_workers_share_what_is_left_but_a_chain_cannot_be_shared(folder: SweepFolder) -> None:
    plan = folder.plan()
    assert plan is not None
    folder.write_plan(replace(plan, workers=2))
    folder.write(record(STEPS[0], "done", seconds=10.0))
    folder.write(record(STEPS[3], "done", seconds=2.0))
    assert outlook(folder.root, now=0.0).seconds_left == pytest.approx(10 + 2)


def test_what_runs_counts_with_what_it_has_left(folder: SweepFolder) -> None:
    folder.write(record(STEPS[0], "done", seconds=10.0))
    folder.write(record(STEPS[3], "done", seconds=2.0))
    folder.write(record(STEPS[1], "running", attempts=(Attempt(started=100.0),)))
    held = folder.lock()
    assert outlook(folder.root, now=104.0).seconds_left == pytest.approx(6 + 10 + 2)
    held.close()
    assert outlook(folder.root, now=104.0).count("running", stages=True) == 0  # killed: nobody works here


def test_nothing_measured_is_no_estimate(folder: SweepFolder) -> None:
    assert outlook(folder.root, now=0.0).seconds_left is None


def test_what_stands_on_a_failed_stage_is_blocked_with_its_reason(folder: SweepFolder) -> None:
    folder.write(record(STEPS[0], "done", seconds=1.0))
    folder.write(record(STEPS[1], "failed", error="No rows."))
    found = load_results(folder.root)
    assert [one.state for one in found.cells] == ["blocked", "waiting"]
    assert found.cells[0].error == "'b' failed: No rows."


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 99}'])
def test_a_damaged_plan_is_one_sentence(folder: SweepFolder, text: str) -> None:
    (folder.root / "sweep.json").write_text(text)
    with pytest.raises(ToolkitError, match=r"sweep\.json (is|has)"):
        load_results(folder.root)


def test_a_record_reads_back_as_it_was_written(folder: SweepFolder) -> None:
    written = record(
        STEPS[0], "done", attempts=(Attempt(1.0, 2.0, 3, "made"),), parents={"a": "d"}, contamination=("x",)
    )
    folder.write(written)
    assert folder.record(STEPS[0]) == written
    assert [path.name for path in (folder.root / "stages").iterdir()] == ["a.json"]


def test_seeds_that_share_a_step_are_cells_of_their_own_in_every_count(folder: SweepFolder) -> None:
    """A backbone without adapters answers the same whatever the seed: two cells, one step."""
    first = cell("cell-b")
    cells = (first, replace(first, name="cell-b, seed 1", seed=1), cell("cell-c"))
    planned = Planned(Sweep("s", "S", "", cells), STEPS)
    folder.write_plan(planned)
    for held in STEPS[:2]:
        folder.write(record(held, "done", seconds=60.0))
    folder.write(record(STEPS[3], "done", seconds=120.0, folder="cells/cell-b"))
    found = outlook(folder.root, now=0.0)
    assert (found.count("done", stages=False), found.count("waiting", stages=False)) == (2, 1)
    assert "scored" in (text := status_text(found, folder.root, 0.0))
    assert next(line.split() for line in text.splitlines() if "scored" in line) == ["scored", "2", "0", "0", "0", "1"]
    assert lacks_of(found.results)[0] == "Partial: 2 of 3 cells are scored (1 waiting)."
    assert notes_of([], "", found.results)[-1] == (
        "It took 2.0 minutes of training in 2 stages and 2.0 of scoring in 2 cells."
    )
    planned_anew = DryRun(planned, frozenset(), 5, None, "nothing was measured yet")
    assert "3 stages to train (0 done already) and 2 compositions to score, which fill 3 cells;" in plan_text(
        planned_anew, 1
    )
