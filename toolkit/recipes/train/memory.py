"""Memory that a stage takes, predicted from the shape of its encoder and its circuit; nothing is loaded for it.

What a token keeps is in `kept`. Added to it are the weights, the optimizer's state, the best weights, the copy that a checkpoint is
written from, and the process itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from toolkit.recipes.train.kept import SHARES, Arithmetic, Encoder, Held, Step, kept, passing, shares_kept

MIB = 2**20
USED = 0.8  # of what is free on a CPU, by a batch that is cut to fit: the prediction may be wrong by a fifth
COPIED = 0.5  # of what is free: what the copy of a checkpoint may take, `SHARE` of toolkit.training.saver
_LIBRARIES, _PIECE = 410 * MIB, 1200  # bytes of Python and the libraries, and of a piece in the tokenizer: measured
_PRODUCTS = 48 * MIB  # bytes that products need by themselves, whatever their size: measured, on a CPU
_HEAP = 1.3  # on a CPU: what comes and goes leaves holes in the heap, by a third of it (glibc, measured)


@dataclass(frozen=True)
class Memory:
    """Bytes that a stage takes at its peak, on its device.

    Attributes:
        process: of Python, its libraries and the tokenizer, on a CPU.
        weights: of the encoder and what is wired into it.
        optimizer: state of the optimizer and, on a CPU, the best weights so far.
        passes: of a step's two passes, with its gradients.
        per_token: that a token of a batch adds at most.
        loading: that the weights take while the largest of them is in the file's format and in its own, on a CPU.
        checkpoint: of the copy that a checkpoint is written from while training continues, on a CPU.
    """

    process: int
    weights: int
    optimizer: int
    passes: int
    per_token: int
    loading: int = 0
    checkpoint: int = 0

    @property
    def peak(self) -> int:
        """Bytes altogether, where they are most."""
        return self.process + max(self.weights + self.optimizer + self.passes + self.checkpoint, self.loading)

    def within(self, free: int | None) -> Memory:
        """Return what is taken where so many bytes are free: a checkpoint that is too large is written without a copy."""
        alone = replace(self, checkpoint=0)
        return self if free is None or self.checkpoint <= COPIED * (free - alone.peak) else alone

    def to_dict(self) -> dict[str, int]:
        """Return bytes by name, the peak among them."""
        return {**asdict(self), "peak": self.peak}


def predict_training(encoder: Encoder, held: Held, how: Arithmetic, step: Step) -> Memory:
    """Return the memory of a stage that learns.

    Args:
        encoder, held, how: what learns, and how.
        step: what is in memory at a time.
    """
    n_layers, is_here = encoder.layers, how.place == "cpu"
    each, again = kept(encoder, held, how, step), passing(encoder, held, how, step)
    holes = _HEAP if is_here else 1.0
    found = holes * step.tokens
    shares = shares_kept(encoder, held, how, step)  # which are gone when the layers' backward pass begins
    passes = round(each * found + max(again * found, shares)) + _casts(encoder, held, how)
    if step.masked and how.is_full:  # a head of texts makes the gradient of the word embeddings before all others
        passes += 4 * encoder.vocabulary * encoder.width
    learnt = 4 * held.learnt
    weights = encoder.size * (4 if how.is_full else how.number) + 4 * n_layers * held.per_layer(encoder.width)
    return Memory(
        process=_process(encoder, how),
        weights=weights,
        # Of a GPU's, the best weights and checkpoints are in the machine's memory.
        optimizer=2 * learnt + (learnt if is_here else 0),
        passes=passes + learnt if step.is_cut else max(passes, learnt),  # what was kept goes while gradients come
        per_token=round((each + again) * holes),
        loading=_loading(encoder, how),
        checkpoint=3 * learnt if is_here else 0,
    )


def _casts(encoder: Encoder, held: Held, how: Arithmetic) -> int:
    """Return the bytes that the passes take whatever the tokens: above all weights that learn, in the products' format, multiplied out."""
    b, n_layers, found = how.number, encoder.layers, _PRODUCTS if how.place == "cpu" else 0
    if b < 4:
        found += 2 * n_layers * (encoder.per_layer if how.is_full else held.per_layer(encoder.width))
    for n_members in held.members:  # the weights that are multiplied out first, and the members side by side
        columns = n_members * (held.bottleneck + 1)
        found += b * encoder.width * columns * (2 * n_layers + (3 if how.recompute else 3 * n_layers))
        found += 8 * n_layers * encoder.width**2  # the penalty of the value matrices, and its gradient
    return found


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


def most_tokens(
    encoder: Encoder, held: Held, how: Arithmetic, step: Step, *, room: int, is_loaded: bool = False
) -> int:
    """Return how many tokens fit at a time into so many bytes, besides what is in memory whatever their number.

    Args:
        step: of any number of tokens.
        room: bytes; a checkpoint is written without a copy where they do not hold it.
        is_loaded: whether process and weights are in memory already and not part of `room`.
    """
    found = predict_training(encoder, held, how, replace(step, tokens=0))
    fixed = found.optimizer + _casts(encoder, held, how) + (4 * held.learnt if step.is_cut else 0)
    if step.masked and held.has_bias and not how.is_full:
        fixed += SHARES
    if not is_loaded:
        fixed += found.process + found.weights
    return max(0, (room - fixed) // found.per_token)
