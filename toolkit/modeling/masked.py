"""Masked language modelling: the head of XLM-R, and its loss over a vocabulary of 250,002 pieces without their logits.

The last layer of the head is the matrix of word embeddings, which is frozen. Only pieces that were masked come here; the vocabulary is
taken some thousand pieces at a time, and while it is, the gradient of the loss by the vector is summed up: logits [M, V] are
never held, and the matrix gets no gradient unless it learns.

Source: Milakov and Gimelshein 2018, *Online normalizer calculation for softmax* (arXiv 1805.02867);
`XLMRobertaLMHead` of transformers 4.57.6, with which tests/modeling/test_masked.py and benchmarks/text.py compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.features.collate import IGNORED
from toolkit.modeling.products import linear

Invert = Callable[[Tensor], Tensor]
_Seen = list[tuple[Tensor, Tensor]]
"""Of each chunk of the vocabulary, the logit [M] from which its shares are measured, and the shares [M, chunk], as precise as the words."""

UNSEEN = 0.05  # of the probability, shared by all pieces before anything is learnt
GUESSES = 5  # pieces that are named for each mask
CHUNK = 2048  # pieces of the vocabulary at a time: what is made of them stays in a processor's cache
HELD = 2**29  # bytes of shares that are held for the gradient of the bias; more of them are computed again


class MaskedHead(nn.Module):
    """Dense layer, GELU, layer norm, and one logit for each piece: the word embeddings, which are not part of it, and a bias.

    Args:
        hidden_size: width H.
        n_pieces: size V of the vocabulary.

    Attributes:
        is_published: whether the weights are the checkpoint's own, which never learn.
    """

    def __init__(self, hidden_size: int, n_pieces: int) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.layer_norm = nn.LayerNorm(hidden_size)
        self.bias = nn.Parameter(torch.zeros(n_pieces))
        self.is_published = False

    def forward(self, states: Tensor, targets: Tensor, words: Tensor, invert: Invert, top: int = 0) -> Tensor:
        """Return the loss of each masked piece, and its best guesses.

        Args:
            states: last hidden states of the masked tokens, float32 [M, H].
            targets: what they were, int64 [M].
            words: word embeddings [V, H].
            invert: of invertible adapters, before the vocabulary.
            top: how many guesses.

        Returns:
            float32 [M, 1 + 2 * top]: the cross-entropy, then the numbers of the guesses, best first, then their log
            probabilities.
        """
        vectors = invert(self.layer_norm(F.gelu(self.dense(states))))
        losses, guesses = masked_losses(vectors, words, self.bias, targets, top)
        return torch.cat([losses[:, None], guesses], dim=1)


def answer_of(head: nn.Module, states: Tensor, batch: Mapping[str, Tensor], words: Tensor, invert: Invert) -> Tensor:
    """Return what a head makes of hidden states [B, T, H]; a masked language head sees the tokens alone that have a target."""
    if not isinstance(head, MaskedHead):
        found: Tensor = head(states)
        return found
    is_masked = batch["tags"] != IGNORED
    return head(states[is_masked], batch["tags"][is_masked], words, invert, 0 if head.training else GUESSES)  # type: ignore[no-any-return]


def publish(head: nn.Module, weights: Callable[[], Mapping[str, Tensor] | None], eps: float) -> None:
    """Give a masked language head the encoder's epsilon, and a checkpoint's own weights, where it publishes some: they stay."""
    if not isinstance(head, MaskedHead):
        return
    head.layer_norm.eps = eps
    if (found := weights()) is not None:
        head.load_state_dict(dict(found))
        head.is_published = True


def begin_with_frequencies(head: nn.Module, counts: Tensor) -> None:
    """Let a head that learns from nothing guess each piece as often as it occurs, whatever the text around it.

    Without this a short training learns little else. A twentieth of the probability is shared by all pieces, so that those that
    do not occur have some. A checkpoint's own head, and a head of another kind, stay as they are.

    Args:
        counts: how often each piece occurs in what will be learnt, [V]; special pieces 0.
    """
    if not isinstance(head, MaskedHead) or head.is_published:
        return
    shares = (1 - UNSEEN) * counts.double() / counts.sum().clamp(min=1) + UNSEEN / len(counts)
    with torch.no_grad():
        head.bias.copy_(shares.log())


def is_published(head: nn.Module) -> bool:
    """Return whether a head is a checkpoint's own, which does not learn."""
    return isinstance(head, MaskedHead) and head.is_published


