"""Piece of a search that several processes do: a block of two sides is searched, or what was found in several is merged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolkit.engine.messages import Answer, Job
from toolkit.errors import ToolkitError
from toolkit.progress import Progress, Report
from toolkit.recipes.score.search_folder import SearchFolder
from toolkit.retrieval import Index, SearchSettings
from toolkit.retrieval.blocks import Part
from toolkit.retrieval.held import parts
from toolkit.retrieval.knn import exact_block
from toolkit.retrieval.partial import merged, shifted
from toolkit.retrieval.rescore import Neighbours
from toolkit.retrieval.search import index_of, indexed
from toolkit.retrieval.side import Side

LINES = 1 << 13  # that are merged at a time


@dataclass(frozen=True)
class DoPiece(Job):
    """Job: do one piece of a search.

    Attributes:
        folder: of the search.
        makes: names of the parts that it leaves.
        reads: names of the parts that are merged; none for a block.
    """

    folder: str
    makes: tuple[str, ...]
    reads: tuple[str, ...]


@dataclass(frozen=True)
class PieceDone(Answer):
    """Answer to `DoPiece`: the seconds that it took."""

    seconds: float


def do_piece(job: DoPiece, report: Report) -> PieceDone:
    """Do a piece.

    Raises:
        ToolkitError: the folder cannot be used here, or a part is damaged.
    """
    began = time.perf_counter()
    folder = SearchFolder(Path(job.folder))
    makes, reads = ([part for name in names if (part := Part.of(name))] for names in (job.makes, job.reads))
    try:
        if reads:
            _merge(folder, makes[0], reads)
        else:
            _find(folder, makes, report)
    except OSError as fault:
        raise ToolkitError(
            f"A worker cannot use {fault.filename or folder.root} ({fault.strerror or fault}); every worker reads the vectors "
            "and writes to the folder of the search."
        ) from None
    return PieceDone(time.perf_counter() - began)


def _find(folder: SearchFolder, makes: list[Part], report: Report) -> None:
    """Find the neighbours within a block, both ways or one."""
    order, first = folder.order(), makes[0]
    here, there = order.grid.lines("ahead", first.block), order.grid.lines("back", first.place)
    x, y = folder.block(0, here), folder.block(1, there)
    if order.index != "Flat":
        folder.keep(first, _indexed(folder, x, y, first.place, there.start, report))
        return
    settings = SearchSettings(memory=order.memory)
    found = exact_block(x, y, order.k, both=len(makes) > 1, settings=settings, report=report)
    for part, near, start in zip(makes, found, (there.start, here.start), strict=False):
        assert near is not None
        folder.keep(part, [shifted(near, start)])


def _indexed(folder: SearchFolder, x: Side, y: Side, number: int, start: int, report: Report) -> Iterator[Neighbours]:
    """Yield what the index of a block of the second side finds, which is made where no worker has made it before."""
    order = folder.order()
    try:
        held = Index.load(folder.index(number), order.width, factory=order.index)
    except (OSError, RuntimeError):  # there is none, or it is cut short
        held = index_of(y, order.index)
        held.save(folder.index(number))
    for first, found in indexed(x, y, order.k, held):
        report(Progress("search", first, len(x)))
        yield shifted(found, start)


def _merge(folder: SearchFolder, makes: Part, reads: list[Part]) -> None:
    held, k = [folder.found(part) for part in reads], folder.order().k

    def some() -> Iterator[Neighbours]:
        for part in parts(len(held[0]), LINES):
            yield merged([Neighbours(each["scores"][part], each["rows"][part]) for each in held], k)

    folder.keep(makes, some())
