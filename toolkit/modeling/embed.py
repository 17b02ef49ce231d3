"""Embeddings of sentences: unit vectors from any layer of a circuit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from torch import Tensor

from toolkit.composition import Part
from toolkit.config.words import Pooling
from toolkit.embeddings import Key
from toolkit.features.collate import Features, budget_batches, token_budget
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.passes import Passes, outputs
from toolkit.modeling.pooling import pool
from toolkit.progress import Report, silent

PAPER_LAYER, PAPER_DEPTH = 14, 24


def default_layer(n_layers: int) -> int:
    """Return the layer at the paper's fraction of the depth: 14 of 24.

    Example:
        >>> default_layer(24), default_layer(12)
        (14, 7)
    """
    return max(1, round(n_layers * PAPER_LAYER / PAPER_DEPTH))


def embed(
    circuit: Circuit,
    features: Features,
    *,
    layer: int,
    pooling: Pooling = "mean",
    batch_size: int = 64,
    what: str = "embed",
    report: Report = silent,
) -> np.ndarray:
    """Return one unit vector per sentence: float32 [N, H]; see `embed_all`.

    Args:
        layer: hidden state that is pooled, 0 being the embeddings; the layers above are not computed.
        pooling: see `pool`.
    """
    wanted: tuple[int, Pooling] = (layer, pooling)
    return embed_all(circuit, features, [wanted], batch_size=batch_size, what=what, report=report)[wanted]


def embed_all(
    circuit: Circuit,
    features: Features,
    wanted: Sequence[tuple[int, Pooling]],
    *,
    batch_size: int = 64,
    what: str = "embed",
    report: Report = silent,
) -> dict[tuple[int, Pooling], np.ndarray]:
    """Return one unit vector per sentence for each layer and pooling that is wanted, from one forward pass.

    Args:
        features: `sentence_features`; equal sentences are encoded once.
        wanted: (layer, pooling), at least one; layers above the highest are not computed.
        batch_size: a batch holds up to this many times 128 tokens, padding included; on a processor 2,048 at most.

    Returns:
        float32 [N, H] for each of `wanted`.
    """
    first, inverse = _distinct(features)
    vectors = {one: np.zeros((len(features), circuit.backbone.hidden_size), np.float32) for one in wanted}
    # Longest first: the least padding, and memory peaks at the first batch.
    order = first[np.argsort(-features.lengths[first], kind="stable")]
    budget = token_budget(batch_size, circuit.backbone.device.type)
    batches = budget_batches(features.lengths, features.widths, budget, order)
    asked = Passes(_pooled, {"wanted": tuple(vectors)}, what, "sentences")
    for items, found in outputs(asked, circuit, features, batches, report=report):
        for one, values in zip(vectors, found, strict=True):
            vectors[one][items] = values
    return {one: found[first[inverse]] for one, found in vectors.items()}


def _pooled(circuit: Circuit, batch: dict[str, Tensor], *, wanted: Sequence[tuple[int, Pooling]]) -> list[np.ndarray]:
    """Return the vectors of a batch for each layer and pooling."""
    deepest = max(layer for layer, _ in wanted)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    if len({layer for layer, _ in wanted}) == 1:
        states = {deepest: circuit.encode(ids, mask, layers=deepest)}
    else:
        states = dict(enumerate(circuit.hidden_states(ids, mask, layers=deepest)))
    return [pool(states[layer], mask, pooling).cpu().numpy() for layer, pooling in wanted]


_TOKENIZERS: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def vector_key(circuit: Circuit, *, layer: int, pooling: str, max_length: int, dtype: str = "float32") -> Key:
    """Return everything that decides what a circuit makes of a sentence.

    Adapters count by their weights and shape as they are wired now, wherever they came from.
    """
    backbone = circuit.backbone
    return Key(
        backbone=backbone.digest,
        backbone_name=backbone.name,
        composition=str(circuit.composition),
        adapters=tuple((f"{part.kind} {part.name}", _weights_digest(circuit, part)) for part in circuit.parts),
        layer=layer,
        pooling=pooling,
        tokenizer=tokenizer_digest(backbone.tokenizer),
        max_length=max_length,
        # Folding, and the library's way to fuse, round differently.
        precision=backbone.precision
        + (" folded" if circuit.is_folded else "")
        + ("" if circuit.fusion_path in ("", "fast") else " fusion=reference"),
        dtype=dtype,
    )


def tokenizer_digest(tokenizer: Any) -> str:
    """Return a sha256 over the pieces and rules of a fast tokenizer, without the padding and truncation of its last call."""
    if tokenizer not in _TOKENIZERS:
        described = json.loads(tokenizer.backend_tokenizer.to_str())
        rules = {key: value for key, value in described.items() if key not in ("padding", "truncation")}
        _TOKENIZERS[tokenizer] = hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
    return _TOKENIZERS[tokenizer]


def _weights_digest(circuit: Circuit, part: Part) -> str:
    digest = hashlib.sha256(repr(circuit.shapes.get(part.entry, circuit.adapter)).encode())
    for name, values in sorted(circuit.tensors_of(part).items()):
        digest.update(f"{name} {values.shape}\n".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _distinct(features: Features) -> tuple[np.ndarray, np.ndarray]:
    """Return the first item of each distinct token sequence [M], and each item's place among them [N]."""
    place: dict[bytes, int] = {}
    first: list[int] = []
    inverse = np.zeros(len(features), np.int64)
    for item in range(len(features)):
        key = features.input_ids[item].tobytes()
        if key not in place:
            place[key] = len(first)
            first.append(item)
        inverse[item] = place[key]
    return np.array(first, np.int64), inverse
