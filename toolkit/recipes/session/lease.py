"""Names of entries that a journey makes, held from its start."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from toolkit.recipes.session.session import Session
from toolkit.zoo.lease import leased


def leased_names(entries: Iterable[str], session: Session, doing: str = "trained") -> AbstractContextManager[None]:
    """Hold the names of entries while they are made.

    Args:
        entries: their names.
        session: names the zoo and the backbone.
        doing: what is done to them, for the sentence that another process gets.

    Raises:
        ZooError: another process makes one of them.
    """
    return leased(session.zoo.root, session.shelf, entries, doing)
