"""Cost of a block of work: time, peak memory, and the machine's load while it runs."""

from __future__ import annotations

import contextlib
import resource
import threading
import time
from collections.abc import Callable
from types import TracebackType

import torch

from toolkit.tracking import Tracker

INTERVAL_S = 10.0
_STATUS, _RESET = "/proc/self/status", "/proc/self/clear_refs"

Sample = tuple[dict[str, float], int, int]
"""Names with values, the number of the look, and its time in milliseconds since 1970."""


class Meter:
    """Measures the block it is entered for.

    Args:
        is_watching: whether to look at the load; without a tracker nobody would see it.
        interval_s: seconds between two looks at the load.

    Attributes:
        tracker: where it is set, its run gets the load while the block runs; else `log` hands it over.
        began: when the block was entered, in milliseconds since 1970.
        seconds: its length so far, or altogether.
    """

    def __init__(self, *, is_watching: bool = True, interval_s: float = INTERVAL_S) -> None:
        self.tracker: Tracker | None = None
        self.began = 0
        self._start = self._end = 0.0
        self._is_watching, self._interval_s = is_watching, interval_s
        self._samples: list[Sample] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._peak_mib: float | None = None

    @property
    def seconds(self) -> float:
        return (self._end or time.perf_counter()) - self._start

    def __enter__(self) -> Meter:
        forget_peak()
        self.began, self._start = int(time.time() * 1000), time.perf_counter()
        # The first look comes after one interval: what is over by then needs no curve.
        if self._is_watching:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end = time.perf_counter()
        self._peak_mib = peak_memory_mib()
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def log(self, tracker: Tracker, *, examples: int) -> None:
        """Log `system/seconds`, `system/peak_memory_mib` and `system/examples_per_s`, and the load not yet logged.

        Under `system/` MLflow's charts show them after the scores, and not before them.
        """
        for values, step, at in self._samples:
            tracker.log_metrics(values, step=step, at=at)
        costs = {"seconds": self.seconds, "peak_memory_mib": self._peak_mib or peak_memory_mib()}
        if examples:
            costs["examples_per_s"] = examples / self.seconds
        tracker.log_metrics({f"system/{name}": value for name, value in costs.items()})

    def _watch(self) -> None:
        looks: list[Callable[[], dict[str, float]]] | None = None
        step = 0
        while not self._over.wait(self._interval_s):
            looks = looks or _looks()
            values = {f"system/{name}": value for look in looks for name, value in look().items()}
            at = int(time.time() * 1000)
            if self.tracker is None:
                self._samples.append((values, step, at))
            else:
                self.tracker.log_metrics(values, step=step, at=at)
            step += 1


def peak_memory_mib() -> float:
    """Return the largest memory since the last `Meter` was entered: allocated on the GPU, else resident."""
    if torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated() / 2**20
    with contextlib.suppress(OSError, ValueError, StopIteration), open(_STATUS) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak() -> None:
    """Let the peak of memory count from here on, where the system can: on Linux and on a GPU."""
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
    # Linux: 5 sets the largest resident size back to the present one. Elsewhere it is that of the whole process.
    with contextlib.suppress(OSError), open(_RESET, "w") as file:
        file.write("5")


def _looks() -> list[Callable[[], dict[str, float]]]:
    """Return what can be looked at here: MLflow's own monitors, whose names its UI knows."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

    found = []
    for monitor in (CPUMonitor, GPUMonitor):
        with contextlib.suppress(Exception):  # no GPU, or no library to ask it
            found.append(_look(monitor()))
    return found


def _look(monitor: object) -> Callable[[], dict[str, float]]:
    def look() -> dict[str, float]:
        monitor.clear_metrics()  # type: ignore[attr-defined]
        monitor.collect_metrics()  # type: ignore[attr-defined]
        return dict(monitor.aggregate_metrics())  # type: ignore[attr-defined]

    return look
