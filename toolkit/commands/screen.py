"""Output for a terminal: sentences, tables, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.commands.live import live_region, log_lines
from toolkit.errors import PartlyDone
from toolkit.progress import Report, Say, say_nothing, silent
from toolkit.ranks import Ranks, is_first_to_end
from toolkit.safe_text import one_line, visible

if TYPE_CHECKING:
    from toolkit.face.shared import Listing, Telling
    from toolkit.results.result import WrittenResult

_QUIET = "toolkit.quiet"
_MOST_DRAWN = 1000  # rows of a table that is fitted to a terminal


@dataclass(frozen=True)
class Voice:
    """Where progress, sentences for the reader, and lines of the result go."""

    report: Report
    say: Say
    echo: Say


def echo(text: str, *, err: bool = False) -> None:
    """Print a text, to stdout or stderr: everything that the command line prints passes here or through the live region.

    Texts of strangers are shown, and do not act on the terminal (`safe_text.visible`). Of several processes the main one prints.
    """
    if is_main_process():
        click.echo(visible(text), err=err)


def echo_end(text: str) -> None:
    """Print why the command ends to stderr; of several processes the one does for which it ends first, for all of them."""
    if is_first_to_end():
        click.echo(visible(text), err=True)


def say(sentence: str) -> None:
    """Print a sentence that is not the result: to stderr, so that results can be piped; with --quiet nothing."""
    if not is_quiet():
        echo(sentence, err=True)


def be_quiet(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Take the option --quiet."""
    context.meta[_QUIET] = value or is_quiet()


def is_quiet() -> bool:
    """Whether only results and errors are printed: with --quiet, and in all processes but the first of several."""
    context = click.get_current_context(silent=True)
    return not is_main_process() or (context is not None and bool(context.meta.get(_QUIET)))


def is_main_process() -> bool:
    """Whether this process speaks and writes: of several that `torchrun` started, the first."""
    return Ranks.told().is_main


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
    rows = [[one_line(cell) for cell in row] for row in rows]
    if not console.is_terminal or len(rows) > _MOST_DRAWN:
        click.echo("\n".join(plain_lines([headers, *rows] if header else rows)))
        return ()
    cut = cut or {}
    widths = fit(headers, rows, console.width, cut=cut, drop=drop)
    table = Table(box=None, pad_edge=False, show_header=header, header_style="bold")
    for place, width in widths.items():
        name = headers[place]
        # Columns of which none may be cut wrap, as long sentences must.
        fixed = {"no_wrap": True, "max_width": width} if cut or drop else {}
        table.add_column(name, overflow="ellipsis", **fixed)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(row[place] for place in widths))
    console.print(table)
    return tuple(name for place, name in enumerate(headers) if place not in widths)


def plain_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as aligned lines of any width; characters of two columns count as two.

    Example:
        >>> list(plain_lines([["task", "n"], ["推論", "10"], ["pawsx", "2"]]))
        ['task   n', '推論   10', 'pawsx  2']
    """
    from rich.cells import cell_len

    lengths = [[len(cell) if cell.isascii() else cell_len(cell) for cell in row] for row in rows]
    widths = [max(column) for column in zip(*lengths, strict=True)]
    for row, wide in zip(rows, lengths, strict=True):
        cells = (cell + " " * (width - own) for cell, width, own in zip(row, widths, wide, strict=True))
        yield "  ".join(cells).rstrip()


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


@contextmanager
def telling() -> Iterator[Telling]:
    """Yield where a journey reports to: in a terminal a live region, elsewhere lines on stderr, with --quiet nowhere."""
    with voice() as speaking:
        yield {"report": speaking.report, "say": speaking.say}


@contextmanager
def voice() -> Iterator[Voice]:
    """Yield the callbacks of `telling`, and `echo` for lines of the result that are printed one by one."""
    if is_quiet():
        yield Voice(silent, say_nothing, echo)
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with live_region() as (report, say_above):
            # Where both streams are the terminal, what is printed between two drawings of the region must be above it.
            yield Voice(report, say_above, say_above if sys.stdout.isatty() else echo)
    else:
        yield Voice(log_lines(say), say, echo)


def show_written(result: WrittenResult, out: Path | None) -> None:
    """Print a result to stdout, and to stderr where its files are: in a folder of their own, or copied into `out`.

    Of several processes the main one does.
    """
    if not is_main_process():
        return
    echo(result.text)
    say(f"Written to {result.folder if out is None else result.save(out)}/")


def show(found: Listing, *, cut: Mapping[str, int] | None = None, drop: Sequence[str] = ()) -> tuple[str, ...]:
    """Print a listing: its table and lines to stdout, its notes to stderr; other arguments as for `print_table`.

    Raises:
        PartlyDone: some of what was asked for failed; all else is printed before.
    """
    left_out: tuple[str, ...] = ()
    if found.cells:
        left_out = print_table(found.headers, found.cells, header=any(found.headers), cut=cut, drop=drop)
    for line in found.lines:
        echo(line)
    for note in found.notes:
        say(note)
    if found.faults:
        raise PartlyDone(found.faults, found)
    return left_out
