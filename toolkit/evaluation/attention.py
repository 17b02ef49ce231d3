"""Attention of fusions over whole feature sets: means by layer, token class and member."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from toolkit.composition import Fuse
from toolkit.errors import ToolkitError
from toolkit.features.collate import IGNORED, Features, sorted_batches, token_budget
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.memory import SMALLER_PASSES, within_memory
from toolkit.progress import Progress, Report, silent

PIECES = ("special", "space", "punctuation", "number", "word start", "word inside")
TAG = "tag "  # before the gold tag of a word's labelled piece, which counts besides its class of piece


@dataclass(frozen=True)
class Mass:
    """The mean attention that a member gets from the tokens of one class; over the members it sums to 1.

    Attributes:
        fusion: text of the block.
        member: text of the member.
        layer: from 1, the lowest.
        language: of the rows.
        token_class: one of `PIECES`, or `tag NOUN` and the like: the gold tag of a labelled piece.
        mass: in [0, 1].
        tokens: how many tokens the mean is over.
    """

    fusion: str
    member: str
    layer: int
    language: str
    token_class: str
    mass: float
    tokens: int


def attention_mass(
    circuit: Circuit,
    features: Features,
    *,
    language: str,
    labels: Sequence[str] = (),
    batch_size: int = 64,
    what: str = "attention",
    report: Report = silent,
) -> list[Mass]:
    """Return the attention of every fusion of a circuit over all tokens of some rows; padding does not count.

    Args:
        labels: names of the tags, for a tagging task.
        batch_size: a batch holds up to this many times 128 tokens, padding included.

    Raises:
        ToolkitError: the circuit holds no fusion, or runs several compositions at once.
    """
    blocks = [unit for unit in circuit.composition.chain.units if isinstance(unit, Fuse)]
    if not blocks:
        raise ToolkitError(
            f"'{circuit.composition}' has no fusion of its own to look into; measure 'fuse[...]/TASK' (of a par: each member)."
        )
    names = [part.name for part in circuit.parts if part.kind == "fusion"]
    classes = [*PIECES, *(TAG + label for label in labels)]
    of_piece = piece_classes(features.input_ids.values, circuit.backbone.tokenizer)
    sums: dict[tuple[str, int], np.ndarray] = {}
    counts = np.zeros(len(classes), np.int64)
    circuit.eval()
    device, done = circuit.backbone.device, 0
    with torch.inference_mode(), within_memory("a batch of texts", SMALLER_PASSES, device):
        for items in sorted_batches(features, budget=token_budget(batch_size, device.type)):
            batch = features.collate(items)
            ids, mask = batch["input_ids"], batch["attention_mask"].astype(bool)  # [B, T]
            if "is_choice" in batch:
                mask &= batch["is_choice"].reshape(-1, 1)
            member_of = np.searchsorted(of_piece[0], ids[mask])
            kinds = [of_piece[1][member_of]]
            if "tags" in batch and labels:
                tags = batch["tags"][mask]
                kinds.append(np.where(tags == IGNORED, -1, tags + len(PIECES)))
            for kind in kinds:
                counts += np.bincount(kind[kind >= 0], minlength=len(classes))
            found = circuit.attentions(
                torch.from_numpy(ids).to(device), torch.from_numpy(batch["attention_mask"]).to(device)
            )
            for name, by_layer in found.items():
                for layer, attention in by_layer.items():
                    seen = attention[mask].astype(np.float64)  # [tokens, A]
                    total = sums.setdefault((name, layer), np.zeros((len(classes), seen.shape[1])))
                    for kind in kinds:
                        total += (kind == np.arange(len(classes))[:, None]).astype(np.float64) @ seen
            done += len(items)
            report(Progress(what, done, len(features)))
    return [
        Mass(str(block), str(member), layer + 1, language, token_class, float(total[i, j] / counts[i]), int(counts[i]))
        for block, name in zip(blocks, names, strict=True)
        for (held, layer), total in sorted(sums.items())
        if held == name
        for i, token_class in enumerate(classes)
        if counts[i]
        for j, member in enumerate(block.members)
    ]


def piece_classes(ids: np.ndarray, tokenizer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct ids, sorted, and the place in `PIECES` of each."""
    distinct = np.unique(ids)
    special = set(tokenizer.all_special_ids)
    pieces = tokenizer.convert_ids_to_tokens(distinct.tolist())
    kinds = ["special" if i in special else piece_class(p) for i, p in zip(distinct.tolist(), pieces, strict=True)]
    return distinct, np.array([PIECES.index(kind) for kind in kinds], np.int64)


def piece_class(piece: str) -> str:
    """Return what kind of piece of XLM-R's vocabulary this is.

    Example:
        >>> [piece_class(piece) for piece in ("▁Hello", "s", ",", "▁2026", "▁", "。")]
        ['word start', 'word inside', 'punctuation', 'number', 'space', 'punctuation']
    """
    text = piece.removeprefix("▁")
    if not text:
        return "space"
    categories = {unicodedata.category(character)[0] for character in text}
    if categories <= {"P", "S"}:
        return "punctuation"
    if "N" in categories and categories <= {"N", "P", "S"}:
        return "number"
    return "word start" if piece.startswith("▁") else "word inside"


def mean_mass(masses: Sequence[Mass], *by: str) -> dict[tuple[Any, ...], float]:
    """Return the mean over all tokens for each combination of the fields `by`; classes by tag are left out unless asked for.

    Example:
        >>> rows = [Mass("f", "a", 1, "en", "number", 0.25, 2), Mass("f", "a", 2, "en", "number", 0.75, 2)]
        >>> mean_mass(rows, "member"), mean_mass(rows, "member", "layer")
        ({('a',): 0.5}, {('a', 1): 0.25, ('a', 2): 0.75})
    """
    totals: dict[tuple[Any, ...], float] = {}
    tokens: dict[tuple[Any, ...], int] = {}
    for one in masses:
        if "token_class" not in by and one.token_class.startswith(TAG):
            continue
        key = tuple(getattr(one, name) for name in by)
        totals[key] = totals.get(key, 0.0) + one.mass * one.tokens
        tokens[key] = tokens.get(key, 0) + one.tokens
    return {key: total / tokens[key] for key, total in totals.items()}
