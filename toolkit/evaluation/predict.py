"""Forward passes over whole feature sets, longest first, in token-budget batches."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from toolkit.features.collate import Features, sorted_batches, token_budget
from toolkit.features.ragged import Ragged
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.learn import choice_logits
from toolkit.progress import Progress, Report, silent

Answers = np.ndarray | Ragged


def predict(
    circuit: Circuit,
    features: Features,
    *,
    batch_size: int = 64,
    head: str | None = None,
    what: str = "predict",
    report: Report = silent,
) -> Answers:
    """Return the head's answer for every item.

    Args:
        batch_size: a batch holds up to this many times 128 tokens, padding included; on a processor 2,048 at most.
        head: which head answers; default: the active one.

    Returns:
        pair, choice: logits, float32 [N, C] (choice: the lowest number where an item has fewer than C choices).
        span: Ragged float32 [T, 2], start and end logits of every token.
        tags: Ragged int64 [T], the best label of every token.
    """
    asked = head or circuit.active_head or ""
    return predict_each(circuit, features, heads=[asked], batch_size=batch_size, what=what, report=report)[asked]


def predict_each(
    circuit: Circuit,
    features: Features,
    *,
    heads: Sequence[str],
    batch_size: int = 64,
    what: str = "predict",
    report: Report = silent,
) -> dict[str, Answers]:
    """Return every head's answers as `predict` does, from one pass over the items.

    Args:
        heads: names of `circuit.answers`, whose heads are all of the features' kind.
    """
    circuit.eval()
    device = circuit.backbone.device
    kind = features.kind
    rows: dict[str, list[np.ndarray | None]] = {head: [None] * len(features) for head in heads}
    lengths = features.input_ids.lengths
    done, shown, began = 0, 0.0, time.perf_counter()
    with torch.inference_mode():
        for items in sorted_batches(features, budget=token_budget(batch_size, device.type)):
            batch = {key: torch.from_numpy(value).to(device) for key, value in features.collate(items).items()}
            for head, logits in zip(heads, circuit.answer(batch, heads), strict=True):
                if kind == "choice":
                    logits = choice_logits(logits, batch["is_choice"])
                elif kind == "tags":
                    logits = logits.argmax(-1)
                answers = logits.cpu().numpy()
                for item, answer in zip(items, answers, strict=True):
                    rows[head][item] = answer[: lengths[item]] if kind in ("span", "tags") else answer
            done += len(items)
            now = time.perf_counter()
            if now - shown > 0.5 or done == len(features):
                shown = now
                report(Progress(what, done, len(features), {"examples/s": done / max(now - began, 1e-9)}))
    return {head: _joined([row for row in found if row is not None], features) for head, found in rows.items()}


def _joined(held: list[np.ndarray], features: Features) -> Answers:
    kind = features.kind
    if kind in ("span", "tags"):
        flat = np.concatenate(held) if held else np.zeros((0, 2) if kind == "span" else 0)
        return Ragged(flat, features.input_ids.offsets)
    if kind == "choice":
        width = max((len(row) for row in held), default=0)
        out = np.full((len(held), width), np.finfo(np.float32).min, np.float32)
        for i, row in enumerate(held):
            out[i, : len(row)] = row
        return out
    return np.stack(held) if held else np.zeros((0, 0), np.float32)
