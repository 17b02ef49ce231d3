"""Exact search by the staff of a session: gives its processes blocks, and merges what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.config import RetrieveConfig
from toolkit.embeddings.shelves import SEARCHES
from toolkit.engine.messages import Event, Failed, Progressed, Said
from toolkit.errors import ToolkitError
from toolkit.leases import TakenError, hold
from toolkit.progress import Progress, Report, Tell
from toolkit.recipes.score.search_folder import Order, SearchFolder, all_found
from toolkit.recipes.score.search_piece import DoPiece, PieceDone
from toolkit.recipes.session.session import Session
from toolkit.retrieval import SearchSettings
from toolkit.retrieval.blocks import Grid, Part, Piece, Schedule, Way
from toolkit.retrieval.budget import block_lines, part_lines
from toolkit.retrieval.knn import NARROW, exact_here
from toolkit.retrieval.rescore import Neighbours
from toolkit.retrieval.side import Side
from toolkit.space import Need, require_space

if TYPE_CHECKING:
    from toolkit.engine.engine import Engine

# Products, of vectors of at least 256 numbers, that one process finds in less time than others start in.
FEW_PRODUCTS = 4e9
_INSTEAD = "name another store (`--set store.folder=DIR`)"


def search_settings(settings: RetrieveConfig, session: Session) -> SearchSettings:
    """Return how a session searches: with its staff, where it has one."""
    workers = None
    if session.staff is not None and session.config.store.folder is not None:
        workers = SearchWorkers(session.staff.engine, session.config.store.folder / SEARCHES, session.tell)
    return SearchSettings(settings.index, settings.memory, settings.threads, workers=workers)


@dataclass
class SearchWorkers:
    """Other processes that search: `SearchSettings.workers`.

    Args:
        engine: returns what gives them jobs.
        home: folder in which a search keeps its own until it is done; every machine sees it.
        tell: where sentences go.
        seconds: of each block that was searched, in the order in which they ended.
    """

    engine: Callable[[], Engine]
    home: Path
    tell: Tell
    seconds: list[float] = field(default_factory=list)

    def exact(
        self, x: Side, y: Side, k: int, *, both: bool, settings: SearchSettings, report: Report
    ) -> tuple[Neighbours, Neighbours | None]:
        """Return the neighbours of `exact_here`, to the bit.

        What was found stays on the disk until all is: a search that was stopped continues where it was.

        Raises:
            ToolkitError: the memory does not hold a block, the workers cannot be used, or they fail.
        """
        block_lines(len(x), len(y), x.width, k, settings)  # refused before anything is started
        if float(len(x)) * len(y) * max(x.width, NARROW) <= FEW_PRODUCTS:
            return exact_here(x, y, k, both=both, settings=settings, report=report)
        ways: tuple[Way, ...] = ("ahead", "back") if both else ("ahead",)

        def grid(workers: int) -> Grid:
            size = block_lines(len(x), len(y), x.width, k, settings, workers=workers)
            return Grid(len(x), len(y), size, ways=ways)

        found = self._found((x, y), k, replace(settings, index="Flat"), grid, report)
        return found["ahead"], found.get("back")

    def approximate(self, x: Side, y: Side, k: int, *, settings: SearchSettings, report: Report) -> Neighbours:
        """Return the neighbours that an index of each part of `y` finds; `Workers.approximate`."""

        def grid(workers: int) -> Grid:
            lines, part = part_lines(len(x), len(y), x.width, settings, workers=workers)
            return Grid(len(x), len(y), lines, ways=("ahead",), other=part)

        return self._found((x, y), k, settings, grid, report)["ahead"]

    def _found(
        self,
        sides: tuple[Side, Side],
        k: int,
        settings: SearchSettings,
        grid_of: Callable[[int], Grid],
        report: Report,
    ) -> dict[Way, Neighbours]:
        """Return the neighbours of both ways or one; `grid_of` makes the blocks for a number of workers."""
        ways = grid_of(1).ways
        folder = SearchFolder.of(self.home, sides, k, both=len(ways) > 1, index=settings.index)
        with self._held(folder):
            engine = self.engine()
            grid = grid_of(max(1, engine.count()))
            _require_space(folder, grid, k)
            order = folder.begin(Order(grid, sides[0].width, k, settings.memory, settings.index), sides)
            schedule = Schedule(order.grid, [part for name in folder.names() if (part := Part.of(name))])
            try:
                self._run(engine, schedule, folder, report)
            except BaseException:
                if schedule.done:
                    self.tell.say(
                        f"{schedule.done:,} of {schedule.total:,} blocks are searched and kept in {folder.root}; the same "
                        "command continues there."
                    )
                raise
            others = {"ahead": len(sides[1]), "back": len(sides[0])}
            found = {way: all_found(folder, schedule.results(way), min(k, others[way])) for way in ways}
            folder.clear()
        return found

    def _run(self, engine: Engine, schedule: Schedule, folder: SearchFolder, report: Report) -> None:
        """Do all pieces."""
        from toolkit.engine.pool import do_all

        folder.forget(part.name for part in schedule.over)
        pieces = _Pieces(schedule, folder)
        shown = _Shown(schedule, pieces.given, report, self.tell)
        for name, done in do_all(engine, pieces, PieceDone, on_event=shown.hear, say=self.tell.say):
            piece = pieces.given.pop(name)
            if not piece.reads:
                self.seconds.append(done.seconds)
            folder.forget(part.name for part in schedule.finish(piece))
            shown.end(name)

    @contextmanager
    def _held(self, folder: SearchFolder) -> Iterator[None]:
        """Hold a folder, which another command that searches the same must not write to at the same time."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            lease = hold(folder.root.with_suffix(".lease"), wait_s=0.0, doing="searched")
        except TakenError as fault:
            who = "another process" if fault.holder is None else fault.holder.in_words
            raise ToolkitError(f"The same vectors are searched already ({who}); wait for it, or stop it.") from None
        except OSError as fault:
            raise ToolkitError(f"Cannot write to {self.home} ({fault.strerror or fault}); {_INSTEAD}.") from None
        try:
            yield
        finally:
            lease.close()
            with suppress(OSError):  # others are searched there
                self.home.rmdir()


