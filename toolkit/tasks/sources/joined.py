"""Rows of several sources, read as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.tasks.draw import Marks, marks_of
from toolkit.tasks.kinds import Kind
from toolkit.tasks.rows import Opened, Row
from toolkit.tasks.sources.hub import HubSource

if TYPE_CHECKING:
    from toolkit.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class JoinedSource:
    """Several sources of one kind and label set, read as one.

    Row i of a source with n rows is placed at the fraction (i + 1/2) / n of the whole, so that the sources follow each other in
    proportion to their sizes: the first 1,000 rows are a fair sample of all, and shuffling samples in that proportion.

    Attributes:
        sources: by a short name that begins the ids of its rows, `snli-17`.
    """

    sources: Mapping[str, HubSource]

    @property
    def splits(self) -> Mapping[str, Any]:
        every = list(self.sources.values())
        return {split: None for split in every[0].splits if all(split in each.splits for each in every)}

    @property
    def path(self) -> str:
        """The hub ids, for a reader."""
        return " + ".join(dict.fromkeys(each.path for each in self.sources.values()))

    def check(self, task: Task) -> None:
        for each in self.sources.values():
            each.check(task)

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        for each in self.sources.values():
            languages = each.reachable(languages, split, data_root)
        return tuple(languages)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> Opened:
        opened = {name: each.open(task, split, language, data_root) for name, each in self.sources.items()}
        return _Joined(opened, task.kind)


class _Joined:
    """Opened sources, their rows in proportion."""

    def __init__(self, opened: Mapping[str, Opened], kind: Kind) -> None:
        self._opened, self._kind = opened, kind
        self.split = "+".join(dict.fromkeys(each.split for each in opened.values()))
        self.origin = "; ".join(each.origin for each in opened.values())
        known = [getattr(each, "revision", "") for each in opened.values()]
        self.revision = "; ".join(known) if all(known) else ""
        self.road = "; ".join(dict.fromkeys(road for each in opened.values() if (road := getattr(each, "road", ""))))
        places = [
            ((2 * i + 1) / (2 * len(each)), order, name, i)
            for order, (name, each) in enumerate(opened.items())
            for i in range(len(each))
        ]
        self._order = [(name, i) for _, _, name, i in sorted(places)]

    def __len__(self) -> int:
        return len(self._order)

    def marks(self) -> Marks:
        """Return the ids of all rows, and their source with their label."""
        own = {name: marks_of(each, self._kind) for name, each in self._opened.items()}
        labels = {name: each.strata or [None] * len(each.ids) for name, each in own.items()}
        strata = [(name, labels[name][i]) for name, i in self._order]
        return Marks([f"{name}-{i}" for name, i in self._order], strata)

    def row(self, index: int) -> Row:
        name, place = self._order[index]
        row = self._opened[name].row(place)
        return replace(row, id=f"{name}-{place}")
