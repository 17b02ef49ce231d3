"""`xstilts similarity`: how alike tasks are."""

from __future__ import annotations

from typing import Any

import click

from toolkit.commands.options import example, resolve, settings
from toolkit.commands.screen import bars, say


@click.command(
    epilog=example(
        "xstilts similarity mnli squad udpos --backbone embedded --data-root MIRROR",
        "xstilts similarity mnli squad csqa ccg udpos panx --by text-embedding,cka",
        "xstilts similarity micro-nli micro-qa micro-pos --backbone embedded --train",
        "xstilts similarity mnli squad udpos --by cka --shared-text xnli.de",
    )
)
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@click.option("--by", default="all", show_default=True, metavar="NAMES", help="`all`, or predictors with commas.")
@click.option("--train", is_flag=True, help="Train the adapters that are missing first, each on its task alone.")
@click.option("--limit", type=int, metavar="N", help="Vectors a task. Default: 2000.")
@click.option(
    "--shared-text",
    metavar="TASK",
    help="cka: task whose texts the circuits are compared on, e.g. xnli.de. Default: English of the micro-world.",
)
@settings
def similarity(
    tasks: tuple[str, ...], by: str, train: bool, limit: int | None, shared_text: str | None, **options: Any
) -> None:
    """Compare TASKs by every predictor of transfer: one matrix each, syntactic and semantic tasks marked.

    Predictors: text-embedding, fisher, logme, transrate, cka, language, vocabulary (docs/similarity.md). What they read of a task
    is extracted once and kept in the embedding store; those that need a trained adapter take it from the zoo.
    """
    from toolkit.face import compare_tasks

    given = {"limit": limit, "shared_text": shared_text}
    sets = (*options["sets"], *(f"similarity.{key}={value}" for key, value in given.items() if value is not None))
    config = resolve(**{**options, "sets": sets})
    with bars() as report:
        result = compare_tasks(tasks, config, by=by, train=train, report=report, say=say)
    click.echo(result.text)
    read = f"{result.n_encoded:,} texts were encoded and gradients taken of {result.n_examples:,} rows"
    say(f"{read}; the rest lay in the store. Written to {result.folder}/")
