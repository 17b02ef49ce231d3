"""Entries that a stage makes: what their cards and runs say of a variant, and how they are put into the zoo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from toolkit.composition import Part
from toolkit.composition.stages import Stage
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.weights import file_of
from toolkit.space import Need
from toolkit.training.checkpoint import FILE, checkpoint_need
from toolkit.zoo import AdapterCard, Parent

COPIES = 3  # of the weights in a checkpoint: those of now, and the optimiser's two moments; the best are in a file of their own
_CARD = 64 * 2**10  # bytes: card, page and headers of an entry


def space_of(weights: int, checkpoint: Path, zoo: Path) -> list[Need]:
    """Return the space that a training needs.

    Args:
        weights: bytes of what learns.
        checkpoint: folder of its checkpoints, of which two exist while the second one is written, each with its best weights.
        zoo: where its entry goes.
    """
    held = checkpoint / FILE
    size = (COPIES + 1) * weights * (1 if held.exists() else 2)
    own = checkpoint_need(checkpoint, size, largest=COPIES * weights)
    return [own, Need("the entry in the zoo", zoo, weights + _CARD, weights, "choose another --zoo")]


def said_of(stage: Stage) -> dict[str, str]:
    """Return what a card's recipe says of a variant: what it was trained as."""
    return {} if stage.entry == stage.trained_as else {"trained_as": stage.trained_as}


def tags_of(stage: Stage) -> dict[str, str]:
    """Return the tags of a stage's run."""
    return {**stage.circuit.tags(), "composition": stage.entry, **said_of(stage)}


def axes_of(stage: Stage) -> dict[str, str]:
    """Return the axes by which a tracker compares a stage's run; a variant is compared by what it was trained as."""
    return {**stage.circuit.axes(), "composition": stage.entry, **said_of(stage)}


def cards_of_heads(stage: Stage, whole: AdapterCard) -> list[AdapterCard]:
    """Return the cards of the entries that a stage makes, its own first, from a card that names all heads as the circuit does."""
    places = stage.heads
    found = []
    for entry in stage.makes:
        heads = {places[name][1]: head for name, head in whole.heads.items() if places[name][0] == entry}
        card = replace(whole, name=entry, heads=heads)
        if entry != stage.entry:
            scores = tuple(score for score in whole.scores if score.task in heads)
            card = replace(card, tasks=tuple(heads), scores=tuple(replace(one, composition=entry) for one in scores))
        found.append(card)
    return found


def put_stage(
    stage: Stage,
    session: Session,
    cards: Sequence[AdapterCard],
    tensors_of: Callable[[Part], Mapping[str, np.ndarray]],
    *,
    is_replaced: bool,
) -> None:
    """Put the entries that a stage makes into the zoo.

    Args:
        stage: that learnt.
        session: names the zoo.
        cards: of its entries, its own first.
        tensors_of: gives the weights of a part that it learns.
        is_replaced: put them in place of entries of the same names.
    """
    places = stage.heads
    files: dict[str, dict[str, Mapping[str, np.ndarray]]] = {card.name: {} for card in cards}
    for part in stage.learn:
        entry, name = places[part.name] if part.kind == "head" else (stage.entry, part.name)
        named = replace(part, name=name)
        files[entry][file_of(named, stage.trained_as)] = tensors_of(part)
    own = session.zoo.put(cards[0], files[cards[0].name], replace=is_replaced)
    for card in cards[1:]:
        parents = (*card.parents, Parent(own.name, own.digest))
        session.zoo.put(replace(card, parents=parents), files[card.name], replace=is_replaced)
