"""Commands of sweeps: run a grid, show its state, write its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

import toolkit
from toolkit.commands.groups import Command, Commands, example
from toolkit.commands.options import (
    DATA_ROOT,
    NO_TRACK,
    PATH,
    PRECISION,
    QUIET,
    REQUEUE,
    TASK_FILE,
)
from toolkit.commands.screen import echo, say, telling
from toolkit.commands.site import SiteOptions, cluster_of, site

if TYPE_CHECKING:
    from toolkit.config import Config

PLACES = ("data_root", "cache_gib", "tracking.", "task_files")


@click.group(
    cls=Commands,
    default="run",
    epilog=example(
        "xstilts sweep order-mini --workers 2",
        "xstilts sweep status sweeps/order-mini",
        "xstilts sweep report sweeps/order-mini",
    ),
)
def sweep() -> None:
    """Run a grid of trainings and scores, each shared stage once; `xstilts sweep FILE` is `xstilts sweep run FILE`."""


class SweepOptions(SiteOptions):
    """Options of `sweep run`."""

    out: Path | None
    dry_run: bool
    effect: float | None
    spread: str | None
    update: bool
    only: tuple[str, ...]
    stages_of: tuple[Path, ...]
    backbone: str | None
    data_root: Path | None
    precision: str | None
    sets: tuple[str, ...]
    task_files: tuple[Path, ...]
    no_track: bool


@sweep.command(
    "run",
    renamed={"--dir": "--out"},
    epilog=example(
        "xstilts sweep run phang2020-mini",
        "xstilts sweep order-mini --workers 2",
        "xstilts sweep phang2020 --dry-run",
        "xstilts sweep order-mini --dry-run --effect 2.0",
        "xstilts sweep phang2020-mini --only 'mnli | seed 0'",
        "xstilts sweep my-grid.yaml --backbone embedded --data-root MIRROR --set train.epochs=1",
        "xstilts sweep phang2020 --cluster slurm --workers 20 --no-track",
    ),
)
@click.argument("file", metavar="FILE")
@click.option("--out", type=PATH, metavar="PATH", help="Folder of the sweep. Default: sweeps/NAME.")
@site
@click.option("--dry-run", is_flag=True, help="Print the stages, what is shared and the time; do nothing.")
@click.option("--effect", type=float, metavar="POINTS", help="With --dry-run: the seeds that such a difference needs.")
@click.option("--spread", metavar="POINTS|DIR", help="Spread over seeds for --effect: points, or an earlier sweep.")
@click.option(
    "--stages-of",
    type=PATH,
    multiple=True,
    metavar="SWEEP",
    help="Take finished stages, and their scorings, that are the same from another sweep's folder. Repeatable.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="CELL",
    help="Some cells of the grid: 'mnli | xnli | seed 0', or parts of it: xnli, 'mnli | seed 0'. Repeatable.",
)
@click.option("--update", is_flag=True, help="Continue although settings or rows are no longer the folder's.")
@click.option("--backbone", envvar="XSTILTS_BACKBONE", metavar="NAME", help="Encoder, whatever FILE says.")
@DATA_ROOT
@PRECISION
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="One setting for every stage; wins over FILE. Repeatable."
)
@TASK_FILE
@NO_TRACK
@QUIET
@REQUEUE
@click.pass_context
def sweep_run(context: click.Context, file: str, **options: Unpack[SweepOptions]) -> None:
    """Train and score every cell of a grid; FILE is YAML, or a ready sweep (`xstilts configs list sweep`).

    A sweep that was stopped continues where it was when the same command is given again. Exit code 1: something failed.
    """
    settings, config = _settings(options)
    workers, out = options["workers"], options["out"]
    cluster = cluster_of(options)
    effect, spread = options["effect"], options["spread"]
    if effect is not None and not options["dry_run"]:
        raise click.UsageError("--effect plans a sweep; give it with --dry-run.")
    if spread is not None and effect is None:
        raise click.UsageError("--spread is for --effect; give both.")
    if options["dry_run"]:
        with telling() as tell:
            planned = toolkit.sweep_plan(
                file,
                config,
                settings=settings,
                out=out,
                workers=workers or 1,
                effect=effect,
                spread=spread,
                only=options["only"],
                **tell,
            )
        for note in planned.notes:
            say(f"Left out: {note}")
        echo(planned.text)
        return
    with telling() as tell:
        found = toolkit.sweep(
            file,
            config,
            settings=settings,
            out=out,
            workers=workers,
            update=options["update"],
            cluster=cluster,
            stages_of=options["stages_of"],
            only=options["only"],
            **tell,
        )
    echo(found.text)
    if found.failed:
        context.exit(1)


def _settings(options: SweepOptions) -> tuple[dict[str, str], Config]:
    """Return what stages are given as text, and the configuration whose places are used."""
    from toolkit.config import load

    texts: dict[str, str] = {}
    places: list[str] = []
    for text in options["sets"]:
        key, equals, value = (part.strip() for part in text.partition("="))
        if equals and not key.startswith(PLACES):
            texts[key] = value
        else:
            places.append(text)
    flags = {"backbone.name": options["backbone"], "backbone.precision": options["precision"]}
    texts |= {key: value for key, value in flags.items() if value is not None}
    overrides = {
        "data_root": options["data_root"],
        "task_files": options["task_files"] or None,
        "tracking.enabled": False if options["no_track"] else None,
    }
    return texts, load(sets=places, overrides=overrides)


def _status(folder: Path) -> None:
    """Print what a sweep has done, what runs, what failed, what is left, and when it will end."""
    echo(toolkit.sweep_status(folder).text)


def _report(
    folder: Path, out: Path | None, publish: Path | None, resamples: int | None, task_files: Sequence[Path]
) -> None:
    """Write the paper's table of SWEEP, finished or not: which intermediate helps which target beyond chance.

    Markdown, CSV, LaTeX, PNG, SVG and one HTML page that needs nothing else. --publish writes scores, runs and setup as well,
    without rows, adapters and paths of this machine; `report` on that folder makes the same pages again.
    """
    if out is not None and publish is not None:
        raise click.UsageError("--out and --publish name the folder of the report; give one of them.")
    config = toolkit.configure(task_files=task_files)
    result = toolkit.sweep_report(folder, config, out=out, resamples=resamples, publish=publish, say=say)
    echo(result.text)
    say(f"Written to {result.folder}/; open {result.folder / 'report.html'} in a browser.")


def status_command(words: str) -> click.Command:
    """Return the command that prints the state of a sweep, with examples that call it by `words`."""
    command = click.command(
        "status", cls=Command, epilog=example(f"{words} sweeps/order-mini", f"watch -n 10 {words} sweeps/order-mini")
    )
    folder = click.argument("folder", metavar="DIR", type=PATH)
    return command(folder(_status))


def report_command(words: str) -> click.Command:
    """Return the command that writes a sweep's report, with examples that call it by `words`."""
    command = click.command(
        "report",
        cls=Command,
        epilog=example(f"{words} sweeps/order-mini", f"{words} sweeps/phang2020 --publish docs/results/phang2020"),
    )
    folder = click.argument("folder", metavar="SWEEP", type=PATH)
    out = click.option("--out", type=PATH, metavar="PATH", help="Folder to write to. Default: SWEEP/report.")
    publish = click.option(
        "--publish", type=PATH, metavar="DIR", help="Folder for the results, to be kept with a paper."
    )
    resamples = click.option(
        "--resamples",
        type=click.IntRange(100, 1_000_000),
        metavar="N",
        help="Test sets drawn by the paired bootstrap. Default: 10000; of published results those they were made with.",
    )
    return command(folder(out(publish(resamples(TASK_FILE(_report))))))


sweep.add_command(status_command("xstilts sweep status"))
sweep.add_command(report_command("xstilts sweep report"))
status = status_command("xstilts status")
report = report_command("xstilts report")
