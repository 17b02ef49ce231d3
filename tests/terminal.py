"""A terminal for tests: a pseudo-terminal that a program writes to, and the screen that a reader would see."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import struct
import termios
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from tests.waiting import LIMIT_S

_CODE = re.compile(
    r"\x1b\[(?P<numbers>[?0-9;]*)(?P<letter>[A-Za-z])|(?P<other>[\x00-\x1f])|(?P<text>[^\x1b\x00-\x1f]+)"
)


@dataclass
class Screen:
    """Screen of an endless height and a fixed width, which understands what `rich` writes and refuses everything else.

    Attributes:
        columns: its width; longer lines wrap, as in a terminal.
        lines: what it shows.
        frames: copies of the lines at each return to the first column after something was written.
    """

    columns: int = 80
    lines: list[str] = field(default_factory=lambda: [""])
    frames: list[list[str]] = field(default_factory=list)
    row: int = 0
    column: int = 0

    def feed(self, text: str) -> Screen:
        """Take what a program wrote."""
        for found in _CODE.finditer(text):
            if found["text"]:
                for character in found["text"]:
                    self._put(character)
            elif found["other"]:
                self._control(found["other"])
            else:
                self._move(found["numbers"], found["letter"])
        return self

    def _put(self, character: str) -> None:
        if self.column == self.columns:
            self._down()
            self.column = 0
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
        self.column += 1

    def _control(self, character: str) -> None:
        if character == "\r":
            self.frames.append([line.rstrip() for line in self.lines])
            self.column = 0
        elif character == "\n":
            self._down()
        else:
            raise AssertionError(f"the control character {character!r}")

    def _move(self, numbers: str, letter: str) -> None:
        if letter == "A":
            self.row -= int(numbers or 1)
            assert self.row >= 0, "above the first line"
        elif letter == "K":
            assert numbers == "2", numbers
            self.lines[self.row] = ""
        elif letter not in "mhl":  # colours, and the cursor shown or hidden
            raise AssertionError(f"the code {numbers}{letter}")

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    @property
    def shown(self) -> list[str]:
        """The lines without what is empty at the end."""
        found = [line.rstrip() for line in self.lines]
        while found and not found[-1]:
            found.pop()
        return found


class Terminal:
    """Pseudo-terminal whose `inner` descriptor a program gets; what it writes is read at once, as a terminal does.

    Attributes:
        columns: its width.
        inner: descriptor of the program's side.
        written: what was written so far.
    """

    def __init__(self, columns: int = 80) -> None:
        self.columns, self.written = columns, ""
        self._outer, self.inner = os.openpty()
        fcntl.ioctl(self.inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        with suppress(OSError):  # every descriptor of the program's side is closed
            while data := os.read(self._outer, 1 << 16):
                self.written += decoder.decode(data)

    def end(self) -> Screen:
        """Close the program's side here, wait until the program has closed it too, and return the screen."""
        os.close(self.inner)
        self._reader.join(LIMIT_S)
        assert not self._reader.is_alive(), "the program still holds the terminal"
        os.close(self._outer)
        return Screen(self.columns).feed(self.written)
