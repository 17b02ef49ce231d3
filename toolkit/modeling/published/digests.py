"""Digests of checkpoints, kept from one command to the next while their files are the same.

The digest of XLM-R Large is that of 2.2 GB. It is kept in the user's cache, never in the checkpoint's folder, so a checkpoint
from elsewhere brings none along. It is known by the identity of every file that it depends on: device, inode, size, and the
times of the last change, of which the second one cannot be set by a program.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from toolkit.cache import cache_root
from toolkit.errors import SourceError
from toolkit.files import load_json, replacing
from toolkit.modeling.published.layout import WEIGHTS, shards_of

# Part of what is kept: raise it whenever a digest is computed in another way.
FORMAT = 1
SETTLED_S = 2.0  # a file that is younger may change again within one tick of its file system's clock
_SHA = 64


def state_of(folder: Path) -> str | None:
    """Return what tells a checkpoint's configuration and weights from those of any other time, or None if a file is missing.

    All formats of the weights count: they are compared with each other when the digest is computed.
    """
    try:
        present = [name for name in WEIGHTS if (folder / name).is_file()]
        shards = [shard for name in present if name.endswith(".json") for shard in shards_of(folder / name)]
        found = [_identity(folder / name) for name in ("config.json", *present, *shards)]
    except (OSError, SourceError):
        return None
    return json.dumps([FORMAT, *found]) if present else None


def known_digest(folder: Path) -> str | None:
    """Return the digest that was kept of a checkpoint, or None where its files are others by now, or none was kept."""
    state = state_of(folder)
    if state is None:
        return None
    try:
        held = load_json(_file(folder))
    except (OSError, ValueError):
        return None
    if not isinstance(held, dict) or held.get("state") != state:
        return None
    digest = held.get("digest")
    return digest if isinstance(digest, str) and len(digest) == _SHA else None


def keep_digest(folder: Path, digest: str, state: str | None) -> None:
    """Keep the digest of a checkpoint, unless its files changed meanwhile or a moment ago; a cache that is full keeps none.

    Args:
        folder: of the checkpoint.
        digest: of its parameters.
        state: of its files before they were read (`state_of`).
    """
    if state is None or state != state_of(folder) or not _is_settled(state):
        return
    file = _file(folder)
    text = json.dumps({"folder": str(folder), "digest": digest, "state": state})
    with suppress(OSError), replacing(file, is_synced=False) as stream:
        stream.write(text.encode())


def _identity(file: Path) -> list[object]:
    status = file.stat()
    return [file.name, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _is_settled(state: str) -> bool:
    changed: list[int] = [each[-1] for each in json.loads(state)[1:]]
    return max(changed) / 1e9 < time.time() - SETTLED_S


def _file(folder: Path) -> Path:
    where = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:24]
    return cache_root() / "digests" / f"{where}.json"
