"""Commands into a fusion: what it attends to, with fewer members, as one adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

import toolkit
from toolkit.commands.groups import Command, example
from toolkit.commands.options import FORCE, LANGUAGES, LOCK, OUT, PATH, REPLACE, Results, resolve, settings
from toolkit.commands.screen import echo, show_written, telling

SCORED = click.option("--task", metavar="TASK", help="Task whose rows are scored. Default: the head's.")
FORMER = {"--retrain": "--replace"}


class AttentionOptions(Results):
    """Options of `attention`."""

    task: str
    languages: str
    lock: Path | None


@click.command(
    epilog=example(
        "xstilts attention 'fuse[mnli,squad]/udpos' --task udpos",
        "xstilts attention 'fuse[mnli,squad]/udpos' --task xnli --languages en,de,sw --set eval.limit=500",
    )
)
@click.argument("expr")
@click.option("--task", required=True, metavar="TASK", help="Task whose rows are read.")
@LANGUAGES
@LOCK
@OUT
@settings
def attention(expr: str, **options: Unpack[AttentionOptions]) -> None:
    """Show how the fusion in EXPR divides its attention: by member, language, layer and class of token."""
    config = resolve(options)
    with telling() as tell:
        result = toolkit.attention(
            expr, config, task=options["task"], languages=options["languages"], lock=options["lock"], **tell
        )
    show_written(result, options["out"])


class PruneOptions(Results):
    """Options of `prune`."""

    keep: int
    new_name: str | None
    task: str | None
    languages: str
    replace: bool
    force: bool


@click.command(
    cls=Command,
    renamed=FORMER,
    epilog=example(
        "xstilts prune 'fuse[mnli,squad,csqa]/udpos' --keep 2",
        "xstilts prune 'fuse[mnli,squad,csqa]/udpos' --keep 2 --as udpos-small",
        "xstilts fuse prune 'fuse[mnli,squad,csqa]/udpos' --keep 2 --languages en,de --set eval.limit=500",
    ),
)
@click.argument("expr")
@click.option("--keep", required=True, type=int, metavar="N", help="Members that stay, at least 2.")
@click.option(
    "--as", "new_name", metavar="NAME", help="Name of the new entry, in the place of the leaf's. Default: LEAF-pruned."
)
@SCORED
@LANGUAGES
@REPLACE
@FORCE
@OUT
@settings
def prune(expr: str, **options: Unpack[PruneOptions]) -> None:
    """Drop the members of the fusion EXPR that get the least attention, one at a time; score against cost.

    Nothing is trained. What is left goes into the zoo under a name of its own, such as fuse[mnli,squad]/udpos-pruned. `xstilts fuse prune` is the same.
    """
    config = resolve(options)
    with telling() as tell:
        result = toolkit.prune(
            expr,
            config,
            keep=options["keep"],
            task=options["task"],
            languages=options["languages"],
            name=options["new_name"],
            replace=options["replace"],
            force=options["force"],
            **tell,
        )
    show_written(result, options["out"])
    echo(f"{result.card.name}  {result.card.digest[:12]}")


class CollapseOptions(Results):
    """Options of `collapse`."""

    new_name: str | None
    text: Path | None
    task: str | None
    languages: str
    replace: bool
    force: bool


@click.command(
    cls=Command,
    renamed=FORMER,
    epilog=example(
        "xstilts collapse 'fuse[mnli,squad]/udpos'",
        "xstilts collapse 'fuse[mnli,squad]/udpos' --as udpos-small --text sentences.txt --set train.epochs=5",
    ),
)
@click.argument("expr")
@click.option("--as", "new_name", metavar="NAME", help="Name of the new adapter. Default: HEAD-collapsed.")
@click.option("--text", type=PATH, metavar="FILE", help="A sentence a line, in place of the task's training rows.")
@SCORED
@LANGUAGES
@REPLACE
@FORCE
@OUT
@settings
def collapse(expr: str, **options: Unpack[CollapseOptions]) -> None:
    """Distil EXPR into one ordinary adapter on rows whose labels are not read; score against cost."""
    config = resolve(options)
    with telling() as tell:
        result = toolkit.collapse(
            expr,
            config,
            text=options["text"],
            task=options["task"],
            languages=options["languages"],
            name=options["new_name"],
            replace=options["replace"],
            force=options["force"],
            **tell,
        )
    show_written(result, options["out"])
    echo(f"{result.card.name}  {result.card.digest[:12]}")
