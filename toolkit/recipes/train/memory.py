"""Memory that a stage takes, predicted from the shape of its encoder and its circuit; nothing is loaded for it.

Per layer and token the backward pass needs, in numbers of the products' format unless said otherwise, with the width H, the
feed-forward width I, the widths r of the adapters (R together, of the A members of a fusion):

    frozen encoder      q, k, v and the attended values (4 H, on a processor in fp32), two norms (2 H), I before GELU
    each adapter        2 H + r for the first one, H + r for each below it
    each fusion         2 H + 4 (R + A); the adapter on top is one of those above
    encoder that learns 9 H + 2 I, and in bf16 and fp16 4 H more
    with recomputation  3 H: the layer's input and its two products that are kept; one layer at a time has all of the above

In bf16 on a processor layers in one piece (`backbone.kernels`) keep less than that: q, k, v, one norm's input and I.
The lowest layer's attention and feed-forward block need none of it where they are frozen. The figures were counted on the
tensors that torch keeps (torch 2.13, transformers 4.57, adapters 1.3), and `benchmarks/fit_memory.py` compares them with what
a process takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from toolkit.composition import Composition, Fuse, Part

Place = Literal["cpu", "cuda"]
MIB = 2**20
USED = 0.8  # of what is free on a CPU, by a batch that is cut to fit: the prediction may be wrong by a fifth
_LIBRARIES, _PIECE = 410 * MIB, 1200  # bytes of Python and the libraries, and of a piece in the tokenizer: measured
_HEAP = 1.3  # on a CPU: what comes and goes leaves holes in the heap, by a third of it (glibc, measured)


@dataclass(frozen=True)
class Encoder:
    """Shape of an encoder, as its `config.json` says it."""

    layers: int
    width: int
    inner: int
    vocabulary: int
    positions: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Encoder:
        """Return the shape that a `config.json` states.

        Raises:
            KeyError: it does not.
        """
        names = ("num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size", "max_position_embeddings")
        return cls(*(int(config[name]) for name in names))

    @property
    def per_layer(self) -> int:
        """Numbers of a layer's weights."""
        return 4 * self.width**2 + 2 * self.width * self.inner + 9 * self.width + self.inner

    @property
    def size(self) -> int:
        """Numbers of all weights."""
        return (self.vocabulary + self.positions + 3) * self.width + self.layers * self.per_layer


@dataclass(frozen=True)
class Arithmetic:
    """How a stage is computed.

    Attributes:
        number: bytes of a number in products and frozen weights: 4 in fp32, 2 in bf16 and fp16.
        place: where.
        is_full: whether the encoder itself learns.
        recompute: see `train.recompute`.
    """

    number: int
    place: Place = "cpu"
    is_full: bool = False
    recompute: bool = False


