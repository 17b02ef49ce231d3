"""Bytes that a token keeps for the backward pass, from the shapes of an encoder and of a circuit; nothing is loaded for it.

Per layer and token these are kept, in numbers of the products' format unless said otherwise, with the width H, the feed-forward
width I, N heads, the widths r of the adapters (R together, of the A members of a fusion), and T tokens in a sequence:

    frozen encoder      q, k, v and the attended values (4 H, on a processor in fp32), two norms (2 H), I before GELU
    in one piece        a norm's input (H), I before GELU, and what attention keeps (`backbone.kernels`):
      fused             q, k, v (3 H), and the attended values (H) in its format with a number for each head in fp32
      products          q, k, v (3 H) in its format, and its N T probabilities, unless T is above four times a head's width
    each adapter        2 H + r for the first one (in one piece 3 H + r), H + r for each below it
    each fusion         2 H + 4 (R + A); the adapter on top is one of those above
    encoder that learns 9 H + 2 I, and in bf16 and fp16 4 H more
    with recomputation  3 H: the layer's input and its two products that are kept; one layer at a time has all of the above

The lowest layer's attention and feed-forward block need none of it where they are frozen and nothing learns below them. In one
piece, the last layer keeps k and v alone where the head reads the first token. A head of texts keeps some vectors in fp32 of each
masked piece, and where its bias learns the shares of the whole vocabulary, as long as they are few (`SHARES`).

The figures were counted on the tensors that torch keeps (torch 2.13, transformers 4.57, adapters 1.3; a test counts them again),
and `benchmarks/predict_memory.py` compares what follows from them with what processes take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.composition import Composition, Fuse, Part
from toolkit.config import AdapterConfig
from toolkit.config.words import UsedKernel

Place = Literal["cpu", "cuda"]
SHARES = 2**29  # bytes of the vocabulary's shares that a head of texts keeps at most: `HELD` of toolkit.modeling.masked
_LONG = 4  # tokens a row, in widths of a head, up to which products keep probabilities
_MASKED_VECTORS = 5  # of width H in fp32, that a masked piece keeps in the head


@dataclass(frozen=True)
class Encoder:
    """Shape of an encoder, as its `config.json` says it."""

    layers: int
    width: int
    inner: int
    vocabulary: int
    positions: int
    heads: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Encoder:
        """Return the shape that a `config.json` states.

        Raises:
            KeyError: it does not.
        """
        names = (
            "num_hidden_layers",
            "hidden_size",
            "intermediate_size",
            "vocab_size",
            "max_position_embeddings",
            "num_attention_heads",
        )
        return cls(*(int(config[name]) for name in names))

    @property
    def per_layer(self) -> int:
        """Numbers of a layer's weights."""
        return 4 * self.width**2 + 2 * self.width * self.inner + 9 * self.width + self.inner

    @property
    def size(self) -> int:
        """Numbers of all weights."""
        return (self.vocabulary + self.positions + 3) * self.width + self.layers * self.per_layer

    @property
    def masked_head(self) -> int:
        """Numbers of the weights of a head of texts, without the word embeddings."""
        return self.width**2 + 3 * self.width + self.vocabulary


@dataclass(frozen=True)
class Arithmetic:
    """How a stage is computed.

    Attributes:
        number: bytes of a number in products and frozen weights: 4 in fp32, 2 in bf16 and fp16.
        place: where.
        is_full: whether the encoder itself learns.
        recompute: see `train.recompute`.
        kernel: of frozen layers, see `backbone.kernels`.
    """

    number: int
    place: Place = "cpu"
    is_full: bool = False
    recompute: bool = False
    kernel: UsedKernel = "plain"

    @property
    def is_in_one_piece(self) -> bool:
        """Whether a frozen layer is one piece of code."""
        return self.kernel != "plain" and not self.is_full


@dataclass(frozen=True)
class Step:
    """What a step of training has in memory at a time.

    Attributes:
        tokens: padding included.
        length: tokens of a sequence.
        reads_first: whether the heads read the first token's state alone.
        masked: share of the tokens that a head of texts answers; 0: there is no such head.
        is_cut: whether its batch is taken in several parts, so that there are gradients while a part is computed.
    """

    tokens: int
    length: int = 512
    reads_first: bool = False
    masked: float = 0.0
    is_cut: bool = False


