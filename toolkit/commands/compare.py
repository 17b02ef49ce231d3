"""Command `compare`: compositions on the same rows, and which differences are more than chance."""

from __future__ import annotations

from typing import Unpack

import click

import toolkit
from toolkit.commands.groups import example
from toolkit.commands.options import BASELINE, OUT, RESAMPLES, WITHOUT, Results, resolve, settings
from toolkit.commands.screen import show_written, telling


class CompareOptions(Results):
    """Options of `compare`."""

    task: str
    baseline: str | None
    languages: str
    without: str | None
    metric: str | None
    resamples: int


@click.command(
    epilog=example(
        "xstilts compare squad mnli/squad --task xquad",
        "xstilts compare 'fuse[mnli,squad]/udpos' mnli/udpos --baseline udpos --task udpos --languages en,de,sw",
        "xstilts compare backbone mnli --task tatoeba",
    )
)
@click.argument("exprs", nargs=-1, required=True, metavar="EXPR EXPR...")
@click.option("--task", required=True, metavar="TASK", help="Task whose rows are scored.")
@BASELINE
@click.option(
    "--languages", default="all", show_default=True, metavar="CODES", help="`all`, `pairs`, or codes with commas."
)
@WITHOUT
@click.option("--metric", metavar="NAME", help="A measure of the task, e.g. `em`. Default: the main one.")
@RESAMPLES
@OUT
@settings
def compare(exprs: tuple[str, ...], **options: Unpack[CompareOptions]) -> None:
    """Compare compositions on the same rows: differences with 95 % intervals, marked where they are more than chance.

    What an earlier `eval` left is reused where weights, rows and settings are the same. Writes Markdown, CSV, LaTeX and a
    figure (PNG, SVG), and logs them to MLflow.
    """
    config = resolve(options, eval__without=options["without"])
    with telling() as tell:
        result = toolkit.compare(
            exprs,
            config,
            task=options["task"],
            baseline=options["baseline"],
            languages=options["languages"],
            metric=options["metric"],
            resamples=options["resamples"],
            **tell,
        )
    show_written(result, options["out"])
