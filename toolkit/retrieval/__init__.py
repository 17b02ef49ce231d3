"""Nearest neighbours between two sets of vectors, and the pairs mined from them: arrays in, arrays out."""

from __future__ import annotations

from toolkit.retrieval.exact import exact_search
from toolkit.retrieval.gold import Curve, Gold, sweep
from toolkit.retrieval.index import Index
from toolkit.retrieval.knn import both_ways, nearest
from toolkit.retrieval.margin import Pairs, candidates
from toolkit.retrieval.mine import Lines, Mined, mine
from toolkit.retrieval.protocol import PROTOCOLS, Protocol, get_protocol
from toolkit.retrieval.rescore import Neighbours
from toolkit.retrieval.search import Searched, choose_index, search
from toolkit.retrieval.settings import SearchSettings

__all__ = [
    "PROTOCOLS",
    "Curve",
    "Gold",
    "Index",
    "Lines",
    "Mined",
    "Neighbours",
    "Pairs",
    "Protocol",
    "SearchSettings",
    "Searched",
    "both_ways",
    "candidates",
    "choose_index",
    "exact_search",
    "get_protocol",
    "mine",
    "nearest",
    "search",
    "sweep",
]
