"""Scores of a zoo's entries after their training: added by evaluations and transfers, read for lists and pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from toolkit.errors import ZooError
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.scored import SCORES_FILE, Kept, append_lines, read_lines
from toolkit.zoo.store import Zoo


def scores_of(zoo: Zoo, card: AdapterCard, *, damaged: list[str] | None = None) -> tuple[Kept, ...]:
    """Return what the weights of an entry reached since their training, the latest last.

    Args:
        zoo: where it is.
        card: of the entry; scores of other weights that had its name are left out.
        damaged: takes a sentence where lines, or the whole file, cannot be read.
    """
    if not os.path.lexists(f"{zoo.root}/{card.path}/{SCORES_FILE}"):
        return ()  # most entries of a large zoo
    try:
        found = read_lines(zoo.folder(card))
    except ZooError as error:
        if damaged is not None:
            damaged.append(str(error))
        return ()
    if found.n_damaged and damaged is not None:
        lines = f"{found.n_damaged} line{'s' * (found.n_damaged > 1)}"
        damaged.append(f"{lines} of the scores of '{card.name}' cannot be read; the others are used.")
    return tuple(found.of(card.digest))


def with_scores(zoo: Zoo, card: AdapterCard, *, damaged: list[str] | None = None) -> AdapterCard:
    """Return a card with those scores after its own, to be looked at (`zero_shot`) and never to be stored."""
    found = scores_of(zoo, card, damaged=damaged)
    return replace(card, scores=(*card.scores, *(one.on_card() for one in found))) if found else card


def add_scores(zoo: Zoo, card: AdapterCard, scores: Sequence[Kept]) -> int:
    """Keep scores next to an entry's card; those that are there, or are of other weights, are not added.

    Returns:
        How many were added; none where the entry is gone.

    Raises:
        ZooError: the folder is not writable, or the file is not a file of its own.
    """
    fitting = [one for one in scores if one.digest == card.digest]
    home = zoo.folder(card)
    if not fitting or not os.path.lexists(home):
        return 0
    with zoo.writing(home.parent):
        return append_lines(home, fitting) if os.path.lexists(home) else 0
