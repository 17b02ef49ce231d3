"""How two adapters differ: in how they were made, from which rows, what they score, and layer by layer in their weights."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.zoo.card import AdapterCard
from toolkit.zoo.record import scores_of
from toolkit.zoo.scored import Kept
from toolkit.zoo.store import Zoo

if TYPE_CHECKING:
    import numpy as np

Cell = tuple[str, str, str]
_LAYER = re.compile(r"layer\.(\d+)\.")


@dataclass(frozen=True)
class LayerDifference:
    """How the weights of one part differ in one layer, all of the layer's tensors taken as one vector.

    Attributes:
        part: `adapter`, `fusion` or `head NAME`.
        layer: counted from 0; None for a head.
        norms: Euclidean norm in the first and in the second.
        relative: `2 ||a - b|| / (||a|| + ||b||)`: 0 for equal weights, 2 for opposite ones of one length.
        cosine: of the angle between both, in [-1, 1]; NaN where one is zero.
    """

    part: str
    layer: int | None
    norms: tuple[float, float]
    relative: float
    cosine: float


@dataclass(frozen=True)
class Difference:
    """What tells two adapters apart; empty fields where nothing does.

    Attributes:
        made: rows of (field, first, second) that differ: identity, recipe, parents, versions.
        data: rows of (source, first, second): which rows each has seen, where they differ.
        scores: rows of (task, language, metric), first and second as fractions or None: those of the cards, and those that
            were reached since, whose metric is followed by split and protocol.
        weights: per part and layer.
        notes: what could not be compared, a sentence each.
    """

    made: tuple[Cell, ...]
    data: tuple[Cell, ...]
    scores: tuple[tuple[Cell, float | None, float | None], ...]
    weights: tuple[LayerDifference, ...]
    notes: tuple[str, ...]


def diff(first: tuple[Zoo, AdapterCard], second: tuple[Zoo, AdapterCard]) -> Difference:
    """Compare two entries, of one zoo or of two; every file is verified before it is compared.

    Raises:
        ZooError: a file is missing or damaged.
    """
    a, b = first[1], second[1]
    made = [(key, x, y) for key, x, y in _pairs(_facts(a), _facts(b)) if x != y]
    data = [(key, x, y) for key, x, y in _pairs(_seen(a), _seen(b)) if x != y]
    evaluated = scores_of(*first), scores_of(*second)
    scores = [(key, *values) for key, values in (_scores(a, b) | _evaluated(*evaluated)).items()]
    weights, notes = _weights(first, second)
    return Difference(tuple(made), tuple(data), tuple(scores), tuple(weights), tuple(notes))


def flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Return nested values by dotted key, as text.

    Example:
        >>> flat({"train": {"lr": 0.001, "learn": ["adapter a"]}})
        {'train.lr': '0.001', 'train.learn': 'adapter a'}
    """
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, item in value.items():
            found |= flat(item, f"{prefix}.{key}" if prefix else str(key))
        return found
    if isinstance(value, (list, tuple)):
        return {prefix: ", ".join(str(item) for item in value)}
    return {prefix: str(value)}


def layer_difference(part: str, layer: int | None, a: np.ndarray, b: np.ndarray) -> LayerDifference:
    """Compare two vectors [N].

    Example:
        >>> import numpy as np
        >>> found = layer_difference("adapter", 0, np.array([3.0, 4.0]), np.array([4.0, 3.0]))
        >>> round(found.relative, 3), round(found.cosine, 2), found.norms
        (0.283, 0.96, (5.0, 5.0))
    """
    import numpy as np

    a, b = a.astype(np.float64), b.astype(np.float64)
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    total = norms[0] + norms[1]
    relative = 2 * float(np.linalg.norm(a - b)) / total if total else 0.0
    cosine = float(a @ b) / (norms[0] * norms[1]) if norms[0] and norms[1] else math.nan
    return LayerDifference(part, layer, norms, relative, cosine)


