"""Processes of one run, which `torchrun` starts: who they are, what they send each other, and how they end together."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

_MEET = timedelta(minutes=10)
# A process may prepare for hours (download, tokenise) while the others wait; one that has ended is noticed at once.
_WAIT = timedelta(hours=12)
_PREFIX, _ENDED, _LEFT, _BROKEN, _SAID = "xstilts", "ended", "left", "broken", "said"
_LEAVE_S = 5.0


class LostProcessError(ToolkitError):
    """Another process of the run has ended, so that this one cannot continue."""


@dataclass(frozen=True)
class Ranks:
    """The processes of one run; alone, every method costs nothing.

    Attributes:
        count: number of processes.
        rank: this one, 0 being the main process, which alone reads rows, writes files and speaks.
    """

    count: int = 1
    rank: int = 0

    @classmethod
    def told(cls) -> Ranks:
        """Return what the environment says, without meeting the others; this process alone where it says nothing."""
        count, rank = os.environ.get("WORLD_SIZE", ""), os.environ.get("RANK", "")
        is_said = count.isdecimal() and rank.isdecimal() and int(rank) < int(count)
        return cls(int(count), int(rank)) if is_said else cls()

    @classmethod
    def here(cls) -> Ranks:
        """Return the processes of this run, when all of them are here.

        Raises:
            ToolkitError: they do not meet.
        """
        found = cls.told()
        if found == cls() and os.environ.get("WORLD_SIZE", "1") != "1":
            raise ToolkitError(
                f"RANK={os.environ.get('RANK', '')} of WORLD_SIZE={os.environ['WORLD_SIZE']} is not a process of a run; start "
                "several processes with `torchrun`, or unset both."
            )
        if found.count > 1:
            _meet(found)
        return found

    @property
    def is_main(self) -> bool:
        """Whether this is the process that reads, writes and speaks."""
        return self.rank == 0

    def broadcast(self, value: Any = None) -> Any:
        """Return the main process's value in every process."""
        if self.count == 1:
            return value
        from torch import distributed

        held = [value]
        with lost_as_an_error():
            distributed.broadcast_object_list(held)
        return held[0]

    def agree(self, value: float) -> float:
        """Return the main process's value in every process: decisions must not differ by a rounding."""
        return float(self.broadcast(value))

    def gather(self, value: Any) -> list[Any]:
        """Return every process's value in the main process, in order of rank; an empty list in the others."""
        if self.count == 1:
            return [value]
        from torch import distributed

        held: list[Any] | None = [None] * self.count if self.is_main else None
        with lost_as_an_error():
            distributed.gather_object(value, held)
        return held or []

    def exchange(self, value: Any) -> list[Any]:
        """Return every process's value in every process, in order of rank."""
        found: list[Any] = self.broadcast(self.gather(value))
        return found

    def wait(self) -> None:
        """Wait until every process is here."""
        self.broadcast()
        self.gather(None)


@contextmanager
def lost_as_an_error() -> Iterator[None]:
    """Raise a `LostProcessError` in place of what a connection raises whose other end has closed."""
    from torch import distributed

    try:
        yield
    except (distributed.DistBackendError, distributed.DistNetworkError, RuntimeError) as error:
        if "out of memory" in str(error):
            raise
        raise LostProcessError(
            "Another process of this run has ended or broken off, and this one ends too; what that one said is the reason (a "
            "process that was killed says nothing: the memory may have been too small)."
        ) from error


def _meet(ranks: Ranks) -> None:
    from torch import cuda, distributed

    if distributed.is_initialized():
        return
    from torch.distributed.distributed_c10d import PrefixStore

    where = ":".join(os.environ.get(name) or f"{name} (not set)" for name in ("MASTER_ADDR", "MASTER_PORT"))
    try:
        meeting = _meeting()
        if _number(meeting.store, _ENDED):
            raise LostProcessError("A process of this run has ended before.")
        # Values travel over gloo, which notices at once when a process ends; gradients of a GPU over NCCL.
        backend = "cpu:gloo,cuda:nccl" if cuda.is_available() else "gloo"
        store = PrefixStore(str(meeting.number), meeting.store)
        meeting.is_first = None
        distributed.init_process_group(backend, store=store, rank=ranks.rank, world_size=ranks.count, timeout=_WAIT)
    except (ValueError, RuntimeError, OSError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ToolkitError(
            f"Process {ranks.rank + 1} of {ranks.count} did not meet the others at {where} ({first[:120]}); start all of "
            "them with `torchrun`."
        ) from error


@dataclass
class _Meeting:
    """Where the processes meet, and where the first one that ends says so.

    Attributes:
        store: that all of them reach.
        number: of journeys that broke off before; after each the processes meet anew.
        is_first: whether this process was the first one to break off the journey before; None: it is under way, or none was.
    """

    store: Store
    number: int = 0
    is_first: bool | None = None


@lru_cache(maxsize=1)
def _meeting() -> _Meeting:
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    store, _, _ = next(rendezvous("env://", timeout=_MEET))
    return _Meeting(PrefixStore(_PREFIX, store))


def _number(store: Store, key: str, *, more: int = 0) -> int:
    return store.add(key, more)


# -- ends -------------------------------------------------------------------------------------------------------------


def is_first_to_end() -> bool:
    """Note that this process ends before its work is done; return whether it is the first, which says why."""
    ranks = Ranks.told()
    if ranks.count == 1:
        return True
    if not _have_met():
        return ranks.is_main  # what is found before they meet, each of them finds
    meeting = _meeting()
    if meeting.is_first is not None:
        return meeting.is_first
    try:
        return _number(meeting.store, _ENDED, more=1) == 1
    except (RuntimeError, ValueError, OSError):  # it was in a process that is gone
        return True


def _have_met() -> bool:
    return _meeting.cache_info().currsize > 0


def broken_off(fault: Exception) -> Exception:
    """Leave a journey that this process cannot continue, and return what is raised for it; the others leave it at once.

    A script that catches a fault in one process catches it in all of them, whatever they were waiting for, and their next
    journey is done together again.

    Args:
        fault: in this process; of one that lost the others, what the first of them said is returned.
    """
    from torch import distributed

    meeting = _meeting()
    said = f"{_SAID}/{meeting.number}"
    with suppress(RuntimeError, ValueError, OSError):  # it was in a process that is gone
        meeting.is_first = True
        meeting.is_first = _number(meeting.store, f"{_BROKEN}/{meeting.number}", more=1) == 1
        if meeting.is_first and isinstance(fault, ToolkitError):
            meeting.store.set(said, pickle.dumps(fault).hex())
        elif isinstance(fault, LostProcessError) and meeting.store.check([said]):
            fault = pickle.loads(bytes.fromhex(meeting.store.get(said).decode()))
    meeting.number += 1
    with suppress(Exception):
        distributed.destroy_process_group()
    return fault


def part() -> None:
    """Leave the others, who notice at once; the process that keeps what they look up then waits for them a moment."""
    ranks = Ranks.told()
    if ranks.count == 1 or not _have_met():
        return
    from torch import distributed

    with suppress(Exception):
        distributed.destroy_process_group()
    with suppress(RuntimeError, ValueError, OSError):
        store = _meeting().store
        left = _number(store, _LEFT, more=1)
        until = time.monotonic() + _LEAVE_S
        while ranks.is_main and left < ranks.count and time.monotonic() < until:
            time.sleep(0.02)
            left = _number(store, _LEFT)
