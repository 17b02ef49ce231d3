"""What a terminal shows: sentences, tables, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

LOG_EVERY_S = 30.0


def say(sentence: str) -> None:
    """Tell the reader something that is not the result: to stderr, so that results can be piped."""
    if is_main_process():
        click.echo(sentence, err=True)


def is_main_process() -> bool:
    """Whether this process speaks: of several that `torchrun` or `accelerate launch` started, the first."""
    return os.environ.get("RANK", "0") == "0"


def print_table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, header: bool = True) -> None:
    """Print aligned columns; piped output is never cut to a width."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*headers, box=None, pad_edge=False, show_header=header, header_style="bold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 400
    console.print(table)


def log_lines() -> Callable:
    """Return a progress callback for logs: a line every half minute, with the figures and the time left."""
    import time

    last: dict[str, Any] = {"what": "", "began": 0.0, "shown": 0.0, "done": 0}

    def report(progress: Any) -> None:
        now = time.monotonic()
        if progress.what != last["what"]:
            last.update(what=progress.what, began=now, shown=now, done=progress.done)
        if now - last["shown"] < LOG_EVERY_S or progress.done <= last["done"]:
            return
        last["shown"] = now
        # Counted from where this bar began: after a resumption or a dev score that is not 0.
        left_s = (now - last["began"]) / (progress.done - last["done"]) * (progress.total - progress.done)
        figures = "  ".join(f"{name} {value:.3g}" for name, value in progress.figures.items())
        say(f"{progress.what}: {progress.done}/{progress.total}  {figures}  {left_s:.0f} s left")

    return report


@contextmanager
def bars() -> Iterator[Callable]:
    """Draw progress: one bar for what is being done, with its figures; lines now and then where stderr is no terminal."""
    from toolkit.progress import Progress

    if not is_main_process():
        yield lambda progress: None
        return
    if not sys.stderr.isatty():
        yield log_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    drawn = Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar: dict[str, Any] = {}

    def report(progress: Progress) -> None:
        figures = "  ".join(f"{name} {value:.3g}" for name, value in progress.figures.items())
        if bar.get("what") != progress.what:
            if bar:
                drawn.remove_task(bar["id"])
            bar["what"], bar["id"] = progress.what, drawn.add_task(progress.what, total=progress.total, figures="")
        drawn.update(bar["id"], completed=progress.done, total=progress.total, figures=figures)

    with drawn:
        yield report