@dataclass(frozen=True)
class Held:
    """What a stage's circuit holds besides the encoder.

    Attributes:
        adapters: in the chain, members of fusions left out.
        members: of each fusion.
        bottleneck: width r of each adapter.
        learnt: numbers of the weights that learn.
    """

    adapters: int
    members: tuple[int, ...]
    bottleneck: int
    learnt: int

    @classmethod
    def of(
        cls, circuit: Composition, learn: Sequence[Part], encoder: Encoder, *, reduction_factor: int, is_full: bool
    ) -> Held:
        """Return what a circuit holds, of which the parts in `learn` learn."""
        r = max(1, encoder.width // reduction_factor)
        if is_full:
            return cls(0, (), r, encoder.size if learn else 0)
        blocks = [unit for unit in circuit.chain.units if isinstance(unit, Fuse)]
        members = tuple(len(block.members) for block in blocks)
        n_adapters = sum(part.kind == "adapter" for part in circuit.parts)
        own = {"adapter": adapter_size(encoder.width, r), "fusion": fusion_size(encoder.width), "head": 0}
        learnt = encoder.layers * sum(own[part.kind] for part in learn)
        return cls(max(0, n_adapters - sum(members)), members, r, learnt)

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


@dataclass(frozen=True)
class Memory:
    """Bytes that a stage takes at its peak, on its device.

    Attributes:
        process: of Python, its libraries and the tokenizer, on a CPU.
        weights: of the encoder and what is wired into it.
        optimizer: state of the optimizer and, on a CPU, the best weights so far.
        passes: of a step's two passes, and its gradients; of a checkpoint that is written, where that is more.
        per_token: that a token of a batch adds.
        loading: that the weights take while the largest of them is in the file's format and in its own, on a CPU.
    """

    process: int
    weights: int
    optimizer: int
    passes: int
    per_token: int
    loading: int = 0

    @property
    def peak(self) -> int:
        """Bytes altogether, where they are most."""
        return self.process + max(self.weights + self.optimizer + self.passes, self.loading)

    def to_dict(self) -> dict[str, int]:
        """Return bytes by name, the peak among them."""
        return {**asdict(self), "peak": self.peak}


def kept_per_layer(encoder: Encoder, held: Held, how: Arithmetic) -> tuple[float, float]:
    """Return the bytes of a token that a layer keeps for the backward pass, and those that the lowest layer does not."""
    h, inner, b = encoder.width, encoder.inner, how.number
    attended = 16 * h if how.place == "cpu" else 4 * b * h
    if how.is_full:
        return b * (9 * h + 2 * inner) + (8 * h if b < 4 else 0), 0.0
    own: float = attended + b * (2 * h + inner)
    lacks = own
    if held.adapters or held.members:
        own += b * (2 * h + held.bottleneck)
        own += max(0, held.adapters - 1) * b * (h + held.bottleneck)
    for n_members in held.members:
        own += b * (2 * h + 4 * n_members * (held.bottleneck + 1))
    return own, lacks


def predict_training(encoder: Encoder, held: Held, how: Arithmetic, *, tokens: int) -> Memory:
    """Return the memory of a stage that learns.

    Args:
        encoder, held, how: what learns, and how.
        tokens: that are in memory at a time, padding included.
    """
    b, h, n_layers = how.number, encoder.width, encoder.layers
    wide, lacks = kept_per_layer(encoder, held, how)
    # What one layer's backward pass makes and drops again: the gradients around its GELU, and those of its attention.
    passing = b * (2 * encoder.inner + 4 * h) + (wide if how.recompute else 0.0)
    kept = n_layers * 3 * b * h if how.recompute else n_layers * wide - lacks
    is_here = how.place == "cpu"
    per_token = round((kept + passing + 8 * h) * (_HEAP if is_here else 1.0))
    casts = 0
    if b < 4:
        casts = 2 * n_layers * (encoder.per_layer if how.is_full else held.per_layer(h))
    for n_members in held.members:  # the weights that are multiplied out first, and the members side by side
        columns = n_members * (held.bottleneck + 1)
        casts += b * h * columns * (2 * n_layers + (3 if how.recompute else 3 * n_layers))
    learnt = 4 * held.learnt
    weights = encoder.size * (4 if how.is_full else b) + 4 * n_layers * held.per_layer(h)
    # Of a GPU's, the best weights and checkpoints are in the machine's memory.
    return Memory(
        process=_process(encoder, how),
        weights=weights,
        optimizer=2 * learnt + (learnt if is_here else 0),
        passes=max(per_token * tokens + casts, learnt),  # then the gradients, or a copy of the weights for a checkpoint
        per_token=per_token,
        loading=_loading(encoder, how),
    )


def predict_scoring(encoder: Encoder, held: Held, how: Arithmetic, *, tokens: int) -> Memory:
    """Return the memory of passes without gradients through the same circuit, folded."""
    b, h = how.number, encoder.width
    per_token = round(b * (2 * encoder.inner + 6 * h) + (16 * h if how.place == "cpu" else 0) + 8 * h)
    folded = b * encoder.layers * sum(2 * h * n * (held.bottleneck + 1) for n in held.members)
    weights = encoder.size * b + 4 * encoder.layers * (0 if how.is_full else held.per_layer(h)) + folded
    return Memory(_process(encoder, how), weights, 0, per_token * tokens, per_token, _loading(encoder, how))


def _process(encoder: Encoder, how: Arithmetic) -> int:
    return _LIBRARIES + _PIECE * encoder.vocabulary if how.place == "cpu" else 0


def _loading(encoder: Encoder, how: Arithmetic) -> int:
    is_cast = how.place == "cpu" and how.number < 4
    return encoder.vocabulary * encoder.width * (4 + how.number) if is_cast else 0


def most_tokens(encoder: Encoder, held: Held, how: Arithmetic, *, room: int, is_loaded: bool = False) -> int:
    """Return how many tokens fit at a time into so many bytes, besides what is in memory whatever their number.

    Args:
        room: bytes.
        is_loaded: whether process and weights are in memory already and not part of `room`.
    """
    alone = predict_training(encoder, held, how, tokens=0)
    largest = predict_training(encoder, held, how, tokens=1_000_000)  # of which nothing but the passes is the peak
    fixed = largest.peak - 1_000_000 * alone.per_token
    if is_loaded:
        fixed -= largest.process + largest.weights
    return max(0, (room - fixed) // alone.per_token)
