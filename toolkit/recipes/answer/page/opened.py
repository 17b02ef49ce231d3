"""Models that are open: lent to many threads, at most so many at once, the one that was used least recently closed first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What is lent."""

    def close(self) -> None:
        """Let go of its memory."""


Key = TypeVar("Key")
Held = TypeVar("Held", bound=Closable)


@dataclass(eq=False)
class _Slot(Generic[Held]):
    users: int = 1
    held: Held | None = None
    error: Exception | None = None


class Opened(Generic[Key, Held]):
    """Values that are costly to open, kept open for the next who asks.

    Args:
        load: opens the value of a key.
        at_most: values that are open, or being opened, at any time; who asks for one more waits until one is free.

    Example:
        >>> class Model:
        ...     def __init__(self, name): self.name = name
        ...     def close(self): print("closed", self.name)
        >>> opened = Opened(Model, at_most=1)
        >>> for name in ("a", "a", "b"):
        ...     with opened.borrow(name) as model: print(model.name)
        a
        a
        closed a
        b
    """

    def __init__(self, load: Callable[[Key], Held], *, at_most: int) -> None:
        self._load, self.at_most = load, at_most
        self._slots: OrderedDict[Key, _Slot[Held]] = OrderedDict()  # the one used last at the end
        self._changed = Condition()

    def __len__(self) -> int:
        return len(self._slots)

    @contextmanager
    def borrow(self, key: Key) -> Iterator[Held]:
        """Lend the value of a key in the block, opened first if need be; it is not closed before the block ends.

        Raises:
            Exception: what `load` raises, to all who wait for this value.
        """
        slot, is_new = self._slot_of(key)
        try:
            if is_new:
                self._fill(key, slot)
            yield self._whole(slot)
        finally:
            with self._changed:
                slot.users -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Close what nobody uses."""
        with self._changed:
            idle = [key for key, slot in self._slots.items() if not slot.users]
            for held in [self._slots.pop(key).held for key in idle]:
                if held is not None:
                    held.close()

    def _slot_of(self, key: Key) -> tuple[_Slot[Held], bool]:
        """Return the place of a key, counted as used, and whether the caller has to fill it."""
        with self._changed:
            while True:
                if (slot := self._slots.get(key)) is not None:
                    self._slots.move_to_end(key)
                    slot.users += 1
                    return slot, False
                if len(self._slots) < self.at_most or self._close_one():
                    slot = self._slots[key] = _Slot()
                    return slot, True
                self._changed.wait()

    def _close_one(self) -> bool:
        """Close the value that was used least recently of those that nobody uses; return whether there is one."""
        idle = next((key for key, slot in self._slots.items() if not slot.users), None)
        if idle is None:
            return False
        held = self._slots.pop(idle).held
        if held is not None:
            held.close()  # before another is opened: their memory is not needed at once
        return True

    def _fill(self, key: Key, slot: _Slot[Held]) -> None:
        try:
            held = self._load(key)
        except Exception as error:
            with self._changed:
                slot.error = error
                del self._slots[key]
                self._changed.notify_all()
            return
        except BaseException:
            with self._changed:
                slot.error = RuntimeError("The loading was interrupted.")
                del self._slots[key]
                self._changed.notify_all()
            raise
        with self._changed:
            slot.held = held
            self._changed.notify_all()

    def _whole(self, slot: _Slot[Held]) -> Held:
        with self._changed:
            self._changed.wait_for(lambda: slot.held is not None or slot.error is not None)
        if slot.error is not None:
            raise slot.error
        assert slot.held is not None
        return slot.held
