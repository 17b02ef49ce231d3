"""Verbs of the store of encoded texts and of the cache of tokenised rows: `store_list`, `cache_show` and others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ConfigError, ToolkitError
from toolkit.face.shared import Listing, listing
from toolkit.results.result import Record

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.embeddings.shelves import Shelf
    from toolkit.features.cache import Held

DAY_S = 86400


def store_list(config: Config, *, backbone: str | None = None) -> Listing:
    """Return what was encoded: composition, backbone, layer, pooling, shards, size, days since it was used.

    Args:
        config: names the store (`store.folder`).
        backbone: only vectors of this backbone.
    """
    from toolkit.embeddings import leftovers, shelves

    folder = _folder(config)
    unreadable: list[str] = []
    held = shelves(folder, backbone=backbone, unreadable=unreadable)
    cells = [
        (
            shelf.key.composition,
            f"{shelf.key.backbone_name} {shelf.key.backbone[:8]}",
            f"{shelf.key.layer} {shelf.key.pooling}",
            f"{shelf.key.max_length} {shelf.key.precision} {shelf.key.dtype}",
            str(len(shelf.shards)),
            f"{shelf.n_bytes / 1e6:.1f} MB",
            f"{(time.time() - shelf.used_s) / DAY_S:.1f}",
            shelf.folder.name[:12],
        )
        for shelf in held
    ]
    total = f"{sum(shelf.n_bytes for shelf in held) / 1e6:.1f} MB in {folder}."
    nothing = f"The store {folder} holds nothing" + (f" of {backbone}." if backbone else ".")
    notes = [f"Not a store's: {sentence}" for sentence in unreadable]
    if left := leftovers(folder):
        notes.append(
            f"{len(left)} half-written files of runs that were killed; `xstilts store prune --yes` removes them."
        )
    headers = ("composition", "backbone", "layer", "encoded", "shards", "size", "days", "key")
    return listing([_record(shelf) for shelf in held], headers, cells, lines=[total if held else nothing], notes=notes)


def store_verify(config: Config, *, backbone: str | None = None) -> Listing:
    """Compare every shard with its SHA-256; arguments as for `store_list`.

    Raises:
        ToolkitError: a shard is damaged.
    """
    from toolkit.embeddings import damages, shelves

    held = shelves(_folder(config), backbone=backbone)
    faults = [fault for shelf in held for fault in damages(shelf)]
    if faults:
        raise ToolkitError("\n".join(faults))
    shards, n_bytes = sum(len(shelf.shards) for shelf in held), sum(shelf.n_bytes for shelf in held)
    line = f"{shards} shards of {len(held)} keys, {n_bytes / 1e6:.1f} MB: all as they were written."
    return listing([_record(shelf) for shelf in held], lines=[line])


def store_prune(
    config: Config,
    *,
    older_than: float | None = None,
    all: bool = False,
    backbone: str | None = None,
    remove: bool = False,
) -> Listing:
    """Find what is chosen of the store, and what killed runs left.

    Args:
        config: names the store.
        older_than: only what was not used for so many days.
        all: everything.
        backbone: only vectors of this backbone.
        remove: remove what is found.
    """
    from toolkit.embeddings import clear, leftovers, shelves

    folder = _folder(config)
    chosen = []
    if all or older_than is not None or backbone is not None:
        latest = time.time() - (older_than or 0.0) * DAY_S
        held = shelves(folder, backbone=backbone, unreadable=[])
        chosen = [shelf for shelf in held if all or shelf.used_s <= latest]
    left = leftovers(folder)
    lines = [
        f"{shelf.key.composition}  {shelf.key.backbone_name}  layer {shelf.key.layer} {shelf.key.pooling}  "
        f"{shelf.n_bytes / 1e6:.1f} MB  {shelf.folder.name[:12]}"
        for shelf in chosen
    ]
    lines += [f"{path}  left by a run that was killed" for path in left]
    if not lines:
        note = "Nothing to remove; choose with --older-than DAYS, --backbone NAME or --all."
    elif remove:
        clear(chosen, left)
        note = f"Removed the vectors of {len(chosen)} keys and {len(left)} leftovers."
    else:
        note = "Nothing was removed; --yes removes these."
    return listing([_record(shelf) for shelf in chosen], lines=lines, notes=[note])


def _folder(config: Config) -> Path:
    if config.store.folder is None:
        raise ConfigError("store.folder is null, so there is no store; name one with --store.")
    return config.store.folder


def _record(shelf: Shelf) -> Record:
    key = shelf.key
    return {
        "composition": key.composition,
        "backbone": key.backbone_name,
        "layer": key.layer,
        "pooling": key.pooling,
        "max_length": key.max_length,
        "precision": key.precision,
        "dtype": key.dtype,
        "shards": len(shelf.shards),
        "bytes": shelf.n_bytes,
        "used_s": shelf.used_s,
        "key": shelf.folder.name,
    }


def cache_show() -> Listing:
    """Return where the tokenised rows are kept and how many there are."""
    from toolkit.features.cache import held

    found = held()
    size = f"{found.size / 2**20:,.1f} MiB"
    return listing([_cache(found)], lines=[f"{found.folder}: tokenised rows in {found.files} files, {size}."])


def cache_clear() -> Listing:
    """Remove all tokenised rows; the next training or evaluation makes what it needs again."""
    from toolkit.features.cache import clear

    was = clear()
    size = f"{was.size / 2**20:,.1f} MiB"
    return listing([_cache(was)], lines=[f"{was.files} files removed from {was.folder}, {size}."])


def _cache(held: Held) -> Record:
    return {"folder": str(held.folder), "files": held.files, "bytes": held.size}
