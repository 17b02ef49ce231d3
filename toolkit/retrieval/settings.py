"""Settings of a search: which index, and what it may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from toolkit.progress import Report
from toolkit.retrieval.rescore import Neighbours
from toolkit.retrieval.side import Side

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
        workers: other processes that search block by block; None: this one does.
    """

    index: str = "auto"
    memory: float = 4.0
    threads: int | None = None
    device: str | None = None
    arithmetic: Arithmetic = "auto"
    tile: tuple[int, int] | None = None
    workers: Workers | None = None


class Workers(Protocol):
    """Other processes, which search distinct vectors block by block."""

    def exact(
        self, x: Side, y: Side, k: int, *, both: bool, settings: SearchSettings, report: Report
    ) -> tuple[Neighbours, Neighbours | None]:
        """Return the k nearest rows of `y` of each row of `x`, and of `x` of each of `y` where `both` is true."""
        ...

    def approximate(self, x: Side, y: Side, k: int, *, settings: SearchSettings, report: Report) -> Neighbours:
        """Return the rows of `y` that the index of the settings finds for each row of `x`."""
        ...


DEFAULT = SearchSettings()
