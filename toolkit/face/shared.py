"""Shared pieces of the public face: the callbacks, and the result that is a list of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from toolkit.progress import Report, Say, say_nothing, silent
from toolkit.results.result import Record, Result
from toolkit.safe_text import one_line

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.session.session import Session


def open_session(config: Config, tell: Telling) -> Session:
    """Return the session of a configuration that reports to `tell`."""
    from toolkit.recipes.session.session import Session

    return Session.open(config, report=tell.get("report", silent), say=tell.get("say", say_nothing))


def open_site_session(config: Config, options: Working) -> Session:
    """Return the session of a configuration that reports to `options`, and works where they say."""
    from dataclasses import replace

    from toolkit.engine.site import Site

    return replace(open_session(config, options), site=Site(options.get("workers"), options.get("cluster") or ""))


class Telling(TypedDict, total=False):
    """Where a journey reports to: `report` gets its progress, `say` sentences for the reader; without them it is silent."""

    report: Report
    say: Say


class Working(Telling, total=False):
    """Where a journey reports to, and where its work is done.

    `workers`: processes of this machine; with `cluster` jobs at most; None: 1. `cluster`: whose workers do the work: the
    address of a dask scheduler that runs, a queueing system (slurm, pbs, lsf, sge), or a YAML file that describes one; None: this
    machine.
    """

    workers: int | None
    cluster: str | None


@dataclass(frozen=True)
class Listing(Result):
    """Result that is a list of rows.

    Attributes:
        rows: what `table()` shows.
        headers: names of the columns of `text`.
        cells: the rows as `text` shows them.
        lines: sentences below the table.
        notes: sentences for the reader that are not part of the result.
        is_faulty: whether something of what was asked for is not as it should be; the command then ends with exit code 1.
        faults: why a part of what was asked for is left out, a sentence each.
    """

    rows: tuple[Record, ...] = ()
    headers: tuple[str, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_faulty: bool = False
    faults: tuple[str, ...] = ()

    def records(self) -> tuple[Record, ...]:
        """Return the rows."""
        return self.rows


def listing(
    rows: Sequence[Record],
    headers: Sequence[str] = (),
    cells: Sequence[Sequence[str]] = (),
    *,
    lines: Sequence[str] = (),
    notes: Sequence[str] = (),
    is_faulty: bool = False,
    faults: Sequence[str] = (),
) -> Listing:
    """Return rows as a `Listing` whose text is an aligned table (where there are cells) and the lines below it."""
    table = aligned(headers, cells) if cells else []
    return Listing(
        text="\n".join([*table, *lines]),
        rows=tuple(rows),
        headers=tuple(headers),
        cells=tuple(tuple(row) for row in cells),
        lines=tuple(lines),
        notes=tuple(notes),
        is_faulty=is_faulty,
        faults=tuple(faults),
    )


def aligned(headers: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """Return a table as lines of columns; empty headers are left out.

    Example:
        >>> aligned(["task", "n"], [["xnli", "10"], ["pawsx", "2"]])
        ['task   n', 'xnli   10', 'pawsx  2']
    """
    rows = [[one_line(cell) for cell in row] for row in ([headers, *cells] if any(headers) else cells)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