def _facts(card: AdapterCard) -> dict[str, str]:
    found = {
        "name": card.name,
        "backbone": " ".join(filter(None, (card.backbone.name, card.backbone.digest[:12], card.backbone.revision))),
        "digest": card.digest[:12],
        "licence": card.licence,
        "created": card.created,
        "seconds": str(card.seconds),
    }
    found |= flat(card.recipe, "recipe") | flat(card.versions, "version")
    return found | {f"parent {one.name}": one.digest[:12] for one in card.parents}


def _seen(card: AdapterCard) -> dict[str, str]:
    found = {}
    for seen in card.data_seen:
        rows = f"{'?' if seen.rows is None else seen.rows} rows, {seen.fingerprint or '?'}"
        found[f"{seen.task} {seen.language or ''} {seen.split or ''}"] = rows
    return found


def _pairs(a: Mapping[str, str], b: Mapping[str, str]) -> list[Cell]:
    return [(key, a.get(key, "-"), b.get(key, "-")) for key in dict.fromkeys((*a, *b))]


def _scores(a: AdapterCard, b: AdapterCard) -> dict[Cell, tuple[float | None, float | None]]:
    held = [
        {(score.task, score.language, score.metric): float(score.value) for score in card.scores} for card in (a, b)
    ]
    return {key: (held[0].get(key), held[1].get(key)) for key in dict.fromkeys((*held[0], *held[1]))}


def _evaluated(a: Sequence[Kept], b: Sequence[Kept]) -> dict[Cell, tuple[float | None, float | None]]:
    """Return the scores that were reached since the training: those of one protocol and the same rows share a row."""
    held = [{one.key[1:]: one.score.value for one in scores} for scores in (a, b)]
    found: dict[Cell, tuple[float | None, float | None]] = {}
    for key in dict.fromkeys((*held[0], *held[1])):
        task, language, metric, split, protocol, fingerprint, *named = key
        cell = (task, language, f"{metric} ({', '.join(word for word in (split, protocol, *named) if word)})")
        if cell in found:  # of other rows
            cell = (task, language, f"{cell[2]} of rows {fingerprint}")
        found[cell] = (held[0].get(key), held[1].get(key))
    return found


def _weights(
    first: tuple[Zoo, AdapterCard], second: tuple[Zoo, AdapterCard]
) -> tuple[list[LayerDifference], list[str]]:
    import numpy as np

    (zoo_a, a), (zoo_b, b) = first, second
    if a.backbone.digest != b.backbone.digest:
        return [], ["They were trained on different encoders, whose weights are not comparable number by number."]
    found: list[LayerDifference] = []
    notes: list[str] = []
    for file in sorted(set(a.files) | set(b.files)):
        part = file.removesuffix(".safetensors").replace("head.", "head ")
        if file not in a.files or file not in b.files:
            notes.append(f"Only the {'first' if file in a.files else 'second'} has {part}.")
            continue
        tensors_a, tensors_b = zoo_a.tensors(a, file), zoo_b.tensors(b, file)
        groups: dict[int | None, list[str]] = {}
        for key in sorted(set(tensors_a) | set(tensors_b)):
            match = _LAYER.match(key)
            groups.setdefault(int(match[1]) if match else None, []).append(key)
        for layer, keys in sorted(groups.items(), key=lambda item: -1 if item[0] is None else item[0]):
            where = part if layer is None else f"{part}, layer {layer}"
            alone = [key for key in keys if key not in tensors_a or key not in tensors_b]
            other = [key for key in keys if key not in alone and tensors_a[key].shape != tensors_b[key].shape]
            if alone:
                notes.append(f"{where}: only the {'first' if alone[0] in tensors_a else 'second'} has '{alone[0]}'.")
            elif other:
                shapes = " and ".join(str(tuple(held[other[0]].shape)) for held in (tensors_a, tensors_b))
                notes.append(f"{where}: '{other[0]}' has the shapes {shapes}, so it was not compared.")
            else:
                vectors = [np.concatenate([held[key].ravel() for key in keys]) for held in (tensors_a, tensors_b)]
                found.append(layer_difference(part, layer, *vectors))
    return found, notes
