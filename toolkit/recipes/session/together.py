"""Journeys in several processes: those of `torchrun` take shares of the passes over rows, and a staff takes whole jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TypeVar, cast

from toolkit.errors import ToolkitError
from toolkit.modeling.passes import End, Follower
from toolkit.ranks import Ranks, broken_off
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.staff import Staff

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
    _require_one_kind(session)
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


@contextmanager
def staffed(session: Session) -> Iterator[Session]:
    """Give the session with its staff, where its site has one, while the block runs; inside such a block the same one.

    Raises:
        ToolkitError: the staff has nothing to write to, or `torchrun` has started several processes already.
    """
    if session.site.is_alone or session.staff is not None:
        yield session
        return
    _require_one_kind(session)
    with Staff(session.site, session.config, session.say) as staff:
        yield replace(session, staff=staff)


def _require_one_kind(session: Session) -> None:
    """Raise where a staff is asked for in a process that `torchrun` has started."""
    if not session.site.is_alone and Ranks.told().count > 1:
        raise ToolkitError(
            "--workers, --scheduler and --cluster start or find processes of their own; give them to a command that `torchrun` "
            "has not started."
        )
