"""Give every door its damaged inputs, and note how each command ended."""

from __future__ import annotations

import os
import random
import shutil
import stat
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.soak.inputs.damage import DAMAGES, damage
from tests.soak.inputs.files import ANYTHING, DOORS, Door
from tests.soak.inputs.judge import fault_of
from tests.soak.inputs.options import Given, given
from tests.soak.traces import files_of, orphans_in
from tests.soak.world import Ended, World

DEVICES = (
    "/dev/null",
    "/dev/zero",
)  # among the hostile values; a file that is renamed over one takes it from everybody
LIMIT_S = 60.0  # longer than any command here takes on a busy machine


@dataclass
class Told:
    """Figures of the inputs.

    Attributes:
        given: inputs by their kind: files, options.
        codes: how the commands ended.
        slowest: seconds and name of the command that took longest.
        faults: what was not as promised.
    """

    given: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    faults: list[str] = field(default_factory=list)


class Inputs:
    """A series of damaged inputs in one world.

    Args:
        seed: draws the pairs of door and damage, and the values of options.
    """

    def __init__(self, world: World, *, seed: int) -> None:
        self.world, self.seed, self.told = world, seed, Told()

    def files(self, count: int | None) -> Iterator[str]:
        """Damage files, so many in all or each door with each damage; yield a line for each fault."""
        pairs = [(door, name) for door in DOORS for name in DAMAGES]
        random.Random(f"{self.seed} files").shuffle(pairs)
        for door, name in pairs[:count]:
            yield from self.file(door, name)

    def file(self, door: Door, name: str) -> Iterator[str]:
        """Damage one file for one command."""
        self.world.begin("full")
        found = sorted(self.world.here.glob(door.path))
        assert found, f"nothing here is called {door.path}"
        path = found[0]
        damage(path, name)
        may_pass = door.passes == ANYTHING or name in door.passes
        yield from self._give("files", door.words, f"{path.relative_to(self.world.here)} is {name}", may_pass)

    def options(self, count: int | None, *, each: int = 3) -> Iterator[str]:
        """Give options and arguments hostile values, so many in all; yield a line for each fault."""
        drawn = list(given(random.Random(f"{self.seed} options"), each=each))
        random.Random(f"{self.seed} order").shuffle(drawn)
        for one in drawn[:count]:
            yield from self.option(one)

    def option(self, one: Given) -> Iterator[str]:
        """Give one parameter of one command one value."""
        self.world.begin("full")
        yield from self._give("options", one.words, f"{one.parameter} {one.value[:60]!r}", one.may_pass)

    def _give(self, kind: str, words: tuple[str, ...], what: str, may_pass: bool) -> Iterator[str]:
        began = time.monotonic()
        ended = self.world.run(words, timeout_s=LIMIT_S)
        took = time.monotonic() - began
        self.told.given[kind] += 1
        self.told.codes[f"{kind} {ended.code}"] += 1
        self.told.slowest = max(self.told.slowest, (took, f"{' '.join(words)[:80]}: {what}"))
        fault = fault_of(ended, may_pass=may_pass)
        if left := orphans_in(self.world.here, within_s=10.0):
            fault = f"orphans {left}"
        if gone := [each for each in DEVICES if not stat.S_ISCHR(os.stat(each).st_mode)]:
            fault = f"{gone} taken from the machine"
        if fault:
            self.told.faults.append(f"{fault}: {what}: xstilts {' '.join(words)[:300]}")
            yield f"FAULT {fault}: {what}\n      xstilts {' '.join(words)[:300]}\n      {_shown(ended)}"


def _shown(ended: Ended) -> str:
    return (ended.error[-1200:] or ended.out[-300:]).replace("\n", "\n      ")


def clear(world: World) -> None:
    """Remove the working folder."""
    shutil.rmtree(world.here, ignore_errors=True)


__all__ = ["Inputs", "Told", "clear", "files_of"]
