"""A full file system under every folder in turn: one sentence, nothing half-written, and the same command finishes later.

Where mounting is allowed, the folder is a small `tmpfs`; elsewhere no file may grow beyond a limit, which writes meet likewise.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.inputs.judge import fault_of
from tests.soak.journeys import JOURNEYS
from tests.soak.traces import differences, files_of, runs_of
from tests.soak.world import FUSED, TINY, World

AMPLE_KIB = 200_000
ELSEWHERE = ("--set", "tracking.folder=track")
AWAY = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}


@dataclass(frozen=True)
class Full:
    """A command, and the folder that is full.

    Attributes:
        folder: in the working folder.
        words: of the command.
        start: prepared folder that it starts in.
        environment: of the command, in addition.
    """

    folder: str
    words: tuple[str, ...]
    start: str = "full"
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Folder and command."""
        return f"{self.folder} of `{' '.join(self.words[:4])}`"


def _of(folder: str, name: str) -> Full:
    journey = next(one for one in JOURNEYS if one.name == name)
    return Full(folder, journey.words, journey.start)


PLACES = (
    _of("adapter_zoo", "train a stack"),
    _of("adapter_zoo", "fuse"),
    _of("adapter_zoo", "train a merge"),
    _of("adapter_zoo", "collapse"),
    _of("adapter_zoo", "eval"),
    _of("runs", "train a stack"),
    _of("runs", "train a mixture"),
    _of("runs", "eval"),
    _of("runs", "compare"),
    _of("runs", "robust"),
    _of("runs", "similarity"),
    _of("cache", "train a stack"),
    _of("cache", "eval"),
    _of("embeddings", "retrieve"),
    _of("embeddings", "mine"),
    _of("tmp", "train a stack"),
    _of("tmp", "eval"),
    _of("tmp", "zoo export"),
    _of("sweeps", "sweep with one worker"),
    _of("sweeps", "sweep with two workers"),
    _of("table", "eval elsewhere"),
    _of("saved", "zoo export"),
    _of("paper", "report"),
    _of("saved", "export torch"),
    _of("out", "predict"),
    _of("out", "mine an own layer"),
    _of("gallery", "zoo site"),
    _of("other", "zoo pull"),
    _of("other", "zoo pull --lock"),
    _of("other", "zoo import"),
    _of("elsewhere", "zoo push"),
    _of("mine", "configs copy"),
    Full("track", ("train", "micro-nli", *ELSEWHERE, *TINY), "bare"),
    Full("track", ("eval", FUSED, "--task", "micro-choice", "--languages", "en", *ELSEWHERE, *TINY)),
    Full("track", ("train", "micro-nli", *ELSEWHERE, *TINY), "bare", AWAY),
    Full("track", ("eval", FUSED, "--task", "micro-choice", "--languages", "en", *ELSEWHERE, *TINY), "full", AWAY),
)


@dataclass
class Filled:
    """Figures of the full disks.

    Attributes:
        how: tmpfs, or a limit of the size of a file.
        tried: commands by folder.
        codes: how they ended while the disk was full.
    """

    how: str
    tried: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Disks:
    """A series of full disks in one world.

    Args:
        seed: draws how much space is left.
    """

    def __init__(self, world: World, *, seed: int) -> None:
        self.world, self.seed = world, seed
        self.can_mount = _can_mount(world.root / "mount")
        self.filled = Filled("tmpfs" if self.can_mount else "a limit of the size of a file")
        self._environment = dict(world.environment)

    def fill(self, places: Sequence[Full] = PLACES, *, times: int = 2) -> Iterator[str]:
        """Run each command so many times with less space than it needs; yield a line for each."""
        for place in places:
            self.world.environment = {**self._environment, **place.environment}
            expected, need_kib = self._undisturbed(place)
            for number in range(times):
                rng = random.Random(f"{self.seed} {place.name} {number}")
                yield self._one(place, expected, int(need_kib * (rng.random() if number else 0.0)))
        self.world.environment = self._environment

    def _undisturbed(self, place: Full) -> tuple[dict[str, str], int]:
        self._begin(place)
        ended = self.world.run(place.words)
        assert ended.code == 0, ended.shown()
        return files_of(self.world.here), _kib(self.world.here / place.folder)

    def _begin(self, place: Full) -> None:
        self.world.begin(place.start)
        folder = self.world.here / place.folder
        folder.mkdir(exist_ok=True)
        if place.folder == "track" and not place.environment:
            shutil.copy2(self.world.here / "mlflow.db", folder)

    def _one(self, place: Full, expected: dict[str, str], free_kib: int) -> str:
        self._begin(place)
        faults: list[str] = []
        with self._full(self.world.here / place.folder, free_kib) as plan:
            ended = self.world.run(place.words, plan)
            if fault := fault_of(ended, may_pass=True):
                faults.append(f"{fault}: {ended.error[-1500:]}")
        code = ended.code
        again = self.world.run(place.words)
        if again.code != 0 and " already" not in again.error and "holds something" not in again.error:
            faults.append(f"does not finish when there is space: {again.shown()}")
        is_away = "track" in place.folder and "MLFLOW_TRACKING_URI" in place.environment
        # Records for a disk that is full now wait or are left out, and what saves time is made again when it is needed.
        ignored = ("track/",) if place.folder == "track" else ("cache/", "embeddings/")
        left = differences(expected, files_of(self.world.here))
        found = [one for one in left if not one.partition(": ")[2].startswith(ignored) or ".tmp" in one]
        faults += found
        runs = [] if is_away else runs_of(self.world.here / ("track" if place.folder == "track" else ".") / "mlflow.db")
        faults += [f"not closed: {name}" for name, status, _ in runs if status not in ("FINISHED", "KILLED", "FAILED")]
        self.filled.tried[place.folder] += 1
        self.filled.codes[str(code)] += 1
        what = f"{place.name} with {free_kib} KiB free: {code}"
        self.filled.faults += [f"{what}: {one}" for one in faults]
        said = next((line for line in ended.error.splitlines() if line.startswith("Error: ")), "")
        return "\n".join([f"    {what} {said[:200]}", *(f"      FAULT {one}" for one in faults)])

    @contextmanager
    def _full(self, folder: Path, free_kib: int) -> Iterator[dict[str, object]]:
        """Let a folder have so little space while the block runs; what is in it afterwards stays."""
        if not self.can_mount:
            yield {"limit": 1024 * max(1, free_kib // 4)}
            return
        held = folder.with_name(f"{folder.name}.held")
        folder.rename(held)
        folder.mkdir()
        _mount(folder, AMPLE_KIB)
        try:
            shutil.copytree(held, folder, dirs_exist_ok=True)
            shutil.rmtree(held)
            used = AMPLE_KIB - os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize // 1024
            _mount(folder, used + free_kib // 4 * 4 + 4, "remount,")
            ballast = folder / "ballast"  # a disk of no pages at all is one without a limit
            ballast.write_bytes(bytes(4096))
            yield {}
            ballast.unlink()
            shutil.copytree(folder, held)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()
        held.rename(folder)


def _kib(folder: Path) -> int:
    return sum(-(-path.stat().st_size // 4096) * 4 for path in folder.rglob("*") if path.is_file())


def _mount(folder: Path, kib: int, more: str = "") -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{more}size={kib}k", "tmpfs", str(folder)], check=True)


def _can_mount(folder: Path) -> bool:
    folder.mkdir(exist_ok=True)
    try:
        _mount(folder, 4)
    except (OSError, subprocess.CalledProcessError):
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True
