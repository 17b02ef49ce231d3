"""Notes of a sweep's report: what is missing, what intervals cover, what the sweep cost."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.report.compare import marks_note
from toolkit.report.sweep.entries import CONTAMINATED, Entry
from toolkit.report.table import GENERATED_NOTE
from toolkit.sweeps import SweepResults
from toolkit.tasks import BUILT_IN


def lacks_of(results: SweepResults) -> tuple[str, ...]:
    """Return sentences about cells that are not scored yet: one with the counts, then one for each cell."""
    missing = [cell for cell in results.cells if cell.state != "done"]
    if not missing:
        return ()
    counts = ", ".join(f"{results.count(state)} {state}" for state in dict.fromkeys(cell.state for cell in missing))
    lines = [f"Partial: {results.count('done')} of {len(results.cells)} cells are scored ({counts})."]
    return (*lines, *(f"{cell.cell.name}: {cell.state}{': ' + cell.error if cell.error else ''}" for cell in missing))


def notes_of(entries: Sequence[Entry], baseline: str, results: SweepResults) -> tuple[str, ...]:
    """Return the sentences below the table."""
    notes = ["Each number is the mean over the target's languages in %, of its main measure."]
    seeds = len(results.sweep.seeds)
    if seeds > 1:
        notes.append(f"± is the standard deviation over {seeds} seeds; intervals cover test rows and seeds.")
        if seeds == 2:
            notes.append("Two seeds estimate their own spread poorly, so the intervals are wide; use three or five.")
    else:
        notes.append("One seed: the intervals cover the choice of test rows only, not the seed of the training.")
    if baseline:
        same = " of the same setting" if len(results.sweep.variants) > 1 else ""
        over = ", Student's t over the seeds" if seeds > 1 else ""
        notes.append(
            f"Differences to '{baseline}'{same} with 95 % intervals: paired bootstrap over the test rows{over}; {marks_note()}"
        )
    untested = [e for e in entries if e.gain is not None and e.estimate is None]
    if untested:
        notes.append(f"{len(untested)} differences have no outcomes by row, so they were not tested.")
    if any(entry.contamination for entry in entries):
        notes.append(f"{CONTAMINATED}: training rows overlap with the rows scored; see the target's page.")
    notes += _own_rows(results)
    notes += _translated(results)
    notes.append(_cost(results))
    if any(entry.is_generated for entry in entries):
        notes.append(GENERATED_NOTE)
    return (*notes, *results.sweep.left_out)


def _translated(results: SweepResults) -> list[str]:
    """Return a sentence on the members that learn from machine-translated rows, if there are any."""
    names = dict.fromkeys(name.partition(".")[0] for c in results.cells for name in (*c.cell.members, c.cell.task))
    found = [name for name in names if name in BUILT_IN and "train" in BUILT_IN.get(name).translated]
    return [f"Machine-translated training rows: {', '.join(found)}."] if found else []


def _own_rows(results: SweepResults) -> list[str]:
    """Return a sentence for each row that learns from a target's own rows before the target stage."""
    cells = dict.fromkeys((c.cell.row, c.cell.task) for c in results.cells if c.cell.task in c.cell.members)
    found: dict[str, list[str]] = {}
    for row, task in cells:
        found.setdefault(row, []).append(task)
    return [
        f"'{row}' holds the target's own task on {', '.join(tasks)}: there it has learnt from more of the target's rows than the others."
        for row, tasks in found.items()
    ]


def _cost(results: SweepResults) -> str:
    """Return the time and memory that the sweep took so far."""
    records = [stage.record for stage in results.stages if stage.record is not None and stage.state == "done"]
    # Cells that share a step, such as seeds of a backbone without adapters, took its time once.
    cells = list({cell.cell.key: cell for cell in results.cells if cell.state == "done"}.values())
    minutes = [sum(each.seconds for each in some) / 60 for some in (records, cells)]
    measured = [*(each.peak_memory_mib for each in records), *(each.peak_memory_mib for each in cells)]
    peaks = [peak for peak in measured if peak is not None]
    memory = f"; at most {max(peaks):,.0f} MiB of memory" if peaks else ""
    return (
        f"It took {minutes[0]:,.1f} minutes of training in {len(records)} stages and {minutes[1]:,.1f} of scoring in {results.count('done')} "
        f"cells{memory}."
    )
