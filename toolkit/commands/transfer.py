"""Commands about transfer between tasks: `similarity` and `rank`."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

import toolkit
from toolkit.commands.groups import example
from toolkit.commands.options import BY, OUT, PATH, TRAIN_FIRST, Results, resolve, settings
from toolkit.commands.screen import say, show_written, telling
from toolkit.commands.site import SiteOptions, cluster_of, site
from toolkit.errors import ToolkitError

SWEEP = click.option(
    "--sweep",
    type=PATH,
    metavar="DIR",
    help="Folder of a finished sweep: its adapters are read, its gains compared with what is predicted.",
)
VARIANT = click.option("--variant", metavar="NAME", help="Point of the sweep's axis `settings`, where it has several.")


class SimilarityOptions(Results, SiteOptions):
    """Options of `similarity`."""

    by: str
    train: bool
    limit: int | None
    shared_text: str | None


@click.command(
    epilog=example(
        "xstilts similarity mnli squad udpos --backbone embedded --data-root MIRROR",
        "xstilts similarity mnli squad csqa ccg udpos panx --by text-embedding,cka",
        "xstilts similarity micro-nli micro-qa micro-pos --backbone embedded --train",
        "xstilts similarity mnli squad udpos --by cka --shared-text xnli.de",
        "xstilts similarity mnli squad udpos --by logme --workers 4",
    )
)
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@BY
@TRAIN_FIRST
@click.option("--limit", type=int, metavar="N", help="Vectors a task. Default: 2000.")
@click.option(
    "--shared-text",
    metavar="TASK",
    help="cka: task whose texts the circuits are compared on, e.g. xnli.de. Default: English of the micro-world.",
)
@OUT
@site
@settings
def similarity(tasks: tuple[str, ...], **options: Unpack[SimilarityOptions]) -> None:
    """Compare TASKs by every predictor of transfer: one matrix each, syntactic and semantic tasks marked.

    Predictors: text-embedding, fisher, logme, transrate, cka, language, vocabulary (docs/similarity.md). What they read of a task
    is extracted once and kept in the embedding store; those that need a trained adapter take it from the zoo.
    """
    config = resolve(options, similarity__limit=options["limit"], similarity__shared_text=options["shared_text"])
    workers, cluster = options["workers"], cluster_of(options)
    with telling() as tell:
        result = toolkit.compare_tasks(
            tasks, config, by=options["by"], train=options["train"], workers=workers, cluster=cluster, **tell
        )
    show_written(result, options["out"])
    read = f"{result.n_encoded:,} texts were encoded and gradients taken of {result.n_examples:,} rows"
    say(f"{read}; the rest was in the store.")


class RankOptions(Results):
    """Options of `rank`."""

    sweep: Path | None
    variant: str | None
    by: str
    train: bool


@click.command(
    epilog=example(
        "xstilts rank xnli --backbone embedded --data-root MIRROR",
        "xstilts rank udpos mnli squad ccg --by logme,fisher --train",
        "xstilts rank --sweep sweeps/similarity-mini --data-root MIRROR",
        "xstilts rank xcopa --sweep sweeps/similarity-mini --data-root MIRROR",
    )
)
@click.argument("target", required=False)
@click.argument("sources", nargs=-1)
@SWEEP
@VARIANT
@BY
@TRAIN_FIRST
@OUT
@settings
def rank(target: str | None, sources: tuple[str, ...], **options: Unpack[RankOptions]) -> None:
    """Rank SOURCES by how much they should help TARGET, by every predictor (docs/similarity.md).

    Without SOURCES the sweep's are ranked, else the tasks that the zoo holds adapters of. With --sweep the ranking is shown
    with what was observed, and each predictor with the controls; without TARGET all targets of the sweep are predicted.
    """
    if target is None and options["sweep"] is None:
        raise ToolkitError("rank wants a TARGET, or --sweep DIR for all targets of a finished sweep.")
    config = resolve(options)
    with telling() as tell:
        result = toolkit.rank(
            target,
            config,
            sources=sources,
            sweep=options["sweep"],
            variant=options["variant"],
            by=options["by"],
            train=options["train"],
            **tell,
        )
    show_written(result, options["out"])
