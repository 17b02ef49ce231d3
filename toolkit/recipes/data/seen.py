"""Rows that were trained on, by a task's lender or by the zoo's entries, compared with the rows that are scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from toolkit.errors import ToolkitError
from toolkit.progress import under_way
from toolkit.recipes.data.leaks import Held, Leak, describe, find_leaks
from toolkit.recipes.score.contamination import contamination
from toolkit.recipes.session.session import Session
from toolkit.tasks import Task
from toolkit.zoo import Seen


def lent(task: Task, session: Session) -> Iterator[Held]:
    """Yield the rows of the task that lends its training rows, if they can be read."""
    if task.trains_on is None:
        return
    found = _seen(Seen(task.trains_on, "train"), session)
    if isinstance(found, Held):
        yield found


def seen_rows(task: Task, scored: Mapping[str, Held], session: Session) -> Iterator[str]:
    """Yield a sentence for each entry of the zoo that saw rows that are scored.

    Args:
        scored: by language.
    """
    damaged: list[str] = []
    cards = session.zoo.list(session.shelf, damaged=damaged)
    yield from contamination(cards, task, session.zoo)
    held: dict[tuple[object, ...], tuple[tuple[Leak, ...] | str, str]] = {}
    for card in cards:
        for seen in card.data_seen:
            if seen.is_external:
                continue  # `contamination` has said it
            place = (seen.task, seen.split, seen.language, seen.rows, seen.drawn_from, seen.seed, seen.limit)
            what = f"'{card.name}' saw {seen.task} {seen.language or ''} ({seen.split or ''})"
            if place not in held:
                found = _seen(seen, session)
                held[place] = (
                    (found, "") if isinstance(found, str) else (tuple(find_leaks(found, scored)), found.fingerprint)
                )
            leaks, fingerprint = held[place]
            if isinstance(leaks, str):
                yield f"{what}, which cannot be read here and was not compared: {leaks}"
                continue
            if fingerprint != (seen.fingerprint or fingerprint):
                yield f"{what}: the rows here differ from the card's; they were compared in their place."
            yield from describe(leaks, what)
    for sentence in damaged:
        yield f"Damaged, not compared: {sentence}"


def _seen(seen: Seen, session: Session) -> Held | str:
    """Return the rows that a card's `data_seen` names, or why they cannot be read."""
    try:
        task = session.catalogue.get(seen.task)
        n = seen.rows if isinstance(seen.rows, int) else None
        whole = task.rows(seen.split or "train", seen.language, data_root=session.config.data_root)
        first = whole[: n if seen.drawn_from is None else seen.drawn_from]  # what a limit took in 0.1.0
        rows = first if seen.limit is None else whole.limited(seen.limit, seed=seen.seed or 0)
        if seen.drawn_from is not None and n is not None:
            rows = rows.draw(n, seed=seen.seed or 0)
        with under_way(session.report, f"read {seen.task} {seen.language or ''}".rstrip()):
            good = list(rows)
    except ToolkitError as error:
        return str(error)
    return Held(task, (rows.asked, rows.split), rows.language, good, rows.fingerprint)
