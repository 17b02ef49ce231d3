"""Neighbours that were found in a part of the other side, and their merging."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolkit.nameless import let_go
from toolkit.retrieval.held import nothing_near
from toolkit.retrieval.rescore import Neighbours


def shifted(found: Neighbours, first_row: int) -> Neighbours:
    """Return neighbours within a block as neighbours within the whole side, of which the block begins at `first_row`."""
    return Neighbours(found.scores, np.where(found.rows < 0, -1, found.rows + first_row))


def merged(found: Sequence[Neighbours], k: int) -> Neighbours:
    """Return the k nearest of each line among those that were found in several parts of the other side.

    Whatever the order and the grouping in which parts are merged, the result is the same to the bit: of equal scores the
    lower row comes first.

    Args:
        found: of the same lines, [n, any]; no row of a line twice.
        k: neighbours; fewer where the parts have fewer columns together.

    Example:
        >>> one, other = (Neighbours(np.full((1, 1), 0.5, "f4"), np.array([[row]])) for row in (7, 3))
        >>> merged([one, other], 2).rows.tolist(), merged([other, one], 1).rows.tolist()
        ([[3, 7]], [[3]])
    """
    scores = np.concatenate([each.scores for each in found], axis=1)
    rows = np.concatenate([each.rows for each in found], axis=1)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return Neighbours(np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1))


class Nearest:
    """The best neighbours of each line so far."""

    def __init__(self, n: int, k: int) -> None:
        self.found = nothing_near(n, k)

    def meet(self, lines: slice, best: Neighbours, first_row: int) -> None:
        """Merge the neighbours of some lines within a block whose first row is `first_row`."""
        held = Neighbours(self.found.scores[lines], self.found.rows[lines])
        self.put(lines, merged([held, shifted(best, first_row)], held.scores.shape[1]))

    def put(self, lines: slice, best: Neighbours) -> None:
        """Set the neighbours of some lines."""
        self.found.scores[lines], self.found.rows[lines] = best.scores, best.rows
        let_go(self.found.scores, self.found.rows)
