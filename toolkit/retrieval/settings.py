"""Settings of a search: which index, and what it may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Arithmetic = Literal["auto", "bf16", "fp32"]


@dataclass(frozen=True)
class SearchSettings:
    """How neighbours are searched. Of an exact search only the speed depends on these, not the result.

    Attributes:
        index: `auto`, `Flat` (exact), or FAISS's spelling of another; see `choose_index`. `both_ways` and `nearest` are
            always exact.
        memory: GiB for tiles and for the side that is held, or for a part of the index; 100 bytes a row and neighbour
            are needed on top.
        threads: of the CPU; None: as many as torch uses.
        device: `cpu`, `cuda`; None: a GPU if torch sees one.
        arithmetic: of the first products: `bf16`, `fp32`, or `auto`.
        tile: rows of either side per product, multiples of 32; None: as large as pays.
    """

    index: str = "auto"
    memory: float = 4.0
    threads: int | None = None
    device: str | None = None
    arithmetic: Arithmetic = "auto"
    tile: tuple[int, int] | None = None


DEFAULT = SearchSettings()
