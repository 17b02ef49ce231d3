"""The composition language: one string that is a circuit, a plan and a name.

`nodes` holds the values, `parse` reads text into them, `rules` says what may nest in what, `parts` says which zoo
entries a circuit is made of.
"""

from __future__ import annotations

from toolkit.composition.nodes import (
    BACKBONE,
    BLOCKS,
    MERGES,
    RESERVED,
    Average,
    Chain,
    Composition,
    Fuse,
    Leaf,
    Merge,
    Mix,
    Name,
    Parallel,
    Seq,
    Unit,
)
from toolkit.composition.parse import MAX_LENGTH, CompositionError, parse
from toolkit.composition.parts import Part, entries, parts

__all__ = [
    "BACKBONE",
    "BLOCKS",
    "MAX_LENGTH",
    "MERGES",
    "RESERVED",
    "Average",
    "Chain",
    "Composition",
    "CompositionError",
    "Fuse",
    "Leaf",
    "Merge",
    "Mix",
    "Name",
    "Parallel",
    "Part",
    "Seq",
    "Unit",
    "entries",
    "parse",
    "parts",
]
