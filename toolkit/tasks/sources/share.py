"""Shares: dev or test rows that are a part of the training rows, for data without such a split."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from toolkit.errors import ConfigError, DataError
from toolkit.tasks.draw import Marks, draw_order, marks_of
from toolkit.tasks.kinds import Kind
from toolkit.tasks.rows import Opened, Row
from toolkit.tasks.sources.arrow import ArrowRows
from toolkit.tasks.sources.checks import has_own_ids

if TYPE_CHECKING:
    from toolkit.tasks.task import Source, Task

Shared = Literal["dev", "test"]
SHARED: tuple[Shared, ...] = ("dev", "test")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")
# The text that rows may share: rows with the same one are on one side.
GROUPED_BY: Mapping[Kind, str] = {
    "pair": "",
    "choice": "",
    "span": "context",
    "tags": "",
    "bitext": "",
    "mining": "",
    "retrieval": "passage",
    "text": "",
}


@dataclass(frozen=True, kw_only=True)
class ShareSource:
    """A source whose training rows are parted into training, dev and test rows by seed.

    Attributes:
        source: where the training rows come from, and all other splits.
        shares: the share of the training rows that is dev, and that is test, each in (0, 1).
        seed: of the draw.
        scored: the share that scores are made on; None: a split of `source`.
    """

    source: Source
    shares: Mapping[Shared, float]
    seed: int = 0
    scored: Shared | None = None

    @property
    def splits(self) -> Mapping[str, Any]:
        own: dict[str, Any] = {split: f"{100 * share:g}% of train" for split, share in self.shares.items()}
        return {**self.source.splits, **own, **({"score": own[self.scored]} if self.scored else {})}

    @property
    def path(self) -> str:
        """The hub id, for a reader."""
        return str(getattr(self.source, "path", "files"))

    @property
    def has_ids(self) -> bool:
        """Whether ids are the dataset's own."""
        return has_own_ids(self.source)

    def check(self, task: Task) -> None:
        self.source.check(task)
        if "train" not in self.source.splits:
            raise ConfigError(f"`{next(iter(self.shares))}` is a share of `train`, which is not named; expected both.")
        if not all(0 < share < 1 for share in self.shares.values()) or sum(self.shares.values()) >= 1:
            said = " and ".join(f"{100 * share:g}%" for share in self.shares.values())
            raise ConfigError(
                f"{said} of the training rows were asked for; expected more than 0%, and rows to train on."
            )

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        return self.source.reachable(languages, "train" if self._share(split) else split, data_root)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> Opened:
        share = self._share(split)
        if share is None and split != "train":
            return self.source.open(task, split, language, data_root)
        opened = self.source.open(task, "train", language, data_root)
        parts = _parted(opened, task, self.shares, self.seed)
        said = ", ".join(f"{100 * each:g}% as {name}" for name, each in self.shares.items())
        origin = f"{opened.origin} ({said}, seed {self.seed})"
        name = opened.split if share is None else f"{100 * self.shares[share]:g}% of {opened.split}"
        return _Part(opened, task.kind, name, origin, parts["train" if share is None else share])

    def _share(self, split: str) -> Shared | None:
        if split == "score":
            return self.scored
        return next((name for name in self.shares if name == split), None)


def share_of(value: object) -> float | None:
    """Return the share that a text names, or None where it names none.

    Example:
        >>> share_of("10%"), share_of("12.5 %"), share_of("dev.csv")
        (0.1, 0.125, None)
    """
    found = _SHARE.fullmatch(value) if isinstance(value, str) else None
    return float(found.group(1)) / 100 if found else None


def _parted(opened: Opened, task: Task, shares: Mapping[Shared, float], seed: int) -> dict[str, list[int]]:
    """Return the places of the rows of each part, in ascending order: `train` has what no share takes."""
    marks, groups = marks_of(opened, task.kind), _groups(opened, task.kind)
    order = draw_order(marks, seed=seed)
    if groups is not None:
        members: dict[Hashable, list[int]] = {}
        for place in order:
            members.setdefault(groups[place], []).append(place)
        order = [place for places in members.values() for place in places]
    parts: dict[str, list[int]] = {}
    begin = 0
    for name, share in shares.items():
        end = min(begin + max(1, round(share * len(order))), len(order))
        while groups is not None and 0 < end < len(order) and groups[order[end - 1]] == groups[order[end]]:
            end += 1
        parts[name] = sorted(order[begin:end])
        begin = end
    parts["train"] = sorted(order[begin:])
    if empty := next((name for name, places in parts.items() if not places), None):
        raise DataError(
            f"{opened.origin}: {len(order)} rows in {len(set(groups)) if groups else len(order)} groups leave none for "
            f"{empty}; expected more rows, or a file for each split."
        )
    return parts


def _groups(opened: Opened, kind: Kind) -> list[Hashable] | None:
    field = GROUPED_BY[kind]
    if not field:
        return None
    if isinstance(opened, ArrowRows):
        return list(opened.values(field))
    return [getattr(opened.row(index), field) for index in range(len(opened))]


class _Part:
    """Some of the rows of an opened split."""

    def __init__(self, opened: Opened, kind: Kind, split: str, origin: str, places: Sequence[int]) -> None:
        self.split, self.origin = split, origin
        self.revision: str = getattr(opened, "revision", "")
        self.notes: tuple[str, ...] = getattr(opened, "notes", ())
        self.road: str = getattr(opened, "road", "")
        self._opened, self._kind, self._places = opened, kind, places

    def __len__(self) -> int:
        return len(self._places)

    def row(self, index: int) -> Row:
        return self._opened.row(self._places[index])

    def marks(self) -> Marks:
        """Return the ids and labels of these rows."""
        found = marks_of(self._opened, self._kind)
        strata = found.strata and [found.strata[place] for place in self._places]
        return Marks([found.ids[place] for place in self._places], strata)
