"""Ctrl-C during training: held until a step is whole, so that a checkpoint of that step can be written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType


class Interruption:
    """Context in which the first Ctrl-C is only noted; a second one raises `KeyboardInterrupt` at once, as everywhere.

    Where the program has a handler of its own, and outside the main thread, Ctrl-C is left as it is.

    Args:
        is_held: whether anything is changed at all.

    Attributes:
        is_asked: whether Ctrl-C was pressed.
    """

    def __init__(self, *, is_held: bool) -> None:
        self.is_asked = False
        self._is_held, self._may_raise = is_held, False

    def __enter__(self) -> Interruption:
        is_main = threading.current_thread() is threading.main_thread()
        self._is_held = self._is_held and is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._is_held:
            signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_held:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Raise in the block as soon as Ctrl-C is pressed, or was: nothing in it changes what a checkpoint holds."""
        self._may_raise = True
        try:
            if self.is_asked:
                raise KeyboardInterrupt
            yield
        finally:
            self._may_raise = False

    def _hear(self, number: int, frame: FrameType | None) -> None:
        is_second, self.is_asked = self.is_asked, True
        if is_second or self._may_raise:
            raise KeyboardInterrupt
