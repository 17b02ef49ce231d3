"""Rows of a corpus that is not on the hub: its makers publish it themselves, and a mirror holds it after `tasks fetch`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cache import cache_root
from toolkit.errors import SourceError
from toolkit.hub import is_offline
from toolkit.tasks.mirror.manifest import read_manifest
from toolkit.tasks.release.fetch import fetch_release
from toolkit.tasks.release.release import Release
from toolkit.tasks.sources.arrow import ArrowRows
from toolkit.tasks.sources.hub import HubSource

if TYPE_CHECKING:
    from toolkit.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class ReleaseSource(HubSource):
    """Rows of a release in a mirror, which holds them like a dataset of the hub; there is none of that id on the hub.

    Where no mirror holds them, they are fetched into the cache folder when they are asked for first.

    Attributes:
        release: what is published, and where.
    """

    release: Release

    def _on_hub(self, languages: Sequence[str], split: str) -> tuple[str, ...]:
        return tuple(languages)

    def open(self, task: Task, split: str, language: str, data_root: Path | None) -> ArrowRows:
        if self.mirrored(task.pairs, data_root) is None:
            data_root = release_cache()
            record = read_manifest(data_root / self.path)
            if record is None or not record.is_whole:
                self._fetch(task, data_root)
        return super().open(task, split, language, data_root)

    def _fetch(self, task: Task, root: Path) -> None:
        from toolkit.config.command import shell

        try:
            if is_offline():
                raise SourceError("The hub does not answer, or HF_HUB_OFFLINE is set: no network is used.")
            fetch_release(self.release, root)
        except SourceError as fault:
            copy = shell("tasks", "fetch", task.name, "--out", "DIR", "--release", "COPY")
            raise SourceError(
                f"The rows of {task.name} are those of {self.release.name}, which is not on the hub and cannot be fetched from its "
                f"makers ({str(fault).rstrip('.')}); `{copy}` takes a copy of it from elsewhere, then --data-root DIR."
            ) from fault


def release_cache() -> Path:
    """Return the mirror in the cache folder that releases are fetched into where no other holds them."""
    return cache_root() / "releases"
