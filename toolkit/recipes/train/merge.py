"""One computed stage: merge the weights of adapters that the zoo holds, without any rows, and put the result into it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from toolkit.composition.stages import Stage
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.merging import member_weights, merge_tensors
from toolkit.recipes.session import common
from toolkit.recipes.session.common import Say, say_nothing
from toolkit.recipes.session.traces import log_adapters
from toolkit.tracking import Tracker
from toolkit.training.ranks import Ranks
from toolkit.version import __version__
from toolkit.zoo import AdapterCard, Parent, Seen, Zoo, check_backbone


def run_computed(
    stage: Stage,
    config: Config,
    backbone: Backbone,
    zoo: Zoo,
    tracker: Tracker,
    *,
    experiment: str,
    replace: bool = False,
    say: Say = say_nothing,
) -> AdapterCard:
    """Merge a stage's members and put the result into the zoo.

    The adapters are merged. A head that several members hold (the languages of one task) is merged in the same way, a head
    of a single member is taken as it is.
    """
    assert stage.merge is not None
    began = time.perf_counter()
    if config.adapter.kind == "full":
        raise ToolkitError(
            f"'{stage.entry}' merges adapters, but `adapter: full` trains the whole encoder and has none; use seq_bn."
        )
    common.require_writable(zoo.root)
    names = [stage.member(name) for name in stage.merge.leaves()]
    cards = {name: zoo.get(name, common.shelf(config)) for name in names}
    for card in cards.values():
        check_backbone(card, backbone.name, backbone.digest, backbone.hidden_size)
        common.check_parents(card, zoo, config)
        copied = [file for file in card.files if file.startswith("below.")]
        if copied:
            raise ToolkitError(
                f"'{card.name}' was trained with train.learn=all and runs on its own copy of what lies below it; merge adapters that "
                "were trained on the same ones."
            )
    _, shapes = common.adapter_shapes(cards.values(), config)
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
        file = common.file_of(part)
        holders = {
            name: zoo.tensors(cards[name], file) for name in (heads[part.name] if part.kind == "head" else names)
        }
        files[file] = merge_tensors(holders, **settings) if len(holders) > 1 else next(iter(holders.values()))
    card = AdapterCard(
        name=stage.entry,
        backbone=cards[names[0]].backbone,
        kind=config.adapter.kind,
        tasks=tuple(dict.fromkeys(task for name in names for task in cards[name].tasks)),
        heads={head: cards[held[-1]].heads[head] for head, held in heads.items()},
        recipe={
            "adapter": dict(cards[names[-1]].recipe["adapter"]),
            "merge": settings
            | {"weights": member_weights(tuple(names), settings["weights"], method=settings["method"])},
            "train": {"seed": config.train.seed},
            "learn": [f"{part.kind} {part.name}" for part in stage.learn],
        },
        parents=tuple(Parent(name, zoo.get(name, common.shelf(config)).digest) for name in stage.parents),
        data_seen=_seen(cards),
        versions={"xstilts": __version__, "numpy": version("numpy")},
        licence=" AND ".join(dict.fromkeys(card.licence for card in cards.values() if card.licence)),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - began, 1),
    )
    ranks = Ranks(backbone.device)
    if ranks.is_main:
        zoo.put(card, files, replace=replace)
    ranks.wait()
    card = zoo.get(stage.entry, common.shelf(config))
    tracker.start(
        stage.entry,
        experiment=experiment,
        tags={**stage.circuit.tags(), "journey": "merge", "backbone": backbone.name},
        params={**stage.circuit.axes(), "backbone": config.backbone.name, **card.recipe["merge"]},
    )
    log_adapters(tracker, [card], zoo, config, is_made=True)
    tracker.close()
    say(f"{card.name}: computed from {', '.join(names)}, no rows; in the zoo as {card.digest[:12]}")
    return card


def _heads(stage: Stage) -> list[str]:
    return [part.name for part in stage.learn if part.kind == "head"]


def _seen(cards: dict[str, AdapterCard]) -> tuple[Seen, ...]:
    """Return what all members have seen, each source once."""
    return tuple(dict.fromkeys(seen for card in cards.values() for seen in card.data_seen))
