"""Contents of a store of embeddings: list, verify and prune."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from toolkit.embeddings.key import Key, read_key
from toolkit.embeddings.shards import Damaged, Foreign, read_shard
from toolkit.errors import ToolkitError
from toolkit.files import is_abandoned
from toolkit.leases import is_held

SEARCHES = "searches"  # folder of searches that several processes do; each has one of its own until it is done
STOPPED_S = 30 * 86400  # after which a search that was stopped is not expected to be continued


@dataclass(frozen=True)
class Shelf:
    """The shards of one key.

    Attributes:
        folder: where they are stored.
        key: the key they were made under.
        shards: their files.
        n_bytes: of all files.
        used_s: when a shard was last read or written, seconds since 1970 (as exact as the file system keeps it).
    """

    folder: Path
    key: Key
    shards: tuple[Path, ...]
    n_bytes: int
    used_s: float


def shelves(folder: Path, *, backbone: str | None = None, unreadable: list[str] | None = None) -> list[Shelf]:
    """Return what a store holds, the largest first.

    Args:
        backbone: only vectors of the backbone with this name or digest.
        unreadable: gathers a sentence for each folder whose key cannot be read; None: raises at the first.
    """
    found = []
    for place in sorted(path for path in _entries(folder) if path.is_dir() and path.name != SEARCHES):
        try:
            key = read_key(place / "key.json")
        except (OSError, ValueError, TypeError, KeyError) as fault:
            sentence = f"{place} holds no key.json that can be read ({fault}); remove the folder if no store made it."
            if unreadable is None:
                raise ToolkitError(sentence) from None
            unreadable.append(sentence)
            continue
        if backbone is not None and key.backbone_name != backbone and not key.backbone.startswith(backbone):
            continue
        files = sorted(place.glob("*.safetensors"))
        status = [path.lstat() for path in files]
        used = max((max(one.st_atime, one.st_mtime) for one in status), default=place.stat().st_mtime)
        found.append(Shelf(place, key, tuple(files), sum(one.st_size for one in status), used))
    return sorted(found, key=lambda shelf: (-shelf.n_bytes, shelf.folder))


def damages(shelf: Shelf) -> list[str]:
    """Return a sentence for each shard that is not what was written; reads every byte."""
    found = []
    if shelf.key.digest[:32] != shelf.folder.name:
        found.append(
            f"{shelf.folder} is not the place of its key, which is {shelf.key.digest[:32]}; remove the folder."
        )
    for path in shelf.shards:
        try:
            read_shard(path, shelf.key.digest)
        except (Damaged, Foreign) as fault:
            found.append(f"{fault}; remove it, and its texts are encoded again when they are asked for.")
        except FileNotFoundError:
            continue  # pruned meanwhile
    return found


def leftovers(folder: Path) -> list[Path]:
    """Return half-written files of processes that are gone, and searches that were stopped a month ago."""
    places = [place for place in _entries(folder) if place.is_dir()]
    files = [path for place in places for path in _entries(place) if is_abandoned(path)]
    searches = [place for place in _entries(folder / SEARCHES) if place.is_dir() and _is_stopped(place)]
    return sorted([*files, *searches])


def _is_stopped(search: Path) -> bool:
    """Whether nothing was found by a search for long, and nobody is at it."""
    used_s = max((path.stat().st_mtime for path in (search, search / "parts") if path.exists()), default=0.0)
    return time.time() - used_s > STOPPED_S and not is_held(search.with_suffix(".lease"))


def clear(chosen: Iterable[Shelf], left: Iterable[Path] = ()) -> None:
    """Remove the shards of keys, and half-written files.

    Raises:
        ToolkitError: something cannot be removed.
    """
    try:
        for shelf in chosen:
            # The key goes last: what an interrupted removal leaves is a smaller store.
            for path in shelf.shards:
                path.unlink(missing_ok=True)
            shutil.rmtree(shelf.folder)
        for path in left:
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
    except OSError as fault:
        raise ToolkitError(
            f"Cannot remove {fault.filename} ({fault.strerror}); check the rights of the store."
        ) from None


def _entries(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder)]
    except FileNotFoundError:
        return []
    except OSError as fault:
        raise ToolkitError(f"The store {folder} cannot be read ({fault.strerror}); check the path.") from None
