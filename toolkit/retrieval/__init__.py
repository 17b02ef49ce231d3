"""Nearest neighbours between two sets of vectors, and the pairs mined from them: arrays in, arrays out."""

from __future__ import annotations

from toolkit.retrieval.exact import exact_search
from toolkit.retrieval.index import Index
from toolkit.retrieval.knn import Neighbours, both_ways
from toolkit.retrieval.margin import Pairs, candidates
from toolkit.retrieval.mine import Curve, Mined, Side, mine, quality, sweep
from toolkit.retrieval.protocol import PROTOCOLS, Protocol, get_protocol

__all__ = [
    "PROTOCOLS",
    "Curve",
    "Index",
    "Mined",
    "Neighbours",
    "Pairs",
    "Protocol",
    "Side",
    "both_ways",
    "candidates",
    "exact_search",
    "get_protocol",
    "mine",
    "quality",
    "sweep",
]
