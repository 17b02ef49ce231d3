"""Checkpoints that are written while training continues: the state is copied, and a thread writes the copy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from toolkit.errors import is_out_of_memory
from toolkit.free_memory import free_memory, freed_since_peak
from toolkit.progress import Say, say_nothing
from toolkit.space import in_words
from toolkit.training.checkpoint import bytes_of, named_best, save_checkpoint

SHARE = 0.5  # of the free memory: what a copy of the state may take
CLOCK_RATIO = 10  # the clock waits this many times as long as the last checkpoint took
_CHANGING = ("weights", "optimizer")  # what a training step changes in place


class Saver:
    """Writer of one run's checkpoints, of which at most one is written at a time.

    A thread copies the tensors that training changes, where they fit into half of the free memory, and writes the copy. Otherwise it
    writes the tensors themselves. Either way training continues, up to its next update of the weights, which calls `release`.

    Args:
        folder: of the checkpoints; None: none are written.

    Attributes:
        step: of the last checkpoint that was begun, by this try or an earlier one; None: there is none.
        saved_step: of the last one that is whole.
        say: called once where the state does not fit into the memory a second time.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.step: int | None = None
        self.saved_step: int | None = None
        self.say: Say = say_nothing
        self._best: tuple[int, str] | None = None  # step of the best weights that are in a file, and its name
        self._thread: threading.Thread | None = None
        self._is_read = threading.Event()
        self._fault: BaseException | None = None
        self._for_steps: int | None = None  # bytes that the passes of a step need, which are free between steps
        self._took_s, self._ended_at = 0.0, time.perf_counter()

    def resumed(self, counters: Mapping[str, Any]) -> None:
        """Note that the run continues from the checkpoint that was loaded, with these counters."""
        self.step = self.saved_step = counters["step"]
        name = None if self.folder is None else named_best(self.folder)
        self._best = None if name is None else (counters["best_step"], name)

    @property
    def is_busy(self) -> bool:
        """Whether a checkpoint is being written."""
        return self._thread is not None and self._thread.is_alive()

    def is_over(self, checkpoint_s: float) -> bool:
        """Whether so many seconds (0: never) have passed since the last checkpoint, and ten times as many as it took."""
        if self.folder is None or checkpoint_s <= 0 or self.is_busy:
            return False
        return time.perf_counter() - self._ended_at > max(checkpoint_s, CLOCK_RATIO * self._took_s)

    def start(self, content: Mapping[str, Any]) -> None:
        """Begin to write a checkpoint.

        Args:
            content: of the checkpoint. Its tensors may be those that training changes; everything else is copied at once.

        Raises:
            ToolkitError: the one before could not be written; it is waited for.
        """
        self.wait()
        counters = content["state"]
        self.step = counters["step"]
        if self.folder is None:
            self.saved_step = self.step
            return
        held = {
            name: value if value is content["best"] else _copied(value, of_tensors=False)
            for name, value in content.items()
        }
        self._is_read.clear()
        is_copied = self._has_room(held)
        self._thread = threading.Thread(
            target=self._write,
            args=(self.folder, held),
            kwargs={"is_copied": is_copied},
            name="checkpoint",
            daemon=True,
        )
        self._thread.start()

    def release(self) -> None:
        """Wait until the tensors that training changes are not needed any more."""
        if self._thread is not None:
            self._is_read.wait()

    def check(self) -> None:
        """Raise what the last checkpoint could not be written for.

        Raises:
            ToolkitError: the folder cannot be written, or the disk is full.
        """
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
            fault, self._fault = self._fault, None
            if fault is not None:
                raise fault

    def wait(self) -> None:
        """Wait until no checkpoint is being written.

        Raises:
            ToolkitError: as for `check`.
        """
        if self._thread is not None:
            self._thread.join()
        self.check()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Wait at the end of the block for the checkpoint that is being written; of two faults the block's is raised.

        Raises:
            ToolkitError: as for `check`.
        """
        try:
            yield
        except BaseException:
            with suppress(Exception):
                self.wait()
            raise
        self.wait()

    def _has_room(self, content: Mapping[str, Any]) -> bool:
        """Whether what training changes fits into the memory once more; where it does not, that is said once."""
        if self._for_steps is None:  # before the first copy, which counts in later peaks
            self._for_steps = freed_since_peak()
        size, free = _bytes_to_copy(content), free_memory()
        if free is None or size <= SHARE * (free := max(0, free - self._for_steps)):
            return True
        self.say(
            f"A checkpoint is not copied before it is written, because it takes {in_words(size)} of {in_words(free)} free memory; "
            "the next step waits until it is written."
        )
        self.say = say_nothing
        return False

    def _write(self, folder: Path, content: dict[str, Any], *, is_copied: bool) -> None:
        began, counters = time.perf_counter(), content["state"]
        try:
            if is_copied and (copied := _snapshot(content)) is not None:
                content = copied
                self._is_read.set()
            best_step = counters["best_step"]
            known = self._best[1] if self._best is not None and self._best[0] == best_step else None
            name = save_checkpoint(folder, content, best_file=known, when_read=self._is_read.set)
            self._best = None if name is None else (best_step, name)
            self.saved_step = counters["step"]
        except BaseException as fault:
            self._fault = fault
        finally:
            self._is_read.set()
            self._ended_at = time.perf_counter()
            self._took_s = self._ended_at - began


def _snapshot(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the content with copies, on the CPU, of the tensors that training changes; None where memory is used up.

    The best weights are a copy already. After the step that they are of, they are those of now as well.
    """
    best = content["best"]
    found = dict(content)
    try:
        for name in _CHANGING:
            if content[name] is not best:
                found[name] = _copied(content[name], of_tensors=True)
    except (RuntimeError, MemoryError) as fault:
        if is_out_of_memory(fault):
            return None
        raise
    return found


def _bytes_to_copy(content: Mapping[str, Any]) -> int:
    return sum(bytes_of(content[name]) for name in _CHANGING if content[name] is not content["best"])


def _copied(value: Any, *, of_tensors: bool) -> Any:
    """Return a copy of nested dictionaries, lists and tuples; of tensors only where it is asked for."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True) if of_tensors else value
    if isinstance(value, Mapping):
        return {key: _copied(each, of_tensors=of_tensors) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(each, of_tensors=of_tensors) for each in value)
    return value
