"""Sweeps: run a grid, and see where it stands."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.commands.options import (
    DATA_ROOT,
    NO_TRACK,
    PRECISION,
    RESAMPLES,
    TASK_FILE,
    example,
    load_tasks,
)
from toolkit.commands.screen import bars, print_table, say

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.sweep.run import DryRun
    from toolkit.sweeps.outlook import Outlook

READY = Path("configs") / "sweep"
FOLDER = Path("sweeps")
_PLACES = ("data_root", "cache_gib", "tracking.")


@click.command(
    epilog=example(
        "xstilts sweep configs/sweep/phang2020-mini.yaml",
        "xstilts sweep order-mini --workers 2",
        "xstilts sweep phang2020 --dry-run",
        "xstilts sweep my-grid.yaml --backbone embedded --data-root MIRROR --set train.epochs=1",
    )
)
@click.argument("file", metavar="FILE")
@click.option("--dir", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Folder. Default: sweeps/NAME.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Print the stages, what is shared and the time; do nothing.")
@click.option("--update", "is_update", is_flag=True, help="Go on although settings or rows are no longer the folder's.")
@click.option("--backbone", envvar="XSTILTS_BACKBONE", metavar="NAME", help="Encoder, whatever FILE says.")
@DATA_ROOT
@PRECISION
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="One setting for every stage; wins over FILE. Repeatable."
)
@TASK_FILE
@NO_TRACK
@click.pass_context
def sweep(
    context: click.Context,
    file: str,
    folder: Path | None,
    workers: int,
    is_dry: bool,
    is_update: bool,
    backbone: str | None,
    data_root: Path | None,
    precision: str | None,
    sets: tuple[str, ...],
    task_files: tuple[Path, ...],
    no_track: bool,
) -> None:
    """Train and score every cell of a grid, each shared stage once; FILE is YAML, or a name in configs/sweep/.

    A sweep that was stopped goes on where it was when the same command is given again. Exit code 1: something failed.
    """
    from toolkit.recipes.session.session import Session
    from toolkit.recipes.sweep import run as recipe

    path = _found(file)
    load_tasks(task_files)
    given, config = _settings(sets, backbone, precision, data_root, no_track)
    home = folder or FOLDER / path.stem
    files = [str(task_file) for task_file in task_files]
    with bars() as report:
        session = Session.open(config, report=report, say=say)
        if is_dry:
            found = recipe.dry_run(path, session, given=given, folder=home, workers=workers, task_files=files)
        else:
            failed = recipe.sweep(
                path, session, given=given, folder=home, workers=workers, task_files=files, is_update=is_update
            )
    if is_dry:
        _print_dry(found, workers)
        return
    _print_status(home)
    if failed:
        context.exit(1)


@click.command(epilog=example("xstilts status sweeps/order-mini", "watch -n 10 xstilts status sweeps/order-mini"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def status(folder: Path) -> None:
    """What a sweep has done, what runs, what failed, what is left, and when it will end."""
    _print_status(folder)


def _found(file: str) -> Path:
    path = Path(file)
    ready = READY / f"{file}.yaml"
    return ready if not path.exists() and not path.suffix and ready.is_file() else path


def _settings(
    sets: Sequence[str], backbone: str | None, precision: str | None, data_root: Path | None, no_track: bool
) -> tuple[dict[str, str], Config]:
    """Return what stages are given as text, and the configuration whose places are used."""
    from toolkit.config import load

    texts, places = {}, []
    for text in sets:
        key, equals, value = (part.strip() for part in text.partition("="))
        if equals and not key.startswith(_PLACES):
            texts[key] = value
        else:
            places.append(text)
    load(sets=[f"{key}={value}" for key, value in texts.items()])  # every fault at once, before anything is read
    for key in ("zoo", "run_dir"):
        if key in texts:
            raise click.UsageError(f"--set {key}: a sweep keeps everything in one folder; name it with --dir.")
    flags = {"backbone.name": backbone, "backbone.precision": precision}
    texts |= {key: value for key, value in flags.items() if value is not None}
    return texts, load(sets=places, overrides={"data_root": data_root, "tracking.enabled": False if no_track else None})


# -- what is printed ----------------------------------------------------------------------------------------------


def _print_dry(found: DryRun, workers: int) -> None:
    planned = found.planned
    uses = _uses(planned)
    for line in planned.sweep.left_out:
        say(f"Left out: {line}")
    grid = planned.sweep
    click.echo(f"{grid.title}\n{grid.question}".strip())
    click.echo(
        f"{_n(len(grid.cells), 'cell')}: {_n(len(grid.rows), 'row')} x {_n(len(grid.targets), 'target')} x "
        f"{_n(len(grid.seeds), 'seed')} x {_n(len(grid.variants), 'setting')}."
    )
    rows = []
    for number, step in enumerate(found.stages, 1):
        cells = _n(uses[step.key], "cell")
        learns = "+".join(step.learns_from) or "computed"
        rows.append((str(number), step.composition, learns, str(step.seed), _examples(step.examples), cells))
    print_table(("", "stage", "learns from", "seed", "rows", "for"), rows)
    done = len(planned.stages) - len(found.stages)
    scored = sum(not step.is_stage and step.key not in found.done for step in planned.steps)
    shared = sum(uses[step.key] > 1 for step in planned.stages)
    click.echo(
        f"{_n(len(found.stages), 'stage')} to train ({done} done already) and {_n(scored, 'composition')} to score; "
        f"{shared} stages are shared: one by one the cells would train {found.unshared}."
    )
    if found.seconds is None:
        click.echo(f"No estimate of time: {found.measured}")
    else:
        click.echo(f"About {_time(found.seconds)} with {_n(workers, 'worker')}, measured {found.measured}.")


def _print_status(folder: Path) -> None:
    from toolkit.sweeps.outlook import outlook

    now = time.time()
    found = outlook(folder, now=now)
    click.echo(f"{found.results.sweep.title} ({folder})")
    rows = []
    for label, is_stage in (("stages", True), ("scored", False)):
        counts = [found.count(state, stages=is_stage) for state in ("done", "running", "failed", "blocked", "waiting")]
        rows.append((label, *map(str, counts)))
    print_table(("", "done", "running", "failed", "blocked", "left"), rows)
    for step in found.among("running"):
        record = found.records[step.key]
        spent = now - record.attempts[-1].started
        where = f"{record.what} {record.done}/{record.total}, " if record.what else ""
        click.echo(f"running: {_named(step)}: {where}{_time(spent)} so far, process {record.pid} on {record.host}")
    for step in found.among("failed"):
        click.echo(f"failed: {_named(step)}: {found.errors[step.key]}")
    click.echo(_ending(found, now))


def _ending(found: Outlook, now: float) -> str:
    left = len(found.among("waiting")) + len(found.among("running"))
    if left == 0:
        return (
            "Finished."
            if found.results.is_finished
            else "Finished, but for what failed: the same command tries it again."
        )
    stopped = "" if found.is_alive else "Nothing works here now; the same command goes on. "
    if found.seconds_left is None:
        return f"{stopped}{_n(left, 'step')} left; too little is measured for an estimate."
    end = datetime.fromtimestamp(now + found.seconds_left)
    when = (
        ""
        if not found.is_alive
        else f": until {end:%H:%M}" + ("" if end.date() == datetime.now().date() else f" on {end:%d %B}")
    )
    return f"{stopped}{_n(left, 'step')} left, about {_time(found.seconds_left)}{when}."


def _uses(planned: Any) -> Mapping[str, int]:
    from toolkit.sweeps.results import ancestors

    below = ancestors(planned.steps)
    uses = {step.key: 0 for step in planned.steps}
    for cell in planned.sweep.cells:
        for key in below[cell.key]:
            uses[key] += 1
    return uses


def _named(step: Any) -> str:
    return f"{step.composition}" + (f" on {step.task}" if step.task else "") + f", seed {step.seed}"


def _examples(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _time(seconds: float) -> str:
    """Return a span of time as people say it.

    Example:
        >>> _time(42), _time(250), _time(9000), _time(200000)
        ('42 s', '4 min', '2 h 30 min', '2 days 7 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"


@click.command(epilog=example("xstilts report sweeps/order-mini", "xstilts report sweeps/phang2020 --out paper/table"))
@click.argument("folder", metavar="SWEEP", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder to write to. Default: SWEEP/report."
)
@RESAMPLES
@TASK_FILE
def report(folder: Path, out: Path | None, resamples: int, task_files: tuple[Path, ...]) -> None:
    """The paper's table of SWEEP, finished or not: which intermediate helps which target, and is it more than chance.

    Writes Markdown, CSV, LaTeX, PNG, SVG and one HTML page that needs nothing else.
    """
    from toolkit.recipes.sweep.report import report as run

    load_tasks(task_files)
    result = run(folder, out=out, resamples=resamples, say=say)
    click.echo(result.text)
    say(f"Written to {result.folder}/; open {result.folder / 'report.html'} in a browser.")
