"""Probe of a dry run: a few rows of each kind of work, in as many processes as will work."""

from __future__ import annotations

import queue
import statistics
import threading
from collections.abc import Sequence
from contextlib import ExitStack

from toolkit.engine.hand import Hand, manner_of, passing_on
from toolkit.engine.messages import Event, Failed, Hire
from toolkit.errors import ToolkitError
from toolkit.files import scratch
from toolkit.progress import Tell
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.messages import Measure, Measured
from toolkit.recipes.sweep.places import PROGRAM, places_of
from toolkit.sweeps import Step

JOIN_S = 10.0  # until a thread has heard that its process has ended; on a busy machine one second was too short


def probe(steps: Sequence[Step], session: Session, workers: int) -> Measured:
    """Run a few rows of each kind of work in processes that fetch nothing.

    Processes that work at the same time share the machine: a measurement of one alone would be too fast.

    Raises:
        ToolkitError: a process died.
    """
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    on_event, places = passing_on(Tell(session.report)), places_of(session.config)
    manner = manner_of(PROGRAM, workers, is_offline=True)
    found: list[Measured] = []
    with scratch() as place, ExitStack() as started:
        for number in range(workers):
            hand = Hand(Hire(number, places, f"{place}/logs/worker-{number + 1}.log"), manner)
            started.callback(hand.close)

            def measure(hand: Hand = hand) -> None:
                events.put(hand.do(Measure(tuple(steps)), events.put, lambda: True))

            thread = threading.Thread(target=measure, daemon=True)
            thread.start()
            started.callback(thread.join, JOIN_S)
            started.callback(hand.kill)
        while len(found) < workers:
            match event := events.get():
                case Measured():
                    found.append(event)
                case Failed(error):
                    raise ToolkitError(error)
                case _:
                    on_event(event)
    speeds: dict[str, list[tuple[float, float]]] = {}
    for one in found:
        for work, costs in one.speeds.items():
            speeds.setdefault(work, []).append(costs)
    middle = {
        work: (statistics.median(row for row, _ in costs), statistics.median(fixed for _, fixed in costs))
        for work, costs in speeds.items()
    }
    return Measured(middle, tuple(fault for one in found for fault in one.faults))
