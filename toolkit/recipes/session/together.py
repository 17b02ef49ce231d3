"""Journeys in several processes: the main one does the journey, the others take their shares of its passes over rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TypeVar, cast

from toolkit.modeling.passes import End, Follower
from toolkit.ranks import Ranks, broken_off
from toolkit.recipes.session.session import Session

T = TypeVar("T")


def together(session: Session, journey: Callable[[Session], T]) -> T:
    """Do a journey in all processes of the run, and return its result in each; alone, simply do it.

    Only the main process reads rows, tokenises, scores, writes and records. The others wire the circuits that it wires, and
    compute what it asks for. Inside a journey that is done together this does another one as a part of it.

    Args:
        session: of the journey.
        journey: called with the session in which passes are shared; only in the main process.

    Raises:
        ToolkitError: of the process that met it first, in all of them.
        LostProcessError: another process has ended, and said nothing.
    """
    if session.ranks.count > 1:
        return journey(session)
    ranks = Ranks.here()
    if ranks.count == 1:
        return journey(session)
    try:
        if ranks.is_main:
            found = journey(replace(session, ranks=ranks))
            ranks.broadcast(End(found))
            return found
        with closing(Follower(ranks)) as follower:
            return cast(T, follower.follow())
    except Exception as fault:
        raised = broken_off(fault)
        if raised is fault:
            raise
        raise raised from fault
