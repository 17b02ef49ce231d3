"""`xstilts predict`: which source will help, before training on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.commands.options import example, resolve, settings
from toolkit.commands.screen import bars, say
from toolkit.errors import ToolkitError

SWEEP = click.option(
    "--sweep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of a finished sweep: its adapters are read, its gains set beside what is predicted.",
)
VARIANT = click.option("--variant", metavar="NAME", help="Point of the sweep's axis `settings`, where it has several.")
BY = click.option(
    "--by",
    default="all",
    show_default=True,
    metavar="NAMES",
    help="`all`, or predictors with commas; `combined` joins them.",
)


@click.command(
    epilog=example(
        "xstilts predict xnli --backbone embedded --data-root MIRROR",
        "xstilts predict udpos mnli squad ccg --by logme,fisher --train",
        "xstilts predict --sweep sweeps/similarity-mini --data-root MIRROR",
        "xstilts predict xcopa --sweep sweeps/similarity-mini --data-root MIRROR",
    )
)
@click.argument("target", required=False)
@click.argument("sources", nargs=-1)
@SWEEP
@VARIANT
@BY
@click.option(
    "--train", "is_trained", is_flag=True, help="Train the adapters that are missing first, each on its task alone."
)
@settings
def predict(
    target: str | None,
    sources: tuple[str, ...],
    sweep: Path | None,
    variant: str | None,
    by: str,
    is_trained: bool,
    **options: Any,
) -> None:
    """Rank SOURCES by how much they should help TARGET, by every predictor (docs/similarity.md).

    Without SOURCES the sweep's are ranked, else the tasks that the zoo holds adapters of. With --sweep the ranking stands beside
    what was observed, and each predictor beside the controls; without TARGET all targets of the sweep are predicted.
    """
    from toolkit.face import predict as run

    if target is None and sweep is None:
        raise ToolkitError("predict wants a TARGET, or --sweep DIR for all targets of a finished sweep.")
    config = resolve(**options)
    with bars() as report:
        result = run(
            target,
            config,
            sources=sources,
            sweep=sweep,
            variant=variant,
            by=by,
            is_trained=is_trained,
            report=report,
            say=say,
        )
    click.echo(result.text)
    say(f"Written to {result.folder}/")
