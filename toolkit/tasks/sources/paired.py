"""Rows of a bitext whose two sides are two configs of a dataset or two files, joined by line, by id, or by a file of links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from toolkit.errors import ConfigError, DataError, SourceError
from toolkit.files import file_fault
from toolkit.paths import at_home
from toolkit.tasks.draw import Marks
from toolkit.tasks.rows import Row
from toolkit.tasks.sources.arrow import ArrowRows, Numbers
from toolkit.tasks.sources.checks import check_kind
from toolkit.tasks.sources.convert import Fault, Promise, convert
from toolkit.tasks.sources.corpora import read_lines
from toolkit.tasks.sources.file_source import FileSource
from toolkit.tasks.sources.fill import check_placeholders, spellings
from toolkit.tasks.sources.hub import HubSource

if TYPE_CHECKING:
    from toolkit.tasks.task import Task

Join = Literal["line", "id"]


@dataclass(frozen=True, kw_only=True)
class PairedSource:
    """A bitext with a config or a file for either side.

    Attributes:
        source: the foreign side; its columns are `text` and, if it is joined by ids, `id`.
        target: the English side, likewise. Placeholders stand for the foreign language on both sides.
        join: `line`: row i of one side translates row i of the other; `id`: rows of one id translate each other.
        links: a file of pairs of ids, `source<TAB>target`, with placeholders; None: equal ids are a pair.
        folder: what a relative `links` is relative to.
    """

    source: HubSource | FileSource
    target: HubSource | FileSource
    join: Join = "line"
    links: str | None = None
    folder: Path = Path(".")

    @property
    def splits(self) -> Mapping[str, Any]:
        return {split: each for split, each in self.source.splits.items() if split in self.target.splits}

    @property
    def path(self) -> str | None:
        """The hub id of the foreign side, for a reader; None: files."""
        return self.source.path if isinstance(self.source, HubSource) else None

    @property
    def has_ids(self) -> bool:
        return self.join == "id"

    @property
    def sources(self) -> Mapping[str, HubSource | FileSource]:
        """Both sides by their names."""
        return {"source": self.source, "target": self.target}

    def check(self, task: Task) -> None:
        check_kind(task, "bitext", "two sides")
        wanted = {"text", "id"} if self.join == "id" else {"text"}
        for name, side in self.sources.items():
            side.check_texts(task)
            if set(side.columns) != wanted:
                raise ConfigError(
                    f"Task '{task.name}' names columns for {', '.join(sorted(side.columns))} of its {name}; expected "
                    f"{', '.join(sorted(wanted))} to join by {self.join}."
                )
        if self.source == self.target:
            raise ConfigError(
                f"Task '{task.name}' reads both sides from one place: every sentence would be its own translation; expected "
                "another config, file or column for one of them."
            )
        if self.links is not None:
            check_placeholders(f"Task '{task.name}'", [self.links])

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        for side in self.sources.values():
            languages = side.reachable(languages, split, data_root)
        return tuple(each for each in languages if self.links is None or not file_fault(self._links(each)))

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> PairedRows:
        sides = tuple(side.open(task, split, language, data_root) for side in self.sources.values())
        if self.links is None:
            return PairedRows(*sides, pairs=_by_line(*sides) if self.join == "line" else _by_id(*sides))
        file = self._links(language)
        if fault := file_fault(file):
            raise SourceError(f"The file {file} {fault}; expected pairs of ids: correct `links` in the task's YAML.")
        return PairedRows(*sides, pairs=_by_links(file, *sides))

    def _links(self, language: str) -> Path:
        every = [self.folder / at_home(each) for each in spellings(self.links or "", language)]
        return next((file for file in every if not file_fault(file)), every[0])


@dataclass(frozen=True)
class _Pairs:
    """Places on either side that translate each other, their ids, and what was left out, as clauses."""

    places: Sequence[tuple[int, int]]
    ids: Sequence[str]
    notes: tuple[str, ...] = ()


class PairedRows:
    """Two sides, opened and joined."""

    def __init__(self, source: ArrowRows, target: ArrowRows, *, pairs: _Pairs) -> None:
        self.split = source.split if source.split == target.split else f"{source.split}+{target.split}"
        self.origin = f"{source.origin}; {target.origin}"
        both = list(dict.fromkeys([source.revision, target.revision]))
        self.revision = "; ".join(both) if all(both) else ""
        self.notes = pairs.notes
        self.road = "; ".join(dict.fromkeys(filter(None, (source.road, target.road))))
        self._sides, self._pairs = (source, target), pairs

    def __len__(self) -> int:
        return len(self._pairs.places)

    def marks(self) -> Marks:
        """Return the ids of all rows."""
        return Marks(self._pairs.ids)

    def row(self, index: int) -> Row:
        places = self._pairs.places[index]
        texts = [side.value("text", place) for side, place in zip(self._sides, places, strict=True)]
        try:
            return convert(
                "bitext", dict(zip(("source", "target"), texts, strict=True)), self._pairs.ids[index], Promise(())
            )
        except Fault as fault:
            side = ("source", "target").index(fault.field)
            at = self._sides[side].place(places[side])
            raise DataError(f"{at}: {fault.found}; expected {fault.expected}.") from None


def _by_line(source: ArrowRows, target: ArrowRows) -> _Pairs:
    if len(source) != len(target):
        raise DataError(
            f"{source.origin} has {len(source):,} rows and {target.origin} {len(target):,}; expected as many, each the "
            "translation of that in its place: correct the files, or join by `id`."
        )
    n = range(len(source))
    return _Pairs(_Same(n), Numbers(n))


@dataclass(frozen=True)
class _Same(Sequence[tuple[int, int]]):
    """Each place with itself."""

    places: range

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> tuple[int, int]: ...

    @overload
    def __getitem__(self, index: slice) -> _Same: ...

    def __getitem__(self, index: int | slice) -> tuple[int, int] | _Same:
        if isinstance(index, slice):
            return _Same(self.places[index])
        return self.places[index], self.places[index]


def _by_id(source: ArrowRows, target: ArrowRows) -> _Pairs:
    places = _places(source), _places(target)
    found = {id: (place, places[1][id]) for id, place in places[0].items() if id in places[1]}
    if not found:
        raise DataError(
            f"No id of {source.origin} (such as '{next(iter(places[0]))}') is in {target.origin} (such as "
            f"'{next(iter(places[1]))}'); expected ids that both have, or `join: line`."
        )
    return _Pairs(
        list(found.values()), list(found), _left_out((source, target), len(found), "have an id of both sides")
    )


def _by_links(file: Path, source: ArrowRows, target: ArrowRows) -> _Pairs:
    """Return the linked pairs; of a sentence with several translations the first whose sentence is still free.

    A sentence that is there twice would be sought once and found in either place, so each is in one pair.
    """
    places = _places(source), _places(target)
    used: tuple[set[int], set[int]] = (set(), set())
    found: list[tuple[int, int]] = []
    ids: list[str] = []
    for number, line in enumerate(read_lines(file), 1):
        if not line:
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) < 2 or not all(cells[:2]):
            raise DataError(f"{file}, line {number}: found {line[:60]!r}; expected `id<TAB>id`.")
        here, there = places[0].get(cells[0]), places[1].get(cells[1])
        if here is None or there is None or here in used[0] or there in used[1]:
            continue
        used[0].add(here)
        used[1].add(there)
        found.append((here, there))
        ids.append(f"{cells[0]}-{cells[1]}")
    if not found:
        raise DataError(
            f"{file} links no row of {source.origin} with one of {target.origin}; expected `id<TAB>id`, the source's first."
        )
    order = sorted(range(len(found)), key=lambda i: found[i])
    notes = _left_out((source, target), len(found), "are in a pair")
    return _Pairs([found[i] for i in order], [ids[i] for i in order], notes)


def _places(side: ArrowRows) -> dict[str, int]:
    ids = [str(id).strip() if id is not None else "" for id in side.values("id")]
    if "" in ids:
        raise DataError(f"{side.place(ids.index(''))}: no id; expected one in every row to join by.")
    if len(set(ids)) < len(ids):
        id, n = Counter(ids).most_common(1)[0]
        raise DataError(f"{side.origin}: {n} rows have the id '{id}'; expected each id once to join by.")
    return {id: place for place, id in enumerate(ids)}


def _left_out(sides: tuple[ArrowRows, ArrowRows], n: int, kept: str) -> tuple[str, ...]:
    lost = [f"{len(side) - n:,} of {len(side):,} rows of {side.origin}" for side in sides if len(side) > n]
    return (f"{n:,} rows {kept}; left out: {' and '.join(lost)}",) if lost else ()