class _Pieces:
    """The pieces that can be done now, as jobs; when it has no more, it may have more after a piece was done."""

    def __init__(self, schedule: Schedule, folder: SearchFolder) -> None:
        self._schedule, self._root = schedule, str(folder.root.absolute())
        self.given: dict[str, Piece] = {}

    def __iter__(self) -> _Pieces:
        return self

    def __next__(self) -> tuple[str, DoPiece]:
        piece = self._schedule.next()
        if piece is None:
            raise StopIteration
        self.given[piece.name] = piece
        makes, reads = (tuple(part.name for part in some) for some in (piece.makes, piece.reads))
        return piece.name, DoPiece(self._root, makes, reads)


class _Shown:
    """Progress over all processes."""

    def __init__(self, schedule: Schedule, given: Mapping[str, Piece], report: Report, tell: Tell) -> None:
        self._schedule, self._given, self._report, self._tell = schedule, given, report, tell
        self._shares: dict[str, float] = {}

    def hear(self, name: str, event: Event) -> None:
        """Take an event that is not the end of a piece."""
        match event:
            case Progressed(_, done, total) if not self._given[name].reads:
                self._shares[name] = 0.99 * done / max(total, 1)
                self._show()
            case Said(text):
                self._tell.once(text)
            case Failed(error, is_dead=True):
                self._shares.pop(name, None)
                self._tell.say(f"{error} Its block is searched again.")

    def end(self, name: str) -> None:
        """Count a piece as done."""
        self._shares.pop(name, None)
        self._show()

    def _show(self) -> None:
        done = self._schedule.done + sum(self._shares.values())
        self._report(Progress("search", round(1000 * done), 1000 * self._schedule.total))


def _require_space(folder: SearchFolder, grid: Grid, k: int) -> None:
    """Raise where the disk cannot hold what waits to be merged."""
    lines = sum(grid.n if way == "ahead" else grid.m for way in grid.ways)
    waiting = max(min(grid.fan * (grid.top(way) + 1), grid.level_count(way, 0)) for way in grid.ways)
    require_space([Need("the neighbours", folder.root, 12 * k * lines * waiting, 0, _INSTEAD)])
