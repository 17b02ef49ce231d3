"""The composition language: one string describes a circuit, a plan and a name.

`nodes` holds the values inside a composition and `composition` the whole; `parse` reads text into them, `rules` says what may
nest in what, and `parts` finds the zoo entries that a circuit is made of.
"""

from __future__ import annotations

from toolkit.composition.composition import Composition
from toolkit.composition.nodes import (
    BACKBONE,
    BLOCKS,
    MERGES,
    RESERVED,
    ROWS,
    Average,
    Chain,
    Fuse,
    Leaf,
    Merge,
    MergeMethod,
    Mix,
    Name,
    Parallel,
    Seq,
    Unit,
)
from toolkit.composition.parse import MAX_LENGTH, CompositionError, parse
from toolkit.composition.parts import Part, PartKind

__all__ = [
    "BACKBONE",
    "BLOCKS",
    "MAX_LENGTH",
    "MERGES",
    "RESERVED",
    "ROWS",
    "Average",
    "Chain",
    "Composition",
    "CompositionError",
    "Fuse",
    "Leaf",
    "Merge",
    "MergeMethod",
    "Mix",
    "Name",
    "Parallel",
    "Part",
    "PartKind",
    "Seq",
    "Unit",
    "parse",
]
