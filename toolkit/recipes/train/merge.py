"""One computed stage: merge the weights of adapters that the zoo holds, without any rows, and put the result into it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.composition import Part, parse
from toolkit.composition.stages import Stage
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.merging import member_weights, merge_tensors
from toolkit.modeling.weights import Tensors
from toolkit.recipes.session.circuits import adapter_shapes
from toolkit.recipes.session.session import Session, require_writable
from toolkit.recipes.session.traces import log_adapters
from toolkit.recipes.session.weights import check_entry, file_of
from toolkit.recipes.train.pending import Pending, Record
from toolkit.recipes.train.put import axes_of, cards_of_heads, put_stage, said_of, tags_of
from toolkit.zoo import AdapterCard, Origin, check_backbone, rows_of


def run_computed(
    stage: Stage, session: Session, backbone: Backbone, *, experiment: str, is_replaced: bool = False
) -> AdapterCard:
    """Merge a stage's members and put the result into the zoo.

    The adapters are merged. A head that several members hold (the languages of one task) is merged in the same way, a head
    of a single member is taken as it is.
    """
    assert stage.merge is not None
    began = time.perf_counter()
    require_writable(session.zoo.root)
    names = [stage.member(name) for name in stage.merge.leaves()]
    cards = {name: session.zoo.get(name, session.shelf) for name in names}
    _check(stage, cards, session, backbone)
    settings: dict[str, Any] = {
        "method": stage.merge.method,
        "weights": {stage.member(name): weight for name, weight in stage.merge.parts},
        "density": 1.0 if stage.merge.method == "merge" else session.config.merge.density,
        "seed": session.config.train.seed,
    }
    files = _merged(stage, cards, session, settings)
    card = _card(stage, cards, session, settings, began)
    record = Record(
        f"merge {stage.entry}",
        experiment,
        tags={**tags_of(stage), "journey": "merge", "backbone": backbone.name},
        params={**axes_of(stage), "backbone": session.config.backbone.name, **card.recipe["merge"]},
        resume=_key(stage, cards, settings),
    )
    pending = Pending(Path(session.config.run_dir) / "checkpoints" / record.resume, stage.entry, record)
    pending.write(session)
    put_stage(stage, session, cards_of_heads(stage, card), files.__getitem__, is_replaced=is_replaced)
    card = session.zoo.get(stage.entry, session.shelf)
    with session.tracked(
        record.name, experiment=experiment, tags=record.tags, params=record.params, resume=record.resume
    ):
        log_adapters(session, [card], is_made=True)
        pending.recorded()
    pending.remove()
    session.say(f"{card.name}: computed from {', '.join(names)}, no rows; in the zoo as {card.digest[:12]}")
    return card


def _key(stage: Stage, cards: Mapping[str, AdapterCard], settings: Mapping[str, Any]) -> str:
    """Return what identifies the work."""
    said = json.dumps([stage.entry, {name: card.digest for name, card in cards.items()}, settings], default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _check(stage: Stage, cards: Mapping[str, AdapterCard], session: Session, backbone: Backbone) -> None:
    """Raise where the members cannot be merged."""
    if session.config.adapter.kind == "full":
        raise ToolkitError(
            f"'{stage.entry}' merges adapters, but `adapter: full` trains the whole encoder and has none; use seq_bn."
        )
    for card in cards.values():
        check_backbone(card, backbone.name, backbone.digest, backbone.hidden_size)
        check_entry(card, session)
        if any(file.startswith("below.") for file in card.files):
            raise ToolkitError(
                f"'{card.name}' was trained with train.learn=all and runs on its own copy of what is below it; merge adapters that "
                "were trained on the same ones."
            )
    _, shapes = adapter_shapes(cards.values(), session.config)
    if len({shape.non_linearity for shape in shapes.values()}) > 1:
        found = ", ".join(f"'{name}' {shape.non_linearity}" for name, shape in shapes.items())
        raise ToolkitError(
            f"'{stage.entry}' merges adapters of different activations ({found}); merge adapters of one shape."
        )


def _holders(stage: Stage, cards: Mapping[str, AdapterCard]) -> dict[str, dict[str, str]]:
    """Return the members that hold each head of the stage, by the head's name here, and what each calls it.

    Variants of one task (two seeds of mnli) have heads of their own names, which are merged like those of its languages.
    """
    found: dict[str, dict[str, str]] = {}
    for head in (part.name for part in stage.learn if part.kind == "head"):
        owner = next(card for card in cards.values() if head in card.heads)
        found[head] = {
            name: held for name, card in cards.items() if (held := _same_head(card, owner, head)) is not None
        }
    return found


def _same_head(card: AdapterCard, owner: AdapterCard, head: str) -> str | None:
    """Return what a member calls the head of another one; None where it has no such head."""
    if head in card.heads:
        return head
    default = parse(card.name).head_name.name
    is_default = head == parse(owner.name).head_name.name
    is_same = card.task == owner.task and card.heads.get(default) == owner.heads[head]
    return default if is_default and is_same else None


def _merged(
    stage: Stage, cards: Mapping[str, AdapterCard], session: Session, settings: Mapping[str, Any]
) -> dict[Part, Tensors]:
    """Return the merged weights by part."""
    heads = _holders(stage, cards)
    files = {}
    for part in stage.learn:
        held = heads[part.name] if part.kind == "head" else dict.fromkeys(cards, part.name)
        holders = {
            name: session.zoo.tensors(cards[name], file_of(replace(part, name=called))) for name, called in held.items()
        }
        files[part] = merge_tensors(holders, **settings) if len(holders) > 1 else next(iter(holders.values()))
    return files


def _card(
    stage: Stage, cards: Mapping[str, AdapterCard], session: Session, settings: Mapping[str, Any], began: float
) -> AdapterCard:
    every = list(cards.values())
    weights = member_weights(tuple(cards), settings["weights"], method=settings["method"])
    return AdapterCard.made_by(
        stage.entry,
        Origin(every[0].backbone, [session.zoo.get(name, session.shelf) for name in stage.parents], rows_of(every)),
        {
            **said_of(stage),
            "adapter": dict(every[-1].recipe["adapter"]),
            "merge": {**settings, "weights": weights},
            "train": {"seed": session.config.train.seed},
            "learn": [f"{part.kind} {part.name}" for part in stage.learn],
        },
        tasks=list(dict.fromkeys(task for card in every for task in card.tasks)),
        heads={
            head: cards[last].heads[held[last]]
            for head, held in _holders(stage, cards).items()
            for last in [list(held)[-1]]
        },
        seconds=time.perf_counter() - began,
    )
