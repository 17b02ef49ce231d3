"""Nearest neighbours between two sets of vectors: arrays in, arrays out."""

from __future__ import annotations

from toolkit.retrieval.exact import exact_search
from toolkit.retrieval.index import Index

__all__ = ["Index", "exact_search"]
