"""Diagonal Fisher information of a task's adapter, computed once and kept in the embedding store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from toolkit.composition import Part, parse
from toolkit.embeddings import Store
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import vector_key
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.features import features_for
from toolkit.recipes.session.session import Session
from toolkit.tasks.task import Rows


def task_fisher(entry: str, rows: Rows, session: Session, store: Store) -> tuple[dict[str, np.ndarray], int]:
    """Return the diagonal empirical Fisher of an entry's adapter on a task's rows, by layer, and how many rows it took.

    It is one row of the store. Its key has the adapter's weights, its text the rows and the head: the same adapter on the
    same rows is never computed again.

    Args:
        entry: an entry of the zoo with one adapter and a head.
        rows: labelled rows that the head answers.
        session: of a configuration with the zoo that holds the entry; `eval` says how rows are tokenised.
        store: keeps the result.

    Returns:
        float32 [O, I + 1] by linear layer, as of `adapter_fisher`, and the number of rows that gradients were taken of: 0 if the
        store had the result.
    """
    from toolkit.modeling.fisher import adapter_fisher

    # Folded weights have no gradient of their own.
    plain = session.with_config(replace(session.config, eval=replace(session.config.eval, fold=False)))
    circuit, _ = trained_circuit(entry, plain, heads=None)
    n_computed = 0
    with circuit:
        (part,) = (part for part in circuit.parts if part.entry == str(parse(entry)))
        shapes = _layers(circuit, part)
        settings = plain.config.eval
        key = vector_key(
            circuit,
            layer=circuit.backbone.n_layers,
            pooling=f"gold {settings.label_piece} {settings.stride}",
            max_length=0 if settings.max_length == "auto" else settings.max_length,
        )
        text = json.dumps({"task": rows.task.name, "rows": rows.fingerprint, "n": len(rows), "head": _head(circuit)})

        def compute(
            texts: Sequence[str], wanted: Sequence[Hashable], before: int, total: int
        ) -> dict[Hashable, np.ndarray]:
            nonlocal n_computed
            n_computed = len(rows)
            features = features_for(rows, rows.task.kind, circuit.backbone, settings, plain, what=f"tokens {entry}")
            found = adapter_fisher(circuit, features, part=part, report=session.report)
            assert {name: each.shape for name, each in found.items()} == shapes
            flat = np.concatenate([np.ravel(found[name]) for name in shapes]).astype(np.float32)
            return dict.fromkeys(wanted, flat[None])

        width = sum(int(np.prod(shape)) for shape in shapes.values())
        flat = store.vectors({"fisher": replace(key, kind="fisher")}, [text], compute, width)["fisher"][0]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    pieces = np.split(flat, ends[:-1])
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}, n_computed


def _layers(circuit: Circuit, part: Part) -> dict[str, tuple[int, int]]:
    """Return the shape of the Fisher of each linear layer of an adapter: its weights, and its biases as a last column."""
    shapes = circuit.shapes_of(part)
    return {
        key.removesuffix(".weight"): (shapes[key][0], shapes[key][1] + 1)
        for key in sorted(shapes)
        if key.endswith(".weight")
    }


def _head(circuit: Circuit) -> str:
    """Return a sha256 over the active head's weights and labels."""
    digest = hashlib.sha256(repr(circuit.spec).encode())
    for name, weights in sorted(circuit.heads.state_dict().items()):
        digest.update(name.encode())
        digest.update(weights.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
