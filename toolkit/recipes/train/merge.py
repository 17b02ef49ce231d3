"""One computed stage: merge the weights of adapters that the zoo holds, without any rows, and put the result into it."""

from __future__ import annotations

import time
from typing import Any

from toolkit.composition.stages import Stage
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.merging import member_weights, merge_tensors
from toolkit.recipes.session.circuits import adapter_shapes
from toolkit.recipes.session.session import Session, require_writable
from toolkit.recipes.session.traces import log_adapters
from toolkit.recipes.session.weights import check_parents, file_of
from toolkit.training.ranks import Ranks
from toolkit.zoo import AdapterCard, Origin, check_backbone, rows_of


def run_computed(
    stage: Stage,
    session: Session,
    backbone: Backbone,
    *,
    experiment: str,
    retrain: bool = False,
) -> AdapterCard:
    """Merge a stage's members and put the result into the zoo.

    The adapters are merged. A head that several members hold (the languages of one task) is merged in the same way, a head
    of a single member is taken as it is.
    """
    assert stage.merge is not None
    began = time.perf_counter()
    config, zoo, shelf = session.config, session.zoo, session.shelf
    if config.adapter.kind == "full":
        raise ToolkitError(
            f"'{stage.entry}' merges adapters, but `adapter: full` trains the whole encoder and has none; use seq_bn."
        )
    require_writable(zoo.root)
    names = [stage.member(name) for name in stage.merge.leaves()]
    cards = {name: zoo.get(name, shelf) for name in names}
    for card in cards.values():
        check_backbone(card, backbone.name, backbone.digest, backbone.hidden_size)
        check_parents(card, session)
        copied = [file for file in card.files if file.startswith("below.")]
        if copied:
            raise ToolkitError(
                f"'{card.name}' was trained with train.learn=all and runs on its own copy of what lies below it; merge adapters that "
                "were trained on the same ones."
            )
    _, shapes = adapter_shapes(cards.values(), config)
    if len({shape.non_linearity for shape in shapes.values()}) > 1:
        found = ", ".join(f"'{name}' {shape.non_linearity}" for name, shape in shapes.items())
        raise ToolkitError(
            f"'{stage.entry}' merges adapters of different activations ({found}); merge adapters of one shape."
        )
    settings: dict[str, Any] = {
        "method": stage.merge.method,
        "weights": {stage.member(name): weight for name, weight in stage.merge.parts},
        "density": 1.0 if stage.merge.method == "merge" else config.merge.density,
        "seed": config.train.seed,
    }
    heads = {head: [name for name in names if head in cards[name].heads] for head in _heads(stage)}
    files = {}
    for part in stage.learn:
        file = file_of(part)
        holders = {
            name: zoo.tensors(cards[name], file) for name in (heads[part.name] if part.kind == "head" else names)
        }
        files[file] = merge_tensors(holders, **settings) if len(holders) > 1 else next(iter(holders.values()))
    parents = [zoo.get(name, shelf) for name in stage.parents]
    card = AdapterCard.made_by(
        stage.entry,
        Origin(cards[names[0]].backbone, parents, rows_of(cards.values())),
        {
            "adapter": dict(cards[names[-1]].recipe["adapter"]),
            "merge": settings
            | {"weights": member_weights(tuple(names), settings["weights"], method=settings["method"])},
            "train": {"seed": config.train.seed},
            "learn": [f"{part.kind} {part.name}" for part in stage.learn],
        },
        tasks=list(dict.fromkeys(task for name in names for task in cards[name].tasks)),
        heads={head: cards[held[-1]].heads[head] for head, held in heads.items()},
        seconds=time.perf_counter() - began,
    )
    ranks = Ranks(backbone.device)
    if ranks.is_main:
        zoo.put(card, files, replace=retrain)
    ranks.wait()
    card = zoo.get(stage.entry, shelf)
    with session.tracked(
        stage.entry,
        experiment=experiment,
        tags={**stage.circuit.tags(), "journey": "merge", "backbone": backbone.name},
        params={**stage.circuit.axes(), "backbone": config.backbone.name, **card.recipe["merge"]},
    ):
        log_adapters(session, [card], is_made=True)
    session.say(f"{card.name}: computed from {', '.join(names)}, no rows; in the zoo as {card.digest[:12]}")
    return card


def _heads(stage: Stage) -> list[str]:
    return [part.name for part in stage.learn if part.kind == "head"]
