"""Questions to the hub about a checkpoint: whether its weights are others by now, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from toolkit.hub import TIMEOUT_S, is_hub_reachable
from toolkit.hub_errors import endpoint
from toolkit.modeling.published.layout import WEIGHTS, shards_of


def moved(repo: str, folder: Path) -> str | None:
    """Return the commit that the hub's main branch is at, if its weights are others than those of a snapshot; else None.

    A commit that changed a page alone is none. A hub that cannot be reached, or that fails, has not moved.

    Args:
        repo: id on the hub.
        folder: a whole snapshot in the hub's cache, called like its commit.
    """
    with _in_passing():
        if not is_hub_reachable():
            return None
        commit = _facts(repo, "config.json", "main").commit_hash
        if commit is None or commit == folder.name:
            return None
        first = next(name for name in WEIGHTS if (folder / name).is_file())
        names = [first, *(shards_of(folder / first) if first.endswith(".json") else ())]
        # A file of the cache is called like its content.
        if any(_facts(repo, name, commit).etag != (folder / name).resolve().name for name in names):
            return str(commit)
    return None


def newest(repo: str) -> str | None:
    """Return the commit that the hub's main branch is at, or None where the hub does not say."""
    with _in_passing():
        if is_hub_reachable():
            commit = _facts(repo, "config.json", "main").commit_hash
            return None if commit is None else str(commit)
    return None


def size_of(repo: str, commit: str) -> int | None:
    """Return the bytes of the weights that would be downloaded, or None where the hub does not say."""
    from huggingface_hub.errors import EntryNotFoundError

    with _in_passing():
        for name in WEIGHTS:
            if name.endswith(".json"):  # of shards, whose names are not known before
                continue
            with suppress(EntryNotFoundError):
                size = _facts(repo, name, commit).size
                return None if size is None else int(size)
    return None


def _facts(repo: str, file: str, commit: str) -> Any:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(repo, file, revision=commit, endpoint=endpoint())
    return get_hf_file_metadata(url, timeout=TIMEOUT_S)


@contextmanager
def _in_passing() -> Iterator[None]:
    """Let what the hub does not answer be unknown: the question is never in the way of the work."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    with suppress(HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError, ValueError):
        yield
