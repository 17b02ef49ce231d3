"""Signals at random moments of every command: what is left afterwards is what an undisturbed command leaves."""

from __future__ import annotations

import random
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests import zygote
from tests.soak.hands import interrupt_when_it_serves, wake
from tests.soak.journeys import JOURNEYS, Journey
from tests.soak.proxy import Proxy, at_random
from tests.soak.traces import differences, empty, files_of, orphans_in, runs_of
from tests.soak.world import Ended, World

Tracker = Literal["own", "server", "bad"]
"""Where runs go: the database of the folder, a server, or a server behind a proxy that makes faults."""

Run = tuple[str, tuple[tuple[str, float], ...]]
"""Name and scores."""

NAMES = ("KILL", "TERM", "INT", "STOP", "TERM, KILL", "INT, INT", "STOP, TERM")
CODES = {
    "TERM": (143, -15),  # -15, -2: Python had begun to end; a shell says 143 and 130
    "INT": (130, -2),
    "STOP": (),
    "KILL": (-9,),
    "TERM, KILL": (143, -15, -9),
    "INT, INT": (130, -2),
    "STOP, TERM": (143, -15),
}
HANGS_S = 240.0
ENDS_S = 20.0
FAULTS = 0.15


@dataclass(frozen=True)
class Tracking:
    """The server, its database, and the proxy in front of it."""

    database: Path
    proxy: Proxy
    direct: str


@dataclass
class Report:
    """Figures of a soak."""

    sent: int = 0
    hit: int = 0
    late: int = 0
    rounds: int = 0
    by_signal: Counter[str] = field(default_factory=Counter)
    by_journey: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    by_tracker: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Expected:
    """What an undisturbed command leaves, and how many changes and seconds it takes."""

    files: dict[str, str]
    runs: Counter[Run]
    events: int
    seconds: float


class UndisturbedError(Exception):
    """A command that nothing disturbs does not do its work."""


