"""Several sources of one kind, of which the first that a mirror holds answers for a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.tasks.mirror.layout import held_splits, mirror_folder
from toolkit.tasks.rows import Opened

if TYPE_CHECKING:
    from toolkit.tasks.task import Source, Task


@dataclass(frozen=True, kw_only=True)
class FirstSource:
    """Sources of other rows for the same purpose; the rows say which one they are of.

    Attributes:
        sources: data sets by a short name, in the order in which a mirror is looked through; without a mirror that holds any of
            them the last one answers, from the hub.
    """

    sources: Mapping[str, Source]

    @property
    def _last(self) -> Source:
        return list(self.sources.values())[-1]

    @property
    def splits(self) -> Mapping[str, Any]:
        return self._last.splits

    @property
    def path(self) -> str:
        """The ids, for a reader."""
        return " or ".join(str(getattr(each, "path", "files")) for each in self.sources.values())

    @property
    def columns(self) -> Mapping[str, Any]:
        """The columns of the first."""
        first: Any = next(iter(self.sources.values()))
        columns: Mapping[str, Any] = getattr(getattr(first, "source", first), "columns", {})
        return columns

    def check(self, task: Task) -> None:
        for each in self.sources.values():
            each.check(task)

    def reachable(self, languages: Sequence[str], split: str, data_root: Path | None) -> tuple[str, ...]:
        own = {language: self.of(language, data_root) for language in languages}
        found: set[str] = set()
        for each in self.sources.values():
            if asked := [language for language in languages if own[language] is each]:
                found |= set(each.reachable(asked, split, data_root))
        return tuple(language for language in languages if language in found)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> Opened:
        return self.of(language, data_root).open(task, split, language, data_root)

    def of(self, language: str, data_root: Path | None) -> Source:
        """Return the source that answers for a language: where a mirror holds any of them, one of those."""
        mirrored = [each for each in self.sources.values() if _folder(each, data_root) is not None]
        return next((each for each in mirrored if _holds(each, language, data_root)), [*mirrored, self._last][0])


def _folder(source: Source, data_root: Path | None) -> Path | None:
    path = getattr(source, "path", None)
    return None if path is None else mirror_folder(path, data_root)


def _holds(source: Any, language: str, data_root: Path | None) -> bool:
    """Return whether the mirror's folder of a source has the config of a language."""
    hub, folder = getattr(source, "source", source), _folder(source, data_root)
    return folder is not None and any(held_splits(folder, config) for config in hub.configs_for(language))
