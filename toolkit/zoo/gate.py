"""Gate of the zoo: the one list of checks that weights pass at every door, when they are stored and whenever they are read.

`train`, `fuse` and `import` come through `Zoo.put`; `eval`, `retrieve`, `export` and what is trained on top through
`Zoo.tensors`; `verify`, `push`, `pull` and `sync` through `verify.entry_faults`. All of them end here. The checks of a card
are in `fields` and `card`, those of its parents in `lineage`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from toolkit.errors import ZooError
from toolkit.tasks.kinds import KINDS
from toolkit.zoo.shapes import shape_fault, some
from toolkit.zoo.streamed import PIECE, Stored

if TYPE_CHECKING:
    import numpy as np

    from toolkit.zoo.card import AdapterCard

    Tensors = Mapping[str, np.ndarray] | Mapping[str, Stored]
    Check = Callable[[AdapterCard, str, Tensors], str]

DTYPE = "float32"  # of every weight that a zoo holds


def card_fault(card: AdapterCard) -> str:
    """Return what a card lacks that `train`, `eval` and `export` need of it, as a sentence; empty for a sound one.

    Example:
        >>> from toolkit.zoo import AdapterCard, Backbone
        >>> recipe = {"adapter": {"kind": "seq_bn", "non_linearity": "relu"}}
        >>> card_fault(AdapterCard("mnli", Backbone("tiny", "ab" * 32, 8, 2), "seq_bn", recipe=recipe))
        "The card of 'mnli' lacks the setting 'adapter.reduction_factor' in its recipe."
    """
    return next(filter(None, (check(card) for check in CARD_CHECKS)), "")


def weight_fault(card: AdapterCard, file: str, tensors: Tensors) -> str:
    """Return what is wrong with a file's tensors, as the end of a sentence about it; empty for a sound one.

    Args:
        card: of its entry.
        file: the file's name.
        tensors: what it holds, in memory or still in the file.
    """
    return next(filter(None, (check(card, file, tensors) for check in CHECKS)), "")


def _has_shape(card: AdapterCard) -> str:
    try:
        kind = card.shape["kind"]
    except ZooError as error:
        return str(error)
    if kind != card.kind:
        return f"The card of '{card.name}' is of the kind '{card.kind}', but of '{str(kind)[:20]}' in its recipe."
    return ""


def _has_known_heads(card: AdapterCard) -> str:
    for name, head in card.heads.items():
        if head.kind not in KINDS:
            return f"The head '{name}' of '{card.name}' is of the kind '{str(head.kind)[:20]}'; this release knows {', '.join(KINDS)}."
        try:
            card.pooling(name)
        except ZooError as error:
            return str(error)
    return ""


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


CARD_CHECKS: tuple[Callable[[AdapterCard], str], ...] = (_has_shape, _has_known_heads)
CHECKS: tuple[Check, ...] = (_is_in_shape, _is_float32, _is_finite)