class Soak:
    """A series of rounds in one world.

    Args:
        seed: draws journeys, moments and signals; the same seed draws the same.
        hub: address of the stand-in for the hub; journeys that need it are left out without one.
        say: gets a line for each round.
    """

    def __init__(
        self,
        world: World,
        tracking: Tracking | None,
        *,
        seed: int,
        journeys: Sequence[Journey] = JOURNEYS,
        hub: str = "",
    ) -> None:
        self.world, self.tracking, self.seed, self.hub = world, tracking, seed, hub
        self.journeys = [one for one in journeys if hub or "{hub}" not in one.words]
        self.report = Report()
        self._expected: dict[tuple[str, Tracker], Expected] = {}

    def rounds(self, signals: int) -> Iterator[str]:
        """Run rounds until so many signals were sent; yield a line for each round."""
        number = 0
        order: list[Journey] = []
        while self.report.sent < signals:
            number += 1
            rng = random.Random(f"{self.seed} {number}")
            if not order:
                order = random.Random(f"{self.seed} order {number}").sample(self.journeys, len(self.journeys))
            journey = order.pop()
            try:
                yield self.round(journey, rng, number)
            except UndisturbedError as error:
                self.report.faults.append(str(error))
                self.journeys.remove(journey)
                yield f"{number:3} {journey.name}\n      FAULT {error}"

    def round(self, journey: Journey, rng: random.Random, number: int) -> str:
        """Disturb one journey up to three times, let it finish, and compare."""
        kinds: tuple[Tracker, ...] = ("own", "server", "bad", "bad") if self.tracking else ("own",)
        tracker = rng.choice(kinds)
        expected = self._undisturbed(journey, tracker)
        self._begin(journey, tracker, rng)
        before = len(self.report.faults)
        struck = [self._strike(journey, tracker, expected, rng) for _ in range(rng.choice((1, 1, 2, 3)))]
        self._finish(journey, tracker, expected)
        self.report.rounds += 1
        self.report.by_journey[journey.name] += 1
        self.report.by_tracker[tracker] += 1
        new = self.report.faults[before:]
        self.report.faults[before:] = [
            f"round {number}, {journey.name}, tracker {tracker}, {'; '.join(struck)}: {one}" for one in new
        ]
        return "\n".join(
            [f"{number:3} {journey.name} [{tracker}]: {'; '.join(struck)}", *(f"      FAULT {one}" for one in new)]
        )

    def struck_at(self, journey: Journey, event: str, text: str, kind: int) -> Ended:
        """Send a signal before the first change that an event and a text in its path describe, let it finish, compare."""
        expected = self._undisturbed(journey, "own")
        self._begin(journey, "own", random.Random(0))
        words = self._words(journey)
        plan = {"in": "command", "to": "process", "signals": [kind], "apart_s": 0.0, "at": [event, text]}
        ended = self._end(words, self.world.start(words, plan))
        self._finish(journey, "own", expected)
        return ended

    # -- one command ---------------------------------------------------------------------------------------------------

    def _undisturbed(self, journey: Journey, tracker: Tracker) -> Expected:
        key = journey.name, tracker
        if key not in self._expected:
            self._begin(journey, "own" if tracker == "own" else "server", random.Random(0))
            words = self._words(journey)
            ended = self._end(words, self.world.start(words, {"in": "command"}), is_served=journey.is_served)
            if ended.code != 0 or ended.total is None:
                raise UndisturbedError(f"undisturbed it does not work: {ended.shown()}")
            self._upload(journey)
            found = Expected(
                files_of(self.world.here), self._finished(tracker), int(ended.total["events"]), ended.total["s"]
            )
            self._expected[key] = found
        return self._expected[key]

    def _begin(self, journey: Journey, tracker: Tracker, rng: random.Random) -> None:
        self.world.begin(journey.start)
        self.world.environment.pop("MLFLOW_TRACKING_URI", None)
        self.world.environment["HF_HUB_OFFLINE"] = "0" if "{hub}" in journey.words else "1"
        if tracker != "own" and self.tracking is not None:
            empty(self.tracking.database)
            self.world.environment["MLFLOW_TRACKING_URI"] = self.tracking.proxy.uri
            is_bad = tracker == "bad"
            self.tracking.proxy.delay_s = rng.choice((0.0, 0.05, 0.5)) if is_bad else 0.0
            self.tracking.proxy.fault = at_random(FAULTS, seed=rng.randrange(1 << 30)) if is_bad else "none"

    def _strike(self, journey: Journey, tracker: Tracker, expected: Expected, rng: random.Random) -> str:
        name = rng.choice(NAMES)
        plan: dict[str, object] = {
            "in": rng.choice(journey.parts),
            "to": rng.choice(("process", "process", "group")),
            "signals": [int(signal.Signals[f"SIG{one}"]) for one in name.split(", ")],
            "apart_s": rng.choice((0.0, 0.1)),
        }
        if rng.random() < 0.6 and expected.events:
            plan["event"] = rng.randint(1, expected.events)
        else:
            plan["after_s"] = 0.02 + rng.random() * expected.seconds
        words = self._words(journey)
        process, is_over = self.world.start(words, plan), threading.Event()
        waker = threading.Thread(target=wake, args=(self.world.here, is_over, rng.uniform(0.2, 1.5)), daemon=True)
        if "STOP" in name:
            waker.start()
        ended = self._end(words, process, is_served=journey.is_served)
        is_over.set()
        self.report.sent += ended.struck is not None
        if ended.struck is None:
            self.report.late += 1
            return f"{name} came too late"
        stage = str(ended.struck["stage"])
        self.report.hit += bool(stage)
        self.report.by_signal[name] += 1
        self.report.stages[stage.split(" < ")[0] or "before or behind the toolkit"] += 1
        self._judge(ended, name, plan)
        return f"{name} to the {plan['to']} of the {plan['in']} at {ended.struck['at_s']:.2f} s in {stage or '-'}: {ended.code}"

    def _words(self, journey: Journey) -> tuple[str, ...]:
        """Return the words of a command, with addresses of this moment."""
        places = {"{hub}": self.hub, "{port}": ""}
        if "{port}" in journey.words:
            with socket.create_server(("127.0.0.1", 0)) as free:
                places["{port}"] = str(free.getsockname()[1])
        return tuple(places.get(word, word) for word in journey.words)

    def _end(self, words: tuple[str, ...], process: zygote.Popen, *, is_served: bool = False) -> Ended:
        code: int | None = None
        try:
            if is_served:
                interrupt_when_it_serves(process, self.world.root / "out", within_s=HANGS_S)
            code = process.wait(HANGS_S)
        except zygote.subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.report.faults.append(f"hangs: {' '.join(words)}")
        left = orphans_in(self.world.here, within_s=ENDS_S)
        self.report.faults += [f"orphan: {one}" for one in left]
        return self.world.ended(words, code)

    def _judge(self, ended: Ended, name: str, plan: dict[str, object]) -> None:
        """Note what is wrong about the end of a command that was struck."""
        stage = ended.struck and ended.struck["stage"]
        is_own = plan["in"] == "command"
        allowed = (0, *CODES[name], *(() if is_own else (1, 2)))
        if stage and ended.code not in allowed:
            self.report.faults.append(f"exit code {ended.code}, expected one of {allowed}: {ended.error[-1000:]}")
        if stage and "Traceback" in ended.error:
            self.report.faults.append(f"traceback: {ended.error[-2500:]}")

    # -- what is left --------------------------------------------------------------------------------------------------

    def _finish(self, journey: Journey, tracker: Tracker, expected: Expected) -> None:
        words = self._words(journey)
        ended = self._end(words, self.world.start(words), is_served=journey.is_served)
        is_away = journey.name == "track sync" and tracker == "bad" and ended.code == 2  # `_upload` tries again
        if ended.code != 0 and not is_away and not _is_done(ended):
            self.report.faults.append(f"does not finish: {ended.shown()}")
        if "Traceback" in ended.error:
            self.report.faults.append(f"traceback: {ended.error[-2500:]}")
        if tracker != "own" and self.tracking is not None:
            self.tracking.proxy.delay_s, self.tracking.proxy.fault = 0.0, "none"
        self._upload(journey)
        self.report.faults += differences(expected.files, files_of(self.world.here))
        runs = runs_of(self._database(tracker))
        running = [name for name, status, _ in runs if status not in ("FINISHED", "KILLED", "FAILED")]
        if running:
            self.report.faults.append(f"not closed: {running}")
        # Where a command was struck behind its work, nothing is left to do: its run stays as the signal closed it.
        cut = {name for name, status, _ in runs if status in ("KILLED", "FAILED")}
        found = self._finished(tracker)
        lacking = {one for one in expected.runs if one[0] not in cut and not any(_is_one(each, one) for each in found)}
        strange = {one for one in found if not any(_agrees(one, each) for each in expected.runs)}
        if lacking or strange:
            said = [each[:2] for each in runs]
            self.report.faults.append(f"runs that lack {_named(lacking)}, and others {_named(strange)}, in {said}")

    def _upload(self, journey: Journey) -> None:
        """Send what waits in the spools to the tracker that is there again."""
        for spool in {path.parent for path in self.world.here.rglob("xstilts-spool/*")}:
            words = ("track", "sync", "--folder", str(spool.parent.relative_to(self.world.here)))
            synced = self._end(words, self.world.start(words))
            if synced.code != 0:
                self.report.faults.append(f"not uploaded after {journey.name}: {synced.shown()}")

    def _database(self, tracker: Tracker) -> Path:
        if tracker != "own" and self.tracking is not None:
            return self.tracking.database
        return self.world.here / "mlflow.db"

    def _finished(self, tracker: Tracker) -> Counter[Run]:
        return Counter(
            (name, scores) for name, status, scores in runs_of(self._database(tracker)) if status == "FINISHED"
        )


def _is_one(found: Run, expected: Run) -> bool:
    """Whether a run is the expected one; a run that was continued may have scores of its earlier stages, too."""
    return found[0] == expected[0] and set(expected[1]) <= set(found[1])


def _agrees(found: Run, expected: Run) -> bool:
    """Whether a run may be the expected one, or one that was opened for it and found nothing left to do."""
    scores = dict(expected[1])
    return found[0] == expected[0] and all(scores.get(name, value) == value for name, value in found[1])


def _named(runs: Iterable[Run]) -> list[str]:
    return [str(one)[:300] for one in runs]


def _is_done(ended: Ended) -> bool:
    """Whether the command before had done the work and only this is said: the entry is removed, the file is there."""
    return ended.code == 2 and any(one in ended.error for one in ("No adapter named", " already", "holds something"))
