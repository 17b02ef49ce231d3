"""Recomputation: a layer keeps its input for the backward pass, and computes the rest once more.

Some products are kept as well: the output of the attention and that of the feed-forward block, each one vector of width H
a token, which saves computing 5 H^2 of about 12 H^2 multiply-adds a token again; and what is as narrow as H / 8, as inside
an adapter. What the members of a fusion have side by side is wider, and its product is computed again. The gradients are the same to the bit, because the same operations run on the same numbers; dropout draws what it
drew.

Source: Chen et al. 2016, *Training Deep Nets with Sublinear Memory Cost* (arXiv 1604.06174).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from adapters.context import ForwardContext
from torch import Tensor
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from toolkit.modeling.override import overridden, override, restore


def install_recompute(encoder: Any) -> None:
    """Let every layer of an encoder compute its activations once more in the backward pass, instead of keeping them."""
    for layer in encoder.encoder.layer:
        override(layer, "forward", Recomputed(layer, overridden(layer, "forward")))


def remove_recompute(encoder: Any) -> None:
    """Let every layer keep its activations again."""
    for layer in encoder.encoder.layer:
        held = overridden(layer, "forward")
        if isinstance(held, Recomputed):
            restore(layer, "forward")
            if held.inner is not None:
                override(layer, "forward", held.inner)


@dataclass(frozen=True)
class _Kept:
    """Products of a layer that are kept.

    Attributes:
        weights: addresses of the weights that end the attention and the feed-forward block.
        n_tokens: of the batch.
        width: H; what an adapter has brought down to an eighth of it is kept as well.
    """

    weights: frozenset[int]
    n_tokens: int
    width: int

    def policy(self, _: Any, operation: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
        """Return whether the result of an operation is kept."""
        if operation not in _PRODUCTS:
            return CheckpointPolicy.PREFER_RECOMPUTE
        matrices = [one for one in args if isinstance(one, Tensor) and one.ndim == 2]
        is_wanted = any(one.data_ptr() in self.weights for one in matrices)
        if not is_wanted and operation in _PLAIN:
            x, weight = matrices[-2:]
            is_wanted = x.shape[0] == self.n_tokens and _NARROWEST <= weight.shape[1] <= self.width // 8
        return CheckpointPolicy.MUST_SAVE if is_wanted else CheckpointPolicy.PREFER_RECOMPUTE


_NARROWEST = 16  # columns; what is narrower is computed faster than it is looked up
_PLAIN = {torch.ops.aten.mm.default, torch.ops.aten.addmm.default}
_PRODUCTS = _PLAIN | ({torch.ops.mkldnn._linear_pointwise.default} if torch.backends.mkldnn.is_available() else set())


@dataclass(frozen=True)
class Recomputed:
    """Override of a layer's `forward`.

    Attributes:
        layer: the library's.
        inner: what overrode it before, or None.
    """

    layer: Any
    inner: Any

    def __call__(self, hidden: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Compute the layer, and once more in the backward pass."""
        layer = self.layer
        compute = partial(type(layer).forward, layer) if self.inner is None else self.inner.now()
        if not torch.is_grad_enabled():
            return compute(hidden, *args, **kwargs)
        ends = (layer.attention.output.dense.weight, layer.output.dense.weight)
        width = hidden.shape[-1]
        kept = _Kept(frozenset(one.data_ptr() for one in ends), hidden.numel() // width, width)
        contexts = partial(_contexts, kept, ForwardContext.get_context())
        return checkpoint(compute, hidden, *args, use_reentrant=False, context_fn=contexts, **kwargs)


def _contexts(kept: _Kept, library: Any) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Return the blocks of the first and of the second computation; the backward pass may run in another thread."""
    first, second = create_selective_checkpoint_contexts(kept.policy)
    return first, _again(second, library, _get_current_function_mode_stack())


@contextmanager
def _again(second: AbstractContextManager[Any], library: Any, modes: list[Any]) -> Iterator[None]:
    held = ForwardContext.get_contexts()
    before = list(held)
    held[:] = [library] if library is not None else []
    entered = [mode for mode in modes if mode not in _get_current_function_mode_stack()]
    try:
        for mode in entered:
            mode.__enter__()
        with second:
            yield
    finally:
        for mode in reversed(entered):
            mode.__exit__(None, None, None)
        held[:] = before
