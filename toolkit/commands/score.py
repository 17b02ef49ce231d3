"""Commands that score: `eval`, `retrieve` and `mine`."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

import toolkit
from toolkit.commands.groups import Command, example
from toolkit.commands.options import (
    LANGUAGES,
    LOCK,
    OUT,
    PATH,
    REQUEUE,
    WITHOUT,
    Results,
    Settings,
    resolve,
    settings,
)
from toolkit.commands.screen import echo, say, show_written, telling
from toolkit.commands.site import SiteOptions, cluster_of, site
from toolkit.errors import ToolkitError


class EvalOptions(Results):
    """Options of `eval`."""

    task: str | None
    suite: str | None
    instead: tuple[str, ...]
    dry_run: bool
    languages: str
    without: str | None
    lock: Path | None


@click.command(
    "eval",
    cls=Command,
    renamed={"--with": "--instead"},
    epilog=example(
        "xstilts eval mnli --task xnli --languages all",
        "xstilts eval 'fuse[mnli,squad]/xquad' --task xquad --languages en,de,zh --out paper/xquad",
        "xstilts eval mnli/squad --task xquad --lock zoo.lock",
        "xstilts eval backbone@mnli --task xnli --set eval.limit=500",
        "xstilts eval 'fuse[mnli,squad]/TARGET' --suite xtreme --dry-run",
        "xstilts eval mnli/TARGET --suite xtreme --instead bucc=squad",
        "xstilts eval 'text.*/mnli' --task xnli --without english",
    ),
)
@click.argument("expr")
@click.option("--task", metavar="TASK", help="Task whose rows are scored; `text.sw`: its rows in one language.")
@click.option(
    "--suite",
    metavar="NAME",
    help="Every task of `xtreme`, `xtreme-r`, `africa`, `americas`, `low-resource` or `micro`, and the average. TARGET in EXPR: each task's own adapter.",
)
@click.option(
    "--instead",
    multiple=True,
    metavar="TASK=EXPR",
    help="With --suite: what to score on one of its tasks. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="With --suite: say what would score each task and what is missing.")
@click.option(
    "--languages",
    default="all",
    show_default=True,
    metavar="CODES",
    help="`all`, `pairs`, or codes with commas; `de.en`: context.question.",
)
@WITHOUT
@LOCK
@OUT
@REQUEUE
@settings
def evaluate(expr: str, **options: Unpack[EvalOptions]) -> None:
    """Score EXPR on a task, zero-shot in every language: table, CSV, JSON, MLflow run; --out adds a heat map.

    With --suite instead of --task: on every task of a benchmark, with the task means and the average.
    """
    task = options["task"]
    if (task is None) == (options["suite"] is None):
        raise ToolkitError("Name what is scored: either --task TASK or --suite NAME.")
    if task is None:
        _suite(expr, options)
        return
    if options["dry_run"] or options["instead"]:
        raise ToolkitError("--dry-run and --instead go with --suite; `xstilts plan EXPR` says what EXPR lacks.")
    config = resolve(options, eval__without=options["without"])
    with telling() as tell:
        result = toolkit.evaluate(expr, config, task=task, languages=options["languages"], lock=options["lock"], **tell)
    show_written(result, options["out"])


def _suite(expr: str, options: EvalOptions) -> None:
    suite = options["suite"]
    assert suite is not None
    if options["languages"] != "all" or options["lock"] is not None:
        raise ToolkitError(
            "A suite has languages of its own and several compositions; leave --languages and --lock out."
        )
    instead = {}
    for each in options["instead"]:
        name, equals, composition = each.partition("=")
        if not (name and equals and composition):
            raise ToolkitError(f"--instead {each} is not TASK=EXPR; write for example --instead xquad=mnli/squad.")
        instead[name] = composition
    config = resolve(options, eval__without=options["without"])
    if options["dry_run"]:
        echo(toolkit.plan_suite(expr, config, suite=suite, instead=instead).text)
        return
    with telling() as tell:
        result = toolkit.evaluate_suite(expr, config, suite=suite, instead=instead, **tell)
    show_written(result, options["out"])


class RetrieveOptions(Results, SiteOptions):
    """Options of `retrieve`."""

    task: str
    languages: str
    protocol: str | None
    layers: str | None
    without: str | None
    lock: Path | None


@click.command(
    epilog=example(
        "xstilts retrieve backbone --task tatoeba",
        "xstilts retrieve mnli --task tatoeba --languages de,fr,sw --set retrieve.layer=12",
        "xstilts retrieve mnli --task tatoeba --layers all",
        "xstilts retrieve backbone mnli mnli/squad --task tatoeba --layers all",
        "xstilts retrieve mnli --task bucc --languages zh --data-root BUCC --protocol all",
        "xstilts retrieve mnli --task lareqa --data-root LAREQA",
        "xstilts retrieve mnli --task bucc --scheduler tcp://HOST:8786",
    )
)
@click.argument("exprs", nargs=-1, required=True, metavar="EXPR...")
@click.option("--task", default="tatoeba", show_default=True, metavar="TASK", help="Bitext, mining or retrieval task.")
@LANGUAGES
@click.option(
    "--protocol",
    type=click.Choice(["jiant", "xtreme", "laser", "mteb", "st", "all"]),
    help="Whose way of scoring: layer, pooling, direction, margin, duplicates, threshold. Default: jiant.",
)
@click.option("--layers", metavar="LAYERS", help="`all`, or numbers with commas: score each, and draw the curve.")
@WITHOUT
@LOCK
@OUT
@site
@settings
def retrieve(exprs: tuple[str, ...], **options: Unpack[RetrieveOptions]) -> None:
    """Score EXPR's sentence vectors: translations found, pairs mined, or what queries seek in a pool.

    A bitext gives accuracy, a mining task F1, a retrieval task the mean average precision of the first 20. With several EXPR
    and --layers, their curves are drawn in one figure.
    """
    config = resolve(options, retrieve__protocol=options["protocol"], eval__without=options["without"])
    task, languages, lock, layers = options["task"], options["languages"], options["lock"], options["layers"]
    out, figure, workers, cluster = options["out"], None, options["workers"], cluster_of(options)
    with telling() as tell:
        if len(exprs) > 1 and layers:
            curves = toolkit.compare_layers(
                exprs,
                config,
                task=task,
                languages=languages,
                layers=layers,
                lock=lock,
                workers=workers,
                cluster=cluster,
                **tell,
            )
            results, figure = curves.results, curves.figure
        else:
            results = tuple(
                toolkit.retrieve(
                    expr,
                    config,
                    task=task,
                    languages=languages,
                    layers=layers,
                    lock=lock,
                    workers=workers,
                    cluster=cluster,
                    **tell,
                )
                for expr in exprs
            )
    for result in results:
        # Several results have folders of their own below --out.
        show_written(result, out / result.folder.parent.name if out is not None and len(exprs) > 1 else out)
    if figure is not None:
        say(f"All curves in {figure}")


class MineOptions(Settings, SiteOptions):
    """Options of `mine`."""

    out: Path
    expr: str
    threshold: float | None
    protocol: str | None


@click.command(
    cls=Command,
    renamed={"--with": "--expr"},
    epilog=example(
        "xstilts mine news.de news.en --out pairs.tsv",
        "xstilts mine news.de news.en --out pairs.tsv --expr mnli --threshold 1.06",
        "xstilts mine news.de news.en --out pairs.tsv --set retrieve.layer=12",
        "xstilts mine news.de news.en --out pairs.tsv --workers 4",
    ),
)
@click.argument("source", type=PATH)
@click.argument("target", type=PATH)
@click.option("--out", required=True, type=PATH, metavar="PATH", help="File of pairs to write.")
@click.option("--expr", default="backbone", show_default=True, metavar="EXPR", help="Composition that encodes.")
@click.option("--threshold", type=float, metavar="N", help="Least score of a pair. Default: every candidate is kept.")
@click.option(
    "--protocol",
    type=click.Choice(["jiant", "xtreme", "laser", "st"]),
    help="Whose way of mining. Default: jiant.",
)
@site
@settings
def mine(source: Path, target: Path, **options: Unpack[MineOptions]) -> None:
    """Mine the text files SOURCE and TARGET, a sentence a line, for pairs of translations.

    Each line of the output: score, source line, target line, source, target; the best pair first.
    """
    config = resolve(options, retrieve__protocol=options["protocol"], retrieve__threshold=options["threshold"])
    cluster = cluster_of(options)
    with telling() as tell:
        result = toolkit.mine(
            source,
            target,
            config,
            out=options["out"],
            expr=options["expr"],
            workers=options["workers"],
            cluster=cluster,
            **tell,
        )
    say(result.text)