@dataclass(frozen=True)
class Held:
    """What a stage's circuit holds besides the encoder.

    Attributes:
        adapters: in the chain, members of fusions left out.
        members: of each fusion.
        bottleneck: width r of each adapter.
        learnt: numbers of the weights that learn.
        has_bias: whether the bias of a head of texts learns.
        is_inverted: whether an invertible layer after the embeddings learns.
    """

    adapters: int
    members: tuple[int, ...]
    bottleneck: int
    learnt: int
    has_bias: bool = False
    is_inverted: bool = False

    @classmethod
    def of(
        cls,
        circuit: Composition,
        learn: Sequence[Part],
        encoder: Encoder,
        adapter: AdapterConfig,
        *,
        learns_masked: bool = False,
    ) -> Held:
        """Return what a circuit holds, of which the parts in `learn` learn.

        Args:
            adapter: shape of the adapters.
            learns_masked: whether a head of texts learns, because the checkpoint publishes none.
        """
        r = max(1, encoder.width // adapter.reduction_factor)
        head = encoder.masked_head if learns_masked else 0
        if adapter.kind == "full":
            return cls(0, (), r, encoder.size + head if learn else 0, learns_masked)
        blocks = [unit for unit in circuit.chain.units if isinstance(unit, Fuse)]
        members = tuple(len(block.members) for block in blocks)
        n_adapters = sum(part.kind == "adapter" for part in circuit.parts)
        own = {"adapter": adapter_size(encoder.width, r), "fusion": fusion_size(encoder.width), "head": 0}
        learnt = encoder.layers * sum(own[part.kind] for part in learn) + head
        is_inverted = adapter.kind == "seq_bn_inv" and any(part.kind == "adapter" for part in learn)
        return cls(max(0, n_adapters - sum(members)), members, r, learnt, learns_masked, is_inverted)

    def per_layer(self, width: int) -> int:
        """Numbers of the weights in a layer."""
        n_adapters = self.adapters + sum(self.members)
        return n_adapters * adapter_size(width, self.bottleneck) + len(self.members) * fusion_size(width)


def adapter_size(width: int, bottleneck: int) -> int:
    """Return the numbers of an adapter's weights in a layer."""
    return 2 * width * bottleneck + width + bottleneck


def fusion_size(width: int) -> int:
    """Return the numbers of a fusion's weights in a layer."""
    return 3 * width**2 + 2 * width


def kept_per_layer(encoder: Encoder, held: Held, how: Arithmetic, length: int) -> tuple[float, float]:
    """Return the bytes of a token, in a sequence of some length, that a layer keeps for the backward pass, and those that the lowest
    layer does not."""
    h, inner, b = encoder.width, encoder.inner, how.number
    if how.is_full:
        return b * (9 * h + 2 * inner) + (8 * h if b < 4 else 0), 0.0
    own: float
    if how.is_in_one_piece:
        own = _attention(encoder, how, length) + b * (h + inner) + 8
        lacks = own + b * h
        own += b * h if held.adapters or held.members else 0
    else:
        own = (16 * h if how.place == "cpu" else 4 * b * h) + b * (2 * h + inner)
        lacks = own
    if held.adapters or held.members:
        own += b * (2 * h + held.bottleneck)
        own += max(0, held.adapters - 1) * b * (h + held.bottleneck)
    own += sum(_fused(encoder, held, how, n_members) for n_members in held.members)
    return own, 0.0 if held.is_inverted else lacks


def _fused(encoder: Encoder, held: Held, how: Arithmetic, n_members: int) -> float:
    """Return the bytes of a token that a fusion keeps."""
    return how.number * (2 * encoder.width + 4 * n_members * (held.bottleneck + 1))


def _attention(encoder: Encoder, how: Arithmetic, length: int) -> float:
    """Return the bytes of a token that attention keeps in one piece."""
    h, b, number = encoder.width, how.number, 4 if how.kernel.endswith("fp32") else 2
    if how.kernel.startswith("fused"):
        return 3 * b * h + number * h + 4 * encoder.heads
    is_kept = length <= _LONG * h // encoder.heads
    return 3 * number * h + (number * encoder.heads * length if is_kept else 0)


def kept(encoder: Encoder, held: Held, how: Arithmetic, step: Step) -> float:
    """Return the bytes of a token that all layers and a head of texts keep between the two passes."""
    h, b = encoder.width, how.number
    own, lacks = kept_per_layer(encoder, held, how, step.length)
    found = encoder.layers * 3.0 * b * h if how.recompute else encoder.layers * own - lacks
    if step.reads_first and how.is_in_one_piece:
        found -= (3 * b * h if how.recompute else own) - 2 * b * h
    if held.is_inverted:
        found += 4 * 3 * h  # in fp32, two halves and what is between them
    return found + step.masked * _MASKED_VECTORS * 4 * h


def shares_kept(encoder: Encoder, held: Held, how: Arithmetic, step: Step) -> int:
    """Return the bytes that a head of texts keeps of the vocabulary's shares, for the gradient of its bias."""
    size = round(step.masked * step.tokens) * encoder.vocabulary * (4 if how.is_full else how.number)
    return size if held.has_bias and not how.is_full and size <= SHARES else 0


def passing(encoder: Encoder, held: Held, how: Arithmetic, step: Step) -> float:
    """Return the bytes of a token that are made and dropped again while one layer's backward pass runs."""
    h, inner, b = encoder.width, encoder.inner, how.number
    # Recomputed, a layer has all that it keeps, and on a CPU what the one before had is left as holes in the heap.
    times = 0 if not how.recompute else 2 if how.place == "cpu" else 1
    found = times * kept_per_layer(encoder, held, how, step.length)[0]
    if not how.is_in_one_piece:
        found += b * (2 * inner + 4 * h)  # the gradients around its GELU, and those of its attention
    else:
        found += b * (inner + 4 * h) + 3 * h * (4 if how.kernel.endswith("fp32") else 2)
    found += sum(_fused(encoder, held, how, n_members) for n_members in held.members)
    # The states that a head reads are in fp32, and so is their gradient.
    return found if step.reads_first and how.is_in_one_piece else found + 8 * h
