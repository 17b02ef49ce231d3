"""Heads on the encoder: one small module per kind of task."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from toolkit.config.words import Pooling
from toolkit.errors import ToolkitError
from toolkit.modeling.masked import MaskedHead
from toolkit.modeling.pooling import pool
from toolkit.tasks.kinds import Kind

MOST_SCALE = 100.0


@dataclass(frozen=True)
class HeadSpec:
    """Specification of a head.

    Attributes:
        kind: `pair`, `choice`, `span`, `tags`, `retrieval` or `text`.
        labels: the label names in order; empty for choice, span, retrieval and text.
        pooling: retrieval: how a text's vector is made from its last hidden states (`pool`).
        temperature: retrieval: what cosines are divided by at first.
        dropout: inside the head while training; a head of spans or of texts has none.
        pieces: text: size V of the vocabulary; the backbone decides it.
    """

    kind: Kind
    labels: tuple[str, ...] = ()
    pooling: Pooling = "mean"
    temperature: float = 0.02
    dropout: float = 0.1
    pieces: int = field(default=0, compare=False)


class Classifier(nn.Module):
    """Two layers on the vector of `<s>`: dense, tanh, dropout, output (as in RoBERTa and in `adapters`)."""

    def __init__(self, hidden_size: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_size, n_out)

    def forward(self, states: Tensor) -> Tensor:
        """Map hidden states [B, T, H] to logits [B, C]."""
        first = self.dropout(states[:, 0])  # [B, H]
        logits: Tensor = self.out(self.dropout(torch.tanh(self.dense(first))))
        return logits


class TokenClassifier(nn.Module):
    """One linear layer on every token."""

    def __init__(self, hidden_size: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_size, n_out)

    def forward(self, states: Tensor) -> Tensor:
        """Map hidden states [B, T, H] to logits [B, T, C]."""
        logits: Tensor = self.out(self.dropout(states))
        return logits


class DualEncoder(nn.Module):
    """Pooling of texts into vectors, and a learnt scale of their cosines."""

    def __init__(self, pooling: Pooling, temperature: float) -> None:
        super().__init__()
        self.pooling = pooling
        self.log_scale = nn.Parameter(torch.tensor([-math.log(temperature)]))

    def forward(self, queries: Tensor, query_mask: Tensor, passages: Tensor, passage_mask: Tensor) -> Tensor:
        """Map hidden states of queries [B, Q, H] and of passages [B, T, H] to logits [B, B], a row a query.

        A scale beyond 100 would let one pair of a batch decide its gradient, so it stops there (as in CLIP and XTREME-R).
        """
        return self.compare(pool(queries, query_mask, self.pooling), pool(passages, passage_mask, self.pooling))

    def compare(self, queries: Tensor, passages: Tensor) -> Tensor:
        """Map vectors of queries and of passages, each [B, D], to logits [B, B]."""
        cosines = queries @ passages.T
        return cosines * self.log_scale.exp().clamp(max=MOST_SCALE)


@dataclass(frozen=True)
class HeadForm:
    """Head of one kind of task.

    Attributes:
        build: makes it, from its specification and the width H.
        has_labels: whether its answers have names.
        reads_first: whether it reads the first token's state alone.
    """

    build: Callable[[HeadSpec, int], nn.Module]
    has_labels: bool = False
    reads_first: bool = False


HEADS: Mapping[Kind, HeadForm] = {
    "pair": HeadForm(
        lambda spec, width: Classifier(width, len(spec.labels), spec.dropout), has_labels=True, reads_first=True
    ),
    "choice": HeadForm(lambda spec, width: Classifier(width, 1, spec.dropout), reads_first=True),
    "span": HeadForm(lambda spec, width: TokenClassifier(width, 2, 0.0)),
    "tags": HeadForm(lambda spec, width: TokenClassifier(width, len(spec.labels), spec.dropout), has_labels=True),
    "retrieval": HeadForm(lambda spec, width: DualEncoder(spec.pooling, spec.temperature)),
    "text": HeadForm(lambda spec, width: MaskedHead(width, spec.pieces)),
}
"""By kind of task; the others are scored by retrieval, without training."""


def build_head(spec: HeadSpec, hidden_size: int) -> nn.Module:
    """Return a freshly initialised head (normal, std 0.02, from the current torch seed).

    Logits: pair [B, C]; choice [B * C, 1]; span [B, T, 2] (start, end); tags [B, T, C]; retrieval
    [B, B], each query with each passage of the batch; text [M, 1 + 2 K], see `MaskedHead`.
    """
    form = HEADS.get(spec.kind)
    if form is None:
        raise ToolkitError(f"A task of kind '{spec.kind}' has no head: it is scored by retrieval, without training.")
    head = form.build(spec, hidden_size)
    for module in head.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    return head
