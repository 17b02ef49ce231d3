"""By vectors and no head: retrieve and mine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.commands.options import LOCK, example, resolve, settings, with_sets
from toolkit.commands.screen import bars, say


@click.command(
    epilog=example(
        "xstilts retrieve backbone --task tatoeba",
        "xstilts retrieve mnli --task tatoeba --languages de,fr,sw --set retrieve.layer=12",
        "xstilts retrieve mnli --task tatoeba --layers all",
        "xstilts retrieve backbone mnli mnli/squad --task tatoeba --layers all",
        "xstilts retrieve mnli --task bucc --languages zh --data-root BUCC --protocol all",
        "xstilts retrieve mnli --task lareqa --data-root LAREQA",
    )
)
@click.argument("exprs", nargs=-1, required=True, metavar="EXPR...")
@click.option("--task", default="tatoeba", show_default=True, metavar="TASK", help="Bitext, mining or retrieval task.")
@click.option("--languages", default="all", show_default=True, metavar="CODES", help="`all`, or codes with commas.")
@click.option(
    "--protocol",
    type=click.Choice(["jiant", "xtreme", "laser", "mteb", "st", "all"]),
    help="Whose way of scoring: layer, pooling, direction, margin, duplicates, threshold. Default: jiant.",
)
@click.option("--layers", metavar="LAYERS", help="`all`, or numbers with commas: score each, and draw the curve.")
@LOCK
@settings
def retrieve(
    exprs: tuple[str, ...],
    task: str,
    languages: str,
    protocol: str | None,
    layers: str | None,
    lock: Path | None,
    **options: Any,
) -> None:
    """Retrieve with EXPR's sentence vectors: translations of a bitext (accuracy), pairs mined from two corpora (F1), or what
    queries seek in a pool of many languages (mean average precision of the first 20).

    With several EXPR and --layers, their curves are drawn in one figure.
    """
    from toolkit.face import compare_layers
    from toolkit.face import retrieve as run

    config = resolve(**with_sets(options, "retrieve", protocol=protocol))
    figure = None
    with bars() as report:
        shared: dict[str, Any] = {"task": task, "languages": languages, "lock": lock, "report": report, "say": say}
        if len(exprs) > 1 and layers:
            results, figure = compare_layers(exprs, config, layers=layers, **shared)
        else:
            results = [run(expr, config, layers=layers, **shared) for expr in exprs]
    for result in results:
        click.echo(result.text)
        say(f"Written to {result.folder}/")
    if figure:
        say(f"All curves in {figure}")


@click.command(
    epilog=example(
        "xstilts mine news.de news.en --out pairs.tsv",
        "xstilts mine news.de news.en --out pairs.tsv --with mnli --threshold 1.06",
        "xstilts mine news.de news.en --out pairs.tsv --set retrieve.layer=12",
    )
)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="TSV", help="File of pairs to write.")
@click.option("--with", "expr", default="backbone", show_default=True, metavar="EXPR", help="Composition that encodes.")
@click.option("--threshold", type=float, metavar="N", help="Least score of a pair. Default: every candidate is kept.")
@click.option(
    "--protocol",
    type=click.Choice(["jiant", "xtreme", "laser", "st"]),
    help="Whose way of mining. Default: jiant.",
)
@settings
def mine(
    source: Path,
    target: Path,
    out: Path,
    expr: str,
    threshold: float | None,
    protocol: str | None,
    **options: Any,
) -> None:
    """Mine the text files SOURCE and TARGET, a sentence a line, for pairs of translations.

    Each line of the output: score, source line, target line, source, target; the best pair first.
    """
    from toolkit.face import mine_files

    config = resolve(**with_sets(options, "retrieve", protocol=protocol, threshold=threshold))
    with bars() as report:
        n = mine_files(source, target, out, config, expression=expr, report=report, say=say)
    say(f"{n} pairs written to {out}.")
