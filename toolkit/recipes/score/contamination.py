"""Contamination: training rows of a composition's entries, and of all that these were made from, that a task scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from toolkit.tasks import Task
from toolkit.zoo import AdapterCard, Seen, Zoo


def translated(cards: Iterable[AdapterCard]) -> Iterator[str]:
    """Yield a sentence for each task whose machine-translated rows an adapter has learnt from."""
    found = {(card.name, seen.task, seen.language) for card in cards for seen in card.data_seen if seen.is_translated}
    for name, task, language in sorted(found, key=str):
        yield f"'{name}' has learnt from machine-translated rows: {task} in {language}."


def contamination(cards: Iterable[AdapterCard], target: Task, zoo: Zoo) -> list[str]:
    """Return a sentence for each entry whose training rows, or those of an entry that it was made from, overlap with a task's.

    What an entry continues from (`seq`), was distilled, pruned or varied from has shaped its weights as much as its own rows.

    Args:
        cards: the entries; one that another was made from is named for itself alone.
        target: what is scored.
        zoo: holds what they were made from.
    """
    own = {card.name: card for card in cards}
    found: dict[str, None] = {}
    for card in own.values():
        told = {_rows(seen) for seen in card.data_seen}
        found |= dict.fromkeys(filter(None, (_sentence(f"'{card.name}'", seen, target) for seen in card.data_seen)))
        visited = set(own)
        waiting = list(reversed(card.parents))
        while waiting:
            parent = waiting.pop()
            if parent.name in visited:
                continue
            visited.add(parent.name)
            held = zoo.get(parent.name, card.shelf) if zoo.holds(parent.name, card.shelf) else None
            who = f"'{parent.name}', which '{card.name}' was made from,"
            if held is None or held.digest != parent.digest:
                found[f"{who} is not in this zoo: whether it saw rows of {target.name} is not known."] = None
                continue
            unsaid = [seen for seen in held.data_seen if _rows(seen) not in told]
            found |= dict.fromkeys(filter(None, (_sentence(who, seen, target) for seen in unsaid)))
            waiting += reversed(held.parents)
    return list(found)


def _rows(seen: Seen) -> tuple[object, ...]:
    return seen.task, seen.split, seen.language, seen.fingerprint


def _sentence(who: str, seen: Seen, target: Task) -> str | None:
    """Return what is to be said of some rows that an entry saw; None for rows that the task does not score."""
    if seen.is_external:
        return f"{who} was made elsewhere: which rows it saw is not known, nor whether {target.name}'s are among them."
    if f"{seen.task}:{seen.split}" in target.overlaps:
        return f"{who} saw {seen.task} ({seen.split}), which shares rows with {target.name}."
    return None
