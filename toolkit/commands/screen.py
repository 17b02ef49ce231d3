"""Output for a terminal: sentences, tables, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.progress import Progress, Report

if TYPE_CHECKING:
    from toolkit.face.shared import Listing, Telling
    from toolkit.results.result import WrittenResult

LOG_EVERY_S = 30.0


def say(sentence: str) -> None:
    """Print a sentence that is not the result: to stderr, so that results can be piped."""
    if is_main_process():
        click.echo(sentence, err=True)


def is_main_process() -> bool:
    """Whether this process speaks: of several that `torchrun` or `accelerate launch` started, the first."""
    return os.environ.get("RANK", "0") == "0"


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    header: bool = True,
    cut: Mapping[str, int] | None = None,
    drop: Sequence[str] = (),
) -> tuple[str, ...]:
    """Print aligned columns; piped output is never cut to a width.

    Args:
        header: whether the headers are printed.
        cut: columns that a narrow terminal may cut short with an ellipsis, and how many characters each keeps.
        drop: columns that a narrow terminal leaves out, the first one first.

    Returns:
        The headers of the columns that were left out.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 400
    cut = cut or {}
    widths = fit(headers, rows, console.width, cut=cut, drop=drop)
    table = Table(box=None, pad_edge=False, show_header=header, header_style="bold")
    for place, width in widths.items():
        name = headers[place]
        # Columns of which none may be cut wrap, as long sentences must.
        one_line = {"no_wrap": True, "max_width": width} if cut or drop else {}
        table.add_column(name, overflow="ellipsis", **one_line)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(row[place] for place in widths))
    console.print(table)
    return tuple(name for place, name in enumerate(headers) if place not in widths)


def fit(
    headers: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, cut: Mapping[str, int], drop: Sequence[str]
) -> dict[int, int]:
    """Return the places of the columns that are shown in `width` characters, and how wide each is.

    Example:
        >>> fit(["a", "what"], [["x" * 10, "y" * 50]], 40, cut={"what": 20}, drop=["what"])
        {0: 10, 1: 28}
        >>> fit(["a", "what"], [["x" * 10, "y" * 50]], 30, cut={"what": 20}, drop=["what"])
        {0: 10}
    """
    natural = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    least = [min(wide, cut.get(name, wide)) for name, wide in zip(headers, natural, strict=True)]
    shown = list(range(len(headers)))
    for name in drop:
        if sum(least[place] + 2 for place in shown) - 2 > width:
            shown.remove(list(headers).index(name))
    left = max(width - (sum(least[place] + 2 for place in shown) - 2), 0)
    found = {}
    for place in shown:
        more = min(natural[place] - least[place], left)
        found[place] = least[place] + more
        left -= more
    return found


def log_lines() -> Report:
    """Return a progress callback for logs: a line every half minute, with the figures and the time left."""
    import time

    last: dict[str, Any] = {"what": "", "began": 0.0, "shown": 0.0, "done": 0}

    def report(progress: Progress) -> None:
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
def telling() -> Iterator[Telling]:
    """Yield where a journey reports to: progress is drawn, sentences go to stderr."""
    with bars() as report:
        yield {"report": report, "say": say}


def show_written(result: WrittenResult, out: Path | None) -> None:
    """Print a result to stdout, and to stderr where its files are: in a folder of their own, or copied into `out`."""
    click.echo(result.text)
    say(f"Written to {result.folder if out is None else result.save(out)}/")


def show(found: Listing, *, cut: Mapping[str, int] | None = None, drop: Sequence[str] = ()) -> tuple[str, ...]:
    """Print a listing: its table and lines to stdout, its notes to stderr; other arguments as for `print_table`."""
    left_out: tuple[str, ...] = ()
    if found.cells:
        left_out = print_table(found.headers, found.cells, header=any(found.headers), cut=cut, drop=drop)
    for line in found.lines:
        click.echo(line)
    for note in found.notes:
        say(note)
    return left_out


@contextmanager
def bars() -> Iterator[Report]:
    """Draw progress: one bar for what is being done, with its figures; lines now and then where stderr is not a terminal."""
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
