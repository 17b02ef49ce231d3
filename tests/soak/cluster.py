"""Kills of a worker, the scheduler and the client of a sweep at random moments: `python -m tests.soak.cluster --kills 20 --seed 0`.

The sweep works on a cluster that was started by hand, and with a tracker. After up to three kills the same command is given until it
ends well. Then the tables are those of an undisturbed sweep, no step and no run is left running, and no process of a step is left.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal, get_args

import psutil

from tests import PROJECT, zygote
from tests.nodes import Nodes, nodes, tables
from tests.soak.forked import VARIABLE

Victim = Literal["worker", "scheduler", "client"]
GRID = """
title: Tiny
axes:
  intermediates: [micro-nli]
  targets: [micro-choice]
languages: [en, de]
settings:
  backbone: {name: tiny, precision: fp32}
  train: {limit: 32, epochs: 3, eval_limit: 4, batch_size: 4, checkpoint_every: 2}
  eval: {limit: 8}
"""
OF_DASK = ("distributed.cli", "multiprocessing.")  # schedulers, nannies, workers and what watches them
FORKED = ("--preload", "tests.soak.forked")
ENDS_S = 900.0
TRIES = 6


class Kills:
    """Rounds of kills in one folder.

    Args:
        root: an empty folder.
        rng: draws victims and moments.
    """

    def __init__(self, root: Path, rng: random.Random) -> None:
        self.root, self.home, self._rng = root, root / "home", rng
        self.home.mkdir()
        (self.home / "grid.yaml").write_text(GRID, encoding="utf-8")
        self.sent: Counter[str] = Counter()
        self.late = 0
        self.faults: list[str] = []
        self._stack = ExitStack()
        self._cluster = self._new_cluster()
        began = time.monotonic()
        self._until_done()
        self._takes_s = time.monotonic() - began
        self._tables = tables(self.home / "out")

    def close(self) -> None:
        """End the cluster."""
        self._stack.close()

    def rounds(self, kills: int) -> Iterator[str]:
        """Kill each victim so many times; yield a line for each sweep."""
        while wanted := [name for name in get_args(Victim) if self.sent[name] < kills]:
            shutil.rmtree(self.home / "out")
            before, struck = len(self.faults), []
            for _ in range(self._rng.choice((1, 2, 3))):
                struck.append(self._strike(self._rng.choice(wanted)))
            began = time.monotonic()
            self._until_done()
            self._look()
            line = f"{'; '.join(struck)}; then done in {time.monotonic() - began:.0f} s"
            self.faults[before:] = [f"{line}: {one}" for one in self.faults[before:]]
            yield "\n".join([line, *(f"    FAULT {one}" for one in self.faults[before:])])

    def _strike(self, victim: Victim) -> str:
        """Start the sweep, kill a process of it at a random moment, and wait until the command has ended."""
        client, moment = self._start(), self._rng.uniform(0.0, self._takes_s)
        began = time.monotonic()
        with suppress(subprocess.TimeoutExpired):
            client.wait(moment)
            self.late += 1
            self._takes_s = min(self._takes_s, time.monotonic() - began)
            self._judge(client, victim="client", is_killed=False)
            return f"{victim} came too late"
        self.sent[victim] += 1
        what: str = victim
        if victim == "client":
            client.kill()
        elif victim == "scheduler":
            self._cluster.kill(self._cluster.scheduler)
        else:
            what = self._kill_worker()
        self._judge(client, victim=victim, is_killed=True)
        if victim == "scheduler":
            self._cluster = self._new_cluster()
        return f"{what} at {moment:.1f} s"

    def _kill_worker(self) -> str:
        """Kill a worker with its nanny, so that another one is started, or alone, so that the nanny starts it again."""
        process = self._rng.choice(self._cluster.workers)
        if self._rng.random() < 0.5:
            below = [one for one in psutil.Process(process.pid).children() if "spawn_main" in " ".join(one.cmdline())]
            if below:
                below[0].kill()
                return "worker"
        self._cluster.workers.remove(process)
        self._cluster.kill(process)
        self._cluster.start_worker(*FORKED)
        return "worker and nanny"

    def _judge(self, client: zygote.Popen, *, victim: Victim, is_killed: bool) -> None:
        """Wait for the command and compare its end with what was promised."""
        try:
            _, said = client.communicate(timeout=ENDS_S)
        except subprocess.TimeoutExpired:
            client.kill()
            _, said = client.communicate()
            self.faults.append(f"the command did not end within {ENDS_S:.0f} s; it said: {said[-500:]}")
            return
        expected = {"worker": (0,), "scheduler": (2, 0), "client": (-9, 0)}[victim] if is_killed else (0,)
        if client.returncode not in expected or "Traceback" in said:
            self.faults.append(f"exit code {client.returncode}; it said: {said[-1000:]}")

    def _until_done(self) -> None:
        for _ in range(TRIES):
            client = self._start()
            _, said = client.communicate(timeout=ENDS_S)
            if client.returncode == 0:
                return
        self.faults.append(f"exit code {client.returncode} {TRIES} times; it said: {said[-1000:]}")

    def _look(self) -> None:
        """Compare what is left with what an undisturbed sweep leaves."""
        from tests.recipes.sweeping import records
        from tests.soak.traces import runs_of

        out = self.home / "out"
        if tables(out) != self._tables:
            self.faults.append("the tables are not those of an undisturbed sweep")
        states = Counter(record.state for record in records(out).values())
        if set(states) != {"done"}:
            self.faults.append(f"states of the steps: {dict(states)}")
        runs = Counter(status for _, status, _ in runs_of(self.home / "mlflow.db"))
        if runs["RUNNING"]:
            self.faults.append(f"states of the runs: {dict(runs)}")
        end = time.monotonic() + 60.0
        while (left := self._steps_left()) and time.monotonic() < end:
            time.sleep(0.1)
        if left:
            self.faults.append(f"processes of steps are left: {left}")
        if odd := [path.name for path in out.glob(".*") if path.name != ".lease"]:
            self.faults.append(f"files are left: {odd}")

    def _steps_left(self) -> list[int]:
        found = []
        for one in psutil.process_iter(["pid", "cmdline", "cwd"]):  # a forked one has the command of the zygote
            is_here = one.info["cwd"] == str(self.home)
            if is_here and not any(part in " ".join(one.info["cmdline"] or []) for part in OF_DASK):
                found.append(one.info["pid"])
        return found

    def _start(self) -> zygote.Popen:
        words = ["sweep", "grid.yaml", "--out", "out", "--scheduler", self._cluster.address]
        return zygote.Popen(
            [sys.executable, str(PROJECT / "cli.py"), *words],
            first="tests.soak.forked:settle",
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _new_cluster(self) -> Nodes:
        self._stack.close()
        place = Path(tempfile.mkdtemp(dir=self.root))
        return self._stack.enter_context(nodes(place, self.home, options=FORKED))


def main() -> int:
    """Run the kills, print a line for each sweep and the figures; return 1 where something was not as promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.cluster", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--kills", type=int, default=1, metavar="N", help="of each: a worker, the scheduler, the client"
    )
    parser.add_argument("--seed", type=int, default=None, help="of victims and moments; default: a new one")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 20)
    print(f"seed {seed}", flush=True)
    os.environ.update(HF_HUB_OFFLINE="1", MLFLOW_DISABLE_TELEMETRY="true", TOKENIZERS_PARALLELISM="false")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    root, began = Path(tempfile.mkdtemp(prefix="kills-")), time.monotonic()
    os.environ[VARIABLE] = str(root)
    zygote.live_in(root)
    zygote.start()
    kills = Kills(root, random.Random(seed))
    try:
        for line in kills.rounds(given.kills):
            print(line, flush=True)
    finally:
        kills.close()
        shutil.rmtree(root, ignore_errors=True)
    took = time.monotonic() - began
    print(f"kills {dict(kills.sent)}, too late {kills.late}, faults {len(kills.faults)}, {took:.0f} s")
    return int(bool(kills.faults))


if __name__ == "__main__":
    sys.exit(main())
