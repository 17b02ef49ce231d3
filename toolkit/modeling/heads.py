"""What stands on the encoder: one small head per task kind."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from toolkit.errors import ToolkitError


@dataclass(frozen=True)
class HeadSpec:
    """What a head answers.

    Attributes:
        kind: `pair`, `choice`, `span` or `tags`.
        labels: the label names in order; empty for choice and span.
    """

    kind: str
    labels: tuple[str, ...] = ()


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
        return self.out(self.dropout(torch.tanh(self.dense(first))))


class TokenClassifier(nn.Module):
    """One linear layer on every token."""

    def __init__(self, hidden_size: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_size, n_out)

    def forward(self, states: Tensor) -> Tensor:
        """Map hidden states [B, T, H] to logits [B, T, C]."""
        return self.out(self.dropout(states))


def build_head(spec: HeadSpec, hidden_size: int, *, dropout: float) -> nn.Module:
    """Return a freshly initialised head (normal, std 0.02, from the current torch seed).

    Logits: pair [B, C]; choice [B * C, 1]; span [B, T, 2] (start, end); tags [B, T, C].
    """
    head: nn.Module
    if spec.kind == "pair":
        head = Classifier(hidden_size, len(spec.labels), dropout)
    elif spec.kind == "choice":
        head = Classifier(hidden_size, 1, dropout)
    elif spec.kind == "span":
        head = TokenClassifier(hidden_size, 2, 0.0)
    elif spec.kind == "tags":
        head = TokenClassifier(hidden_size, len(spec.labels), dropout)
    else:
        raise ToolkitError(f"A task of kind '{spec.kind}' has no head: it is scored by retrieval, without training.")
    for module in head.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    return head
