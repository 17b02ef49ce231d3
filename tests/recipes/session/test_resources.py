"""Time, memory and load of a stretch of work."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from tests.waiting import wait_until
from toolkit.recipes.session.resources import Meter, peak_memory_mib
from toolkit.tracking import NoTracker

pytestmark = pytest.mark.journey


class Kept(NoTracker):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[float]] = {}

    def log_metrics(self, values, step=None, *, at=None):
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)


def test_costs_are_those_of_the_block() -> None:
    with Meter() as meter:
        block = np.ones(40 * 2**17)  # 40 MiB
        del block
    kept = Kept()
    meter.log(kept, examples=10)
    assert set(kept.values) == {"system/seconds", "system/peak_memory_mib", "system/examples_per_s"}
    assert kept.values["system/seconds"] == [meter.seconds]
    assert kept.values["system/peak_memory_mib"][0] >= 40


def test_a_second_block_does_not_inherit_the_memory_of_the_first() -> None:
    # Pages of its own: what an array takes may be memory that the process already holds.
    with Meter() as first, mmap.mmap(-1, 200 * 2**20) as block:
        for at in range(0, len(block), mmap.PAGESIZE):
            block[at] = 1
        high = peak_memory_mib()
    with Meter() as second:
        assert peak_memory_mib() < high - 100
    assert first.seconds > 0 and second.seconds > 0


def test_the_load_is_watched_while_the_block_runs() -> None:
    meter = Meter(interval_s=0.01)
    kept = Kept()
    with meter:
        meter.tracker = kept
        wait_until(lambda: "system/cpu_utilization_percentage" in kept.values, "a look at the load")
    assert kept.values["system/cpu_utilization_percentage"]
