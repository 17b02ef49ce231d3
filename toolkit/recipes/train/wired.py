"""Circuit of a stage before it learns: frozen parts loaded, and weights that it continues from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from toolkit.composition import Part
from toolkit.composition.stages import Stage
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.masked import begin_with_frequencies
from toolkit.modeling.wiring import module_name
from toolkit.recipes.session.circuits import adapter_shapes, head_spec
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.weights import Place, file_of, load_part, places
from toolkit.recipes.train.sources import Source, head_of
from toolkit.training import TaskData
from toolkit.zoo import AdapterCard


def heads_of(stage: Stage, sources: Sequence[Source], config: Config) -> dict[str, HeadSpec]:
    """Return the heads that a stage holds."""
    return {head_of(stage, source): head_spec(source.task, config.train) for source in sources}


def wired(stage: Stage, session: Session, backbone: Backbone, heads: Mapping[str, HeadSpec]) -> Circuit:
    """Wire a stage's circuit, load what is frozen, and warm-start what continues from another entry."""
    config = session.config
    # Frozen parts keep the shape they were trained in.
    cards = {name: session.zoo.get(name, session.shelf) for name in stage.parents}
    _, shapes = adapter_shapes(cards.values(), config)
    held_at = places(stage.circuit, cards)
    if stage.warm_start is not None:
        held_at |= _warm(stage, cards[stage.warm_start])
    circuit = Circuit(
        backbone,
        stage.circuit,
        heads=heads,
        adapter=config.adapter,
        shapes=shapes,
        seed=config.train.seed,
        fusion=config.fusion,
    )
    try:
        if circuit.is_full:
            # One encoder flows through the whole chain: it starts from what the last entry below left.
            if stage.parents:
                load_part(circuit, Part("adapter", stage.parents[-1], stage.parents[-1]), session)
            return circuit
        for part in circuit.parts:
            if held_at[part][0] != stage.trained_as:
                load_part(circuit, part, session, place=held_at[part])
    except BaseException:
        circuit.close()
        raise
    return circuit


def begin_heads(circuit: Circuit, data: Sequence[TaskData]) -> None:
    """Let heads that guess pieces begin with the frequencies of the training rows, as far as they learn."""
    for name in {one.head for one in data if one.masks is not None}:
        counts = np.zeros(circuit.backbone.n_pieces, np.int64)
        for one in data:
            if one.head == name and one.masks is not None:
                found = one.masks.pieces.counts(one.features.input_ids.values)
                counts[: len(found)] += found  # embeddings may have more rows than the tokenizer has pieces
        begin_with_frequencies(circuit.heads[module_name(name)], torch.from_numpy(counts))


def _warm(stage: Stage, before: AdapterCard) -> dict[Part, Place]:
    """Return where the weights are stored that a `seq` continues from: its own adapter's, and what learnt along with it."""
    found: dict[Part, Place] = {}
    for part in stage.circuit.parts:
        is_own = part.entry == stage.trained_as
        file = file_of(part, None if is_own else before.name)
        if part.kind == "head" or (not is_own and file not in before.files):
            continue
        if part not in stage.learn:
            raise ToolkitError(
                f"'{stage.entry}' continues from '{before.name}', which was trained with train.learn=all and changed '{part.entry}'; "
                "give --set train.learn=all here, too."
            )
        found[part] = (before.name, file)
    return found
