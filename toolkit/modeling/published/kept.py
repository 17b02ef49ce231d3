"""Checkpoints in the hub's cache on this machine, whole or in part: read from its folders, without library or network."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from toolkit.errors import SourceError
from toolkit.modeling.published.layout import WEIGHTS, shards_of
from toolkit.paths import at_home

TOKENIZERS = ("tokenizer.json", "sentencepiece.bpe.model")
COMMIT = re.compile(r"[0-9a-f]{40}")


def cache_folder() -> Path:
    """Return the cache of the hub's library: `HF_HUB_CACHE`, else `hub` of `HF_HOME`, else of the user's cache folder."""
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:  # it read the environment when it was imported
        return Path(constants.HF_HUB_CACHE)
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return at_home(os.path.expandvars(os.environ[name]))
    user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or os.path.join(user, "huggingface")
    return at_home(os.path.expandvars(home)) / "hub"


def repository(repo: str) -> Path:
    """Return the folder that the cache has, or would have, of a model."""
    return cache_folder() / f"models--{repo.replace('/', '--')}"


def commit_of(repo: str, revision: str | None = None) -> str | None:
    """Return the commit that a revision was at when it was last downloaded; None where nothing of it was.

    Args:
        repo: id on the hub.
        revision: branch, tag or commit; None: the main branch.
    """
    if revision is not None and COMMIT.fullmatch(revision):
        return revision
    try:
        found = (repository(repo) / "refs" / (revision or "main")).read_text().strip()
    except (OSError, ValueError):
        return None
    return found if COMMIT.fullmatch(found) else None


def whole_snapshot(repo: str, revision: str | None = None) -> Path | None:
    """Return the folder of a whole checkpoint in the cache, or None.

    Args:
        repo: id on the hub.
        revision: branch, tag or commit; None: that of the main branch, else, where another program asked for a newer one and
            did not download it, the one that arrived last.
    """
    if repo.count("/") > 1 or repo.startswith((".", "/", "~")):
        return None
    snapshots = repository(repo) / "snapshots"
    commit = commit_of(repo, revision)
    if commit is not None and lacks_of(snapshots / commit) is None:
        return snapshots / commit
    if revision is not None:
        return None
    try:
        others = [each for each in snapshots.iterdir() if COMMIT.fullmatch(each.name) and lacks_of(each) is None]
    except OSError:
        return None
    return max(others, key=lambda each: (each.stat().st_mtime_ns, each.name), default=None)


def lacks(repo: str, revision: str | None = None) -> str | None:
    """Return what the cache lacks of a checkpoint: None if nothing, else the name of a file, `config.json` first.

    Args:
        repo: id on the hub.
        revision: branch, tag or commit; None: see `whole_snapshot`.
    """
    if whole_snapshot(repo, revision) is not None:
        return None
    commit = commit_of(repo, revision)
    return "config.json" if commit is None else lacks_of(repository(repo) / "snapshots" / commit)


def lacks_of(folder: Path) -> str | None:
    """Return what a folder lacks of a checkpoint: None if nothing, else the name of a file."""
    if not (folder / "config.json").is_file():
        return "config.json"
    if not any((folder / each).is_file() for each in TOKENIZERS):
        return TOKENIZERS[0]
    found = next((folder / each for each in WEIGHTS if (folder / each).is_file()), None)
    if found is None or found.suffix != ".json":
        return WEIGHTS[0] if found is None else None
    try:
        return next((each for each in shards_of(found) if not (folder / each).is_file()), None)
    except SourceError:
        return found.name


def arrived(repo: str) -> int:
    """Return the number of bytes that unfinished downloads of a model have left in the cache."""
    return sum(part.stat().st_size for part in (repository(repo) / "blobs").glob("*.incomplete"))
