"""Offers of the page: the backbones, tasks and entries of a zoo that can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.composition import parse
from toolkit.recipes.session.session import Session
from toolkit.safe_text import short_words
from toolkit.tasks.kinds import ANSWERED, LABELLED, Kind
from toolkit.zoo import AdapterCard


@dataclass(frozen=True)
class Offer:
    """What can be asked with one backbone.

    Attributes:
        entries: names of the zoo's entries, those that answer rows first.
        tasks: those that a head of an entry answers: by name, with the entries whose own head does.
        faults: why some entries are left out, a sentence each.
    """

    entries: tuple[str, ...]
    tasks: Mapping[str, tuple[str, ...]]
    faults: tuple[str, ...] = ()


def backbones_of(session: Session) -> tuple[str, ...]:
    """Return the backbones that the zoo has entries for, with that of the configuration; the one to begin with is first."""
    own = session.config.backbone.name
    cards, shelf = session.zoo.list(damaged=[]), session.shelf
    held = dict.fromkeys(card.backbone.name for card in cards)
    first = [own] if any(card.shelf == shelf for card in cards) else []
    return tuple(dict.fromkeys([*first, *held, own]))


def offer_of(session: Session) -> Offer:
    """Return what can be asked with the backbone of a session."""
    faults: list[str] = []
    cards = session.zoo.list(session.shelf, damaged=faults)
    known = _by_answers(session)
    answering = {card.name: found for card in cards if (found := _answered(card, known))}
    # Tasks that an entry was trained on are before those that its head answers as well.
    tasks: dict[str, list[str]] = {found[0]: [] for found in answering.values()}
    for name, found in sorted(answering.items(), key=lambda each: (each[0].count("/"), each[0])):
        for task in found:
            tasks.setdefault(task, []).append(name)
    others = [card.name for card in cards if card.name not in answering]
    held = {name: tuple(entries) for name, entries in tasks.items()}
    return Offer((*answering, *others), held, tuple(map(short_words, faults)))


_Answers = tuple[Kind, tuple[str, ...]]


def _by_answers(session: Session) -> dict[_Answers, list[str]]:
    """Return the names of tasks by the kind and the labels of a head that answers them."""
    found: dict[_Answers, list[str]] = {}
    for task in session.catalogue:
        found.setdefault((task.kind, task.labels if task.kind in LABELLED else ()), []).append(task.name)
    return found


def _answered(card: AdapterCard, known: Mapping[_Answers, list[str]]) -> list[str]:
    """Return the tasks that the head of an entry answers, the one that it was trained on first."""
    head = card.heads.get(str(parse(card.name).head_name))
    if head is None and len(card.heads) == 1:
        (head,) = card.heads.values()
    if head is None or head.kind not in ANSWERED:
        return []
    return sorted(known.get((head.kind, head.labels), []), key=lambda name: name != card.task)


def first_zoo(session: Session) -> str:
    """Return a sentence where nothing was trained yet, else nothing."""
    root = Path(session.config.zoo)
    if session.zoo.list(damaged=[]):
        return ""
    return f"The zoo {root} holds nothing that was trained; `xstilts demo` trains a first one, and `--zoo DIR` names another."
