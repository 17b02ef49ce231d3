"""Gate of the zoo: the one list of checks that weights pass at every door, when they are stored and whenever they are read.

`train`, `fuse` and `import` come through `Zoo.put`; `eval`, `retrieve`, `export` and what is trained on top through
`Zoo.tensors`; `verify`, `push`, `pull` and `sync` through `verify.entry_faults`. All of them end here. The checks of a card
are in `fields` and `card`, those of its parents in `lineage`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from toolkit.zoo.shapes import shape_fault, some
from toolkit.zoo.streamed import PIECE, Stored

if TYPE_CHECKING:
    import numpy as np

    from toolkit.zoo.card import AdapterCard

    Tensors = Mapping[str, np.ndarray] | Mapping[str, Stored]
    Check = Callable[[AdapterCard, str, Tensors], str]

DTYPE = "float32"  # of every weight that a zoo holds


def weight_fault(card: AdapterCard, file: str, tensors: Tensors) -> str:
    """Return what is wrong with a file's tensors, as the end of a sentence about it; empty for a sound one.

    Args:
        card: of its entry.
        file: the file's name.
        tensors: what it holds, in memory or still in the file.
    """
    return next(filter(None, (check(card, file, tensors) for check in CHECKS)), "")


def _is_float32(card: AdapterCard, file: str, tensors: Tensors) -> str:
    other = {str(array.dtype): name for name, array in tensors.items() if array.dtype.name != DTYPE}
    if not other:
        return ""
    kind, name = min(other.items())
    more = f" and {some(sorted(set(other) - {kind}))}".replace("'", "") if len(other) > 1 else ""
    return f"holds numbers of the type {kind}{more} ('{name[:80]}'), expected {DTYPE}"


def _is_finite(card: AdapterCard, file: str, tensors: Tensors) -> str:
    import numpy as np

    for name, array in tensors.items():
        if not all(np.isfinite(piece).all() for piece in _pieces(array)):
            return f"holds NaN or infinite numbers ('{name[:80]}')"
    return ""


def _pieces(array: np.ndarray | Stored) -> Iterator[np.ndarray]:
    """Yield the numbers of a tensor, some at a time."""
    if isinstance(array, Stored):
        yield from array.pieces()
        return
    flat = array.reshape(-1)
    for first in range(0, len(flat), PIECE):
        yield flat[first : first + PIECE]


def _is_in_shape(card: AdapterCard, file: str, tensors: Tensors) -> str:
    return shape_fault(card, file, {name: array.shape for name, array in tensors.items()})


CHECKS: tuple[Check, ...] = (_is_in_shape, _is_float32, _is_finite)
