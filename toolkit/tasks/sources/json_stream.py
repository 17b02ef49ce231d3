"""JSON of any length, a row at a time: lists of objects, and SQuAD's nesting, an article at a time.

The standard library decodes one value after another from what was read so far. Its numbers, texts and faults are so those of
`json_files`, which other libraries' are not (ijson 3.6 refuses NaN and does not say the line of a fault).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import DataError
from toolkit.tasks.sources.json_files import EXPECTED, Place, rows_of_json, rows_of_lines, rows_of_values

_BLANKS = " \t\n\r"
_CUT = 16  # characters before the end of what was read where a fault may be that the rest is missing: `-Infinity`, `\ud83d`
_DECODER = json.JSONDecoder()


def rows_of_stream(file: Path, pieces: Iterable[str]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield the place and the fields of each row of a file, as `rows_of_json` returns them.

    Only one value of the list is in memory at once; an object of lists is read whole. A fault is raised where it is, after the rows
    before it.

    Args:
        file: names it in a fault.
        pieces: of its content.

    Raises:
        DataError: it is not JSON, or holds no rows.
    """
    text = _Text(file, pieces)
    first = text.peek()
    if first == "[":
        yield from rows_of_values(file, text.values(), "")
    elif first != "{":
        yield from rows_of_json(file, text.rest(), [])
    elif _is_at_data(text):
        yield from rows_of_values(file, text.values(is_inside=True), "data")
    else:
        yield from _whole_or_lines(file, text)


def _is_at_data(text: _Text) -> bool:
    """Go to the list `data` of an object and return True, or back to where the object begins."""
    text.keep = True
    try:
        text.skip("{")
        while text.peek() == '"':
            key = text.value(":")
            text.skip(":")
            if key == "data" and text.peek() == "[":
                text.keep = False
                return True
            text.value(",}")
            if text.peek() == "}":
                break
            text.skip(",")
    except DataError:
        pass  # whatever is at fault is said by what reads it whole, or as lines
    text.at, text.keep = 0, False
    return False


def _whole_or_lines(file: Path, text: _Text) -> Iterator[tuple[Place, dict[str, Any]]]:
    line = text.line()
    try:
        is_object = isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        is_object = False
    if is_object and text.peek():
        text.at = 0
        yield from rows_of_lines(file, text.lines(), [])
    else:
        text.at = 0
        yield from rows_of_json(file, text.rest(), [])


class _Text:
    """What was read of a text, and a place in it."""

    def __init__(self, file: Path, pieces: Iterable[str]) -> None:
        self.file, self.pieces = file, iter(pieces)
        self.held, self.at, self.n_lines = "", 0, 1
        self.is_whole = self.keep = False

    def grow(self) -> bool:
        """Read as much again as is held, at least one piece; return whether there was more."""
        found, size = [], 0
        for piece in self.pieces:
            found.append(piece)
            size += len(piece)
            if size and size >= len(self.held):
                break
        self.is_whole = not size
        self.held += "".join(found)
        return not self.is_whole

    def forget(self) -> None:
        """Let go of what is before the place."""
        if not self.keep:
            self.n_lines += self.held.count("\n", 0, self.at)
            self.held, self.at = self.held[self.at :], 0

    def peek(self) -> str:
        """Return the next character that is not a blank, and go there; at the end an empty text."""
        while True:
            while self.at < len(self.held) and self.held[self.at] in _BLANKS:
                self.at += 1
            if self.at < len(self.held) or not self.grow():
                return self.held[self.at : self.at + 1]

    def skip(self, character: str) -> None:
        """Go behind a character.

        Raises:
            DataError: there is another one.
        """
        if self.peek() != character:
            raise self.fault(f"Expecting '{character}'", self.at)
        self.at += 1

    def value(self, ends: str) -> Any:
        """Return the next value, and go behind it.

        Args:
            ends: one of these characters is next.

        Raises:
            DataError: it is not JSON.
        """
        self.peek()
        self.forget()
        begin = self.at
        while True:
            try:
                found, self.at = _DECODER.raw_decode(self.held, begin)
                following = self.peek()
                if following and following in ends:
                    return found
                why, place = f"Expecting one of {' '.join(ends)}", self.at
            except json.JSONDecodeError as error:
                is_cut = error.pos >= len(self.held) - _CUT or error.msg.startswith("Unterminated string")
                why, place = error.msg, error.pos
                if not is_cut:
                    raise self.fault(why, place) from None
            except RecursionError as error:
                raise self.fault(str(error), begin) from None
            if (
                self.is_whole
                or (place < len(self.held) - _CUT and not why.startswith("Unterminated"))
                or not self.grow()
            ):
                raise self.fault(why, place)

    def values(self, *, is_inside: bool = False) -> Iterator[Any]:
        """Yield the values of a list, and read what follows it: nothing, or the rest of the object that it is inside of."""
        self.skip("[")
        while self.peek() != "]":
            yield self.value(",]")
            if self.peek() == ",":
                self.skip(",")
                if self.peek() == "]":
                    raise self.fault("Expecting value", self.at)
        self.skip("]")
        self._end(is_inside)

    def _end(self, is_inside: bool) -> None:
        while is_inside and self.peek() == ",":
            self.skip(",")
            self.value(":")
            self.skip(":")
            self.value(",}")
        if is_inside:
            self.skip("}")
        if self.peek():
            raise self.fault("Extra data", self.at)

    def fault(self, why: str, place: int) -> DataError:
        """Return the fault at a place."""
        line = self.n_lines + self.held.count("\n", 0, place)
        return DataError(f"{self.file}, line {line}: no JSON ({why}); expected {EXPECTED}.")

    def line(self) -> str:
        """Return the first line, and go behind it."""
        while "\n" not in self.held and self.grow():
            pass
        found, _, _ = self.held.partition("\n")
        self.at = len(found)
        return found

    def lines(self) -> Iterator[str]:
        """Yield the lines that follow."""
        for piece in _after(self.held[self.at :], self.pieces):
            yield from piece.split("\n")

    def rest(self) -> str:
        """Return all that follows."""
        return self.held[self.at :] + "".join(self.pieces)


def _after(begun: str, pieces: Iterator[str]) -> Iterator[str]:
    """Yield texts that end with a line."""
    for piece in pieces:
        begun += piece
        whole, end, rest = begun.rpartition("\n")
        if end:
            yield whole
            begun = rest
    yield begun
