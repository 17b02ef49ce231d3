"""Ctrl-C during training: held until a step is whole, so that a checkpoint of that step can be written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType, TracebackType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


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
        self._number: signal.Signals | None = None  # that is held
        self._before: Handler = None

    def __enter__(self) -> Interruption:
        is_main = threading.current_thread() is threading.main_thread()
        self._number = _heard() if self._is_held and is_main else None
        if self._number is not None:
            self._before = signal.signal(self._number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._number is None:
            return
        signal.signal(self._number, self._before)
        if self._number == signal.SIGTERM and self.is_asked and callable(self._before):
            # Whoever handles SIGTERM learns of it; where Ctrl-C is on its way already, once is enough.
            with suppress(KeyboardInterrupt) if kind is not None else nullcontext():
                self._before(self._number, None)

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


def _heard() -> signal.Signals | None:
    """Return the signal that Ctrl-C arrives by, and SIGTERM of the command line as Ctrl-C.

    A job in the background of a script ignores SIGINT; there SIGTERM itself is held.
    """
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        return signal.SIGINT
    is_background = handler == signal.SIG_IGN and callable(signal.getsignal(signal.SIGTERM))
    return signal.SIGTERM if is_background else None
