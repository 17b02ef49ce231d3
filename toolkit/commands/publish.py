"""Command `results`: scores and predictions in the formats of others."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Unpack

import click

import toolkit
from toolkit.commands.groups import example
from toolkit.commands.options import PATH, Settings, resolve, settings
from toolkit.commands.screen import echo, say, telling


class ResultsOptions(Settings):
    """Options of `results`."""

    to: Literal["csv", "json", "mteb", "xtreme"]
    out: Path
    tasks: tuple[str, ...]


@click.command(
    epilog=example(
        "xstilts results mnli --to csv --out paper",
        "xstilts results backbone --to mteb --out mteb-results --task tatoeba",
        "xstilts results 'fuse[mnli,squad]/TARGET' --to xtreme --out submission --data-root MIRROR",
    )
)
@click.argument("expr")
@click.option(
    "--to",
    type=click.Choice(["csv", "json", "mteb", "xtreme"]),
    default="csv",
    show_default=True,
    help="csv, json: all scores. mteb: its results files. xtreme: predictions as a submission.",
)
@click.option("--out", type=PATH, required=True, metavar="PATH", help="Folder to write to.")
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only this task. Repeatable.")
@settings
def results(expr: str, **options: Unpack[ResultsOptions]) -> None:
    """Write what `eval` and `retrieve` left of EXPR in a format that others read (docs/export.md). Nothing is scored."""
    config = resolve(options)
    with telling() as tell:
        found = toolkit.write_results(
            expr, config, out=options["out"], to=options["to"], tasks=options["tasks"], **tell
        )
    echo("\n".join(found.files))
    for note in found.notes:
        say(f"{note}.")
    say(f"Written to {options['out']}/")
