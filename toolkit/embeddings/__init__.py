"""Vectors of texts, kept on disk: what was encoded once under the same key is never encoded again."""

from __future__ import annotations

from toolkit.embeddings.key import Key
from toolkit.embeddings.shelves import Shelf, clear, damages, leftovers, shelves
from toolkit.embeddings.store import SHARD, Store
from toolkit.embeddings.vectors import Vectors

__all__ = ["SHARD", "Key", "Shelf", "Store", "Vectors", "clear", "damages", "leftovers", "shelves"]