def masked_losses(vectors: Tensor, words: Tensor, bias: Tensor, targets: Tensor, top: int = 0) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy of softmax(vectors words^T + bias) at the targets, [M], and the best guesses, [M, 2 * top]."""
    apply: Callable[..., tuple[Tensor, Tensor]] = _Losses.apply
    return apply(vectors, words, bias, targets, top)


class _Losses(torch.autograd.Function):
    """The losses of M masked pieces, and in one pass over the vocabulary the gradient by their vectors."""

    @staticmethod
    def forward(
        ctx: Any, vectors: Tensor, words: Tensor, bias: Tensor, targets: Tensor, top: int
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(vectors.device.type, enabled=False):
            wants_vectors = ctx.needs_input_grad[0]
            is_held = len(vectors) * len(words) * words.element_size() <= HELD
            seen: _Seen | None = [] if ctx.needs_input_grad[1:3] == (False, True) and is_held else None
            highest, total, mean, guesses = _pass(vectors, words, bias, wants_mean=wants_vectors, top=top, seen=seen)
            norm = highest + total.log()  # [M]
            own = words[targets].float()  # [M, H]
            losses = norm - (vectors * own).sum(1) - bias[targets]
            by_vector = mean / total[:, None] - own if wants_vectors else None
        ctx.save_for_backward(by_vector, norm, vectors, words, bias, targets)
        ctx.seen = seen
        if top:
            guesses[:, top:] -= norm[:, None]
        ctx.mark_non_differentiable(guesses)
        return losses, guesses

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        by_vector, norm, vectors, words, bias, targets = ctx.saved_tensors
        wants_vectors, wants_words, wants_bias = ctx.needs_input_grad[:3]
        by_words = torch.zeros_like(words) if wants_words else None
        by_bias = torch.zeros_like(bias) if wants_bias else None
        with torch.autocast(vectors.device.type, enabled=False):
            if by_bias is not None and ctx.seen is not None:
                for number, (raised, shares) in enumerate(ctx.seen):
                    scale = gradient * (raised - norm).exp_()  # [M]
                    by_bias[number * CHUNK : number * CHUNK + shares.shape[1]] = scale @ shares.float()
            elif wants_words or wants_bias:
                for low, logits in _logits(vectors, words, bias):
                    shares = (logits - norm[:, None]).exp_().mul_(gradient[:, None])  # [M, chunk]
                    if by_bias is not None:
                        by_bias[low : low + shares.shape[1]] = shares.sum(0)
                    if by_words is not None:
                        by_words[low : low + shares.shape[1]] = (shares.t() @ vectors).to(words.dtype)
            if by_bias is not None:
                by_bias.index_add_(0, targets, gradient, alpha=-1)
            if by_words is not None:
                by_words.index_add_(0, targets, (gradient[:, None] * vectors).to(words.dtype), alpha=-1)
        return by_vector * gradient[:, None] if wants_vectors else None, by_words, by_bias, None, None


def _logits(vectors: Tensor, words: Tensor, bias: Tensor) -> Any:
    """Yield the logits of some pieces of the vocabulary, float32 [M, chunk], and the number of the first."""
    held = vectors.to(words.dtype)
    for low in range(0, len(words), CHUNK):
        part = words[low : low + CHUNK]
        yield low, linear(held, part).float().add_(bias[low : low + CHUNK])


def _pass(
    vectors: Tensor,
    words: Tensor,
    bias: Tensor,
    *,
    wants_mean: bool,
    top: int,
    seen: _Seen | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Go once over the vocabulary.

    Args:
        seen: gets the shares of each chunk; None: they are not kept.

    Returns:
        The highest logit [M]; the sum of exp(logit - highest) [M]; the sum of these times the word's vector [M, H], if it
        is wanted; and the numbers and logits of the highest pieces [M, 2 * top].
    """
    count = len(vectors)
    highest = vectors.new_full((count,), float("-inf"))
    total = vectors.new_zeros(count)
    mean = vectors.new_zeros(count, words.shape[1])
    best = vectors.new_full((count, top), float("-inf"))
    numbers = torch.zeros(count, top, dtype=torch.int64, device=vectors.device)
    for low, logits in _logits(vectors, words, bias):
        if top:
            values, places = logits.topk(min(top, logits.shape[1]), dim=1)
            best, order = torch.cat([best, values], 1).topk(top, dim=1)
            numbers = torch.cat([numbers, places + low], 1).gather(1, order)
        raised = torch.maximum(highest, logits.amax(1))
        scale = (highest - raised).exp_()
        shares = logits.sub_(raised[:, None]).exp_()  # [M, chunk]
        total.mul_(scale).add_(shares.sum(1))
        shares = shares.to(words.dtype)
        if seen is not None:
            seen.append((raised, shares))
        if wants_mean:
            part = words[low : low + CHUNK]
            mean.mul_(scale[:, None]).add_(linear(shares, part.t()).float())
        highest = raised
    return highest, total, mean, torch.cat([numbers.to(vectors.dtype), best], dim=1)
