"""Searches that several processes left in a store: neither vectors, nor leftovers before a month is over."""

from __future__ import annotations

import os
import time
from pathlib import Path

from toolkit.embeddings import clear, leftovers, shelves
from toolkit.embeddings.shelves import SEARCHES, STOPPED_S
from toolkit.leases import hold


def stopped(store: Path, name: str, days: float) -> Path:
    """Make a search that was stopped some days ago."""
    search = store / SEARCHES / name
    (search / "parts").mkdir(parents=True)
    (search / "parts" / "ahead-0-0-0").write_bytes(b"found")
    then = time.time() - days * 86400
    for path in (search / "parts", search):
        os.utime(path, (then, then))
    return search


def test_a_search_that_was_stopped_long_ago_is_a_leftover(tmp_path: Path) -> None:
    old, new = stopped(tmp_path, "a", STOPPED_S / 86400 + 1), stopped(tmp_path, "b", 1)
    held = stopped(tmp_path, "c", STOPPED_S / 86400 + 1)
    lease = hold(held.with_suffix(".lease"), wait_s=0.0)
    try:
        assert shelves(tmp_path) == []
        assert leftovers(tmp_path) == [old]
        clear([], leftovers(tmp_path))
    finally:
        lease.close()
    assert not old.exists()
    assert new.exists()
    assert held.exists()
