"""Outputs of a circuit's heads for whole feature sets: forward passes longest first, in token-budget batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from toolkit.features.collate import IGNORED, Features, sorted_batches, token_budget
from toolkit.features.ragged import Ragged
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.learn import choice_logits
from toolkit.modeling.passes import Passes, outputs
from toolkit.progress import Report, silent
from toolkit.tasks.kinds import MASKED, Kind

Outputs = np.ndarray | Ragged


def run_head(
    circuit: Circuit,
    features: Features,
    *,
    batch_size: int = 64,
    head: str | None = None,
    is_raw: bool = False,
    what: str = "predict",
    report: Report = silent,
) -> Outputs:
    """Return a head's output for every item.

    Args:
        batch_size: a batch holds up to this many times 128 tokens, padding included; on a processor 2,048 at most.
        head: which head; default: the active one.
        is_raw: of tags the logits of every token, float32 [T, C].

    Returns:
        pair, choice: logits, float32 [N, C] (choice: the lowest number where an item has fewer than C choices).
        span: Ragged float32 [T, 2], start and end logits of every token.
        tags: Ragged int64 [T], the best label of every token.
        text: Ragged float32 [T, 1 + 2 K], of every masked token its loss and guesses (`MaskedHead`), of others zeros.
    """
    asked = head or circuit.active_head or ""
    return run_heads(circuit, features, heads=[asked], batch_size=batch_size, is_raw=is_raw, what=what, report=report)[
        asked
    ]


def run_heads(
    circuit: Circuit,
    features: Features,
    *,
    heads: Sequence[str],
    batch_size: int = 64,
    is_raw: bool = False,
    what: str = "predict",
    report: Report = silent,
) -> dict[str, Outputs]:
    """Return the outputs of several heads as `run_head` does, from one pass over the items.

    Args:
        heads: names of `circuit.answers`, whose heads are all of the features' kind.
    """
    form = FORMS[features.kind]
    rows: dict[str, list[np.ndarray | None]] = {head: [None] * len(features) for head in heads}
    lengths = features.input_ids.lengths
    asked = Passes(_read, {"heads": tuple(heads), "kind": features.kind, "is_raw": is_raw}, what)
    batches = sorted_batches(features, budget=token_budget(batch_size, circuit.backbone.device.type))
    tags = features.tags if features.kind in MASKED else None
    read = replace(features, labels=None, tags=tags, extra={})  # all that a pass reads
    for items, found in outputs(asked, circuit, read, batches, report=report):
        for head, values in zip(heads, found, strict=True):
            for item, output in zip(items, values, strict=True):
                rows[head][item] = output[: lengths[item]] if form.is_per_token else output
    return {head: form.join([row for row in found if row is not None], features) for head, found in rows.items()}


def _read(
    circuit: Circuit, batch: dict[str, Tensor], *, heads: Sequence[str], kind: Kind, is_raw: bool = False
) -> list[np.ndarray]:
    """Return the outputs, or the logits, of each head for a batch, padding included."""
    read = RAW[kind] if is_raw else FORMS[kind].read
    return [read(logits, batch).cpu().numpy() for logits in circuit.answer(batch, heads)]


# -- forms ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """How the logits of a kind of task become outputs.

    Attributes:
        read: logits and their batch -> the output of each item of the batch.
        join: the outputs of all items -> one array.
        is_per_token: whether an item has an output for each of its tokens, padding left out.
    """

    read: Callable[[Tensor, Mapping[str, Tensor]], Tensor]
    join: Callable[[list[np.ndarray], Features], Outputs]
    is_per_token: bool = False


def _logits(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    return logits


def _best(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    return logits.argmax(-1)


def _of_choices(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    return choice_logits(logits, batch["is_choice"])


def _stacked(held: list[np.ndarray], features: Features) -> Outputs:
    return np.stack(held) if held else np.zeros((0, 0), np.float32)


def _padded(held: list[np.ndarray], features: Features) -> Outputs:
    width = max((len(row) for row in held), default=0)
    out = np.full((len(held), width), np.finfo(np.float32).min, np.float32)
    for i, row in enumerate(held):
        out[i, : len(row)] = row
    return out


def _ends(held: list[np.ndarray], features: Features) -> Outputs:
    return Ragged(np.concatenate(held) if held else np.zeros((0, 2)), features.input_ids.offsets)


def _tags(held: list[np.ndarray], features: Features) -> Outputs:
    return Ragged(np.concatenate(held) if held else np.zeros(0), features.input_ids.offsets)


def _of_masks(guesses: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    tags = batch["tags"]
    found = torch.zeros(*tags.shape, guesses.shape[1], device=guesses.device)  # [B, T, 1 + 2 K]
    found[tags != IGNORED] = guesses
    return found


def _masks(held: list[np.ndarray], features: Features) -> Outputs:
    return Ragged(np.concatenate(held) if held else np.zeros((0, 1)), features.input_ids.offsets)


FORMS: Mapping[Kind, Form] = {
    "pair": Form(_logits, _stacked),
    "choice": Form(_of_choices, _padded),
    "span": Form(_logits, _ends, is_per_token=True),
    "tags": Form(_best, _tags, is_per_token=True),
    "text": Form(_of_masks, _masks, is_per_token=True),
}
"""By kind of task; of the others vectors answer, not a head."""

RAW: Mapping[Kind, Callable[[Tensor, Mapping[str, Tensor]], Tensor]] = {
    "pair": _logits,
    "choice": _of_choices,
    "span": _logits,
    "tags": _logits,
    "text": _of_masks,
}
"""Logits by kind of task, from those of a batch."""


def best_of(kind: Kind, raw: Outputs) -> Outputs:
    """Return outputs as `run_head` gives them, from those that it gives with `is_raw`."""
    if FORMS[kind].read is not _best or not isinstance(raw, Ragged):
        return raw
    return Ragged(raw.values.argmax(-1), raw.offsets)
