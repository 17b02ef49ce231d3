"""Invertible layers of language adapters: after the embeddings, and inverted before the vocabulary.

Source: Pfeiffer et al. 2020, *MAD-X* (arXiv 2005.00052), with the coupling of Dinh et al. 2015, *NICE* (arXiv 1410.8516); the same
function as `NICECouplingBlock` of adapters 1.3.0 (tests/modeling/test_invertible.py). It is computed in fp32 whatever the
encoder's precision: in bf16 the inverse misses by 0.02 to 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.composition import Chain, Composition, Part
from toolkit.composition.nodes import Average, Fuse, Parallel
from toolkit.errors import ToolkitError
from toolkit.modeling.libraries import ACT2FN
from toolkit.modeling.override import override, restore

REDUCTION = 2  # of the widths inside, as in the paper and the library
INVERTIBLE = "invertible."  # begins the names of its weights in the zoo's files


class Coupling(nn.Module):
    """Both halves of a vector, each moved by a function of the other: y1 = x1 + F(x2), y2 = x2 + G(y1).

    Args:
        width: H; of an odd one the second half is longer.
        non_linearity: inside F and G.

    Example:
        >>> layer, x = Coupling(5, "relu"), torch.randn(2, 3, 5)
        >>> torch.allclose(layer(layer(x), is_inverse=True), x, atol=1e-5)
        True
    """

    def __init__(self, width: int, non_linearity: str) -> None:
        super().__init__()
        self.first = width // 2
        rest = width - self.first
        self.F = _between(rest, self.first, non_linearity)
        self.G = _between(self.first, rest, non_linearity)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor, is_inverse: bool = False) -> Tensor:
        """Map vectors [..., H] to vectors [..., H], or back; float32."""
        is_cast = torch.is_autocast_enabled(x.device.type)
        # A block of autocast would become a module of its own in a traced program (torch 2.13).
        with torch.autocast(x.device.type, enabled=False) if is_cast else nullcontext():
            one, two = x.float()[..., : self.first], x.float()[..., self.first :]
            if is_inverse:
                two = two - self.G(one)
                one = one - self.F(two)
            else:
                one = one + self.F(two)
                two = two + self.G(one)
            return torch.cat([one, two], dim=-1)


def _between(n_in: int, n_out: int, non_linearity: str) -> nn.Sequential:
    inside = max(n_in // REDUCTION, 1)
    return nn.Sequential(
        nn.Linear(n_in, inside), ACT2FN[_NAMES.get(non_linearity, non_linearity)], nn.Linear(inside, n_out)
    )


_NAMES = {"leakyrelu": "leaky_relu"}  # in transformers


def chain_names(composition: Composition) -> set[str]:
    """Return the names of the adapters that all of a composition's rows flow through: those outside of blocks."""
    found, below = set(), Chain(())
    for unit in composition.chain.units:
        if not isinstance(unit, Fuse | Average | Parallel):
            found.add(Composition(below / unit).slug)
        below = below / unit
    return found


def require_chain(part: Part, composition: Composition) -> None:
    """Raise where an adapter with an invertible layer is the member of a block, for which the embeddings would differ."""
    if part.name not in chain_names(composition):
        raise ToolkitError(
            f"'{part.entry}' has an invertible layer after the embeddings, which the members of a block share; in '{composition}' put "
            "it below the block instead, or train it with adapter.kind=seq_bn."
        )


def install_couplings(embeddings: nn.Module, couplings: Sequence[nn.Module]) -> None:
    """Let embeddings flow through couplings, in their order; none: as the encoder has them."""
    restore(embeddings, "forward")
    if couplings:
        override(embeddings, "forward", partial(_coupled, embeddings, tuple(couplings)))


def _coupled(embeddings: nn.Module, couplings: Sequence[nn.Module], *args: Any, **kwargs: Any) -> Tensor:
    states: Tensor = type(embeddings).forward(embeddings, *args, **kwargs)
    wide = states
    for coupling in couplings:
        wide = coupling(wide)
    return wide.to(states.dtype)


def inverted(couplings: Sequence[nn.Module], vectors: Tensor) -> Tensor:
    """Return vectors [..., H] as they were before the couplings, the last of them first."""
    for coupling in reversed(couplings):
        vectors = coupling(vectors, is_inverse=True)
    return vectors
