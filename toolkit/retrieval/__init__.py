"""Nearest neighbours between two sets of vectors, and the pairs mined from them: arrays in, arrays out."""

from __future__ import annotations

from toolkit.retrieval.exact import exact_search
from toolkit.retrieval.index import Index
from toolkit.retrieval.knn import Neighbours, both_ways
from toolkit.retrieval.margin import Pairs, candidates
from toolkit.retrieval.mine import Curve, Mined, Side, mine, quality, sweep

__all__ = [
    "Curve",
    "Index",
    "Mined",
    "Neighbours",
    "Pairs",
    "Side",
    "both_ways",
    "candidates",
    "exact_search",
    "mine",
    "quality",
    "sweep",
]
