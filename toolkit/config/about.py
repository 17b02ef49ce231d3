"""Description of a setting in `schema.py`, besides its type: its meaning, its range, and what it can change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Change = Literal["weights", "merges", "scores", "vectors", "similarity"]
"""What a setting can change: the weights that training leaves, those that merging computes, answers and their scores,
vectors in the store, measures of similarity and predicted transfer."""

Case = Literal[
    "passes",
    "adapter",
    "frozen",
    "fusion",
    "fused",
    "mixture",
    "augment",
    "dropped",
    "span",
    "tags",
    "retrieval",
    "text",
    "head",
    "search",
    "noise",
    "exchanged",
]
"""Cases in which a setting matters.

In training: `passes`, no number of steps is set; `adapter` or `fusion`, one of that kind learns; `frozen` or `fused`, the circuit holds an adapter, or a fusion;
`mixture`, there are several tasks; `augment`, training rows are noisy; `dropped`, a merge drops weights. `span`, `tags`,
`retrieval` and `text`: rows are of that kind. In scoring: `head` or `search` answers; `noise`, the rows scored are noisy; `exchanged`, a composition
follows the language of its rows.
"""


@dataclass(frozen=True)
class About:
    """What a type cannot say about a setting.

    Args:
        text: one line for the documentation.
        changes: every kind of result that it can change; keys of kept results read this (`keys.py`). Where things are
            stored changes nothing, and rows are known by their fingerprints, wherever they were read.
        only: it can do so in these cases alone; empty: always.
        low: smallest legal number, itself included; `high`: the largest.
        above: a bound that is itself not legal; `below`: likewise.
        also: what other libraries call it, so that a fault can name ours.
    """

    text: str
    changes: tuple[Change, ...]
    only: tuple[Case, ...] = ()
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    also: tuple[str, ...] = ()
