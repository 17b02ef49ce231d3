"""A text with carets under a part of it, as a terminal shows it."""

from __future__ import annotations

import unicodedata

_WINDOW = 72  # characters of a long text shown around the fault


def pointed(text: str, start: int, end: int) -> str:
    """Return `text`, or a window of it, with carets under `start:end`; both lines indented by two."""
    first, last = 0, len(text)
    if len(text) > _WINDOW:
        centre = (start + min(end, start + _WINDOW // 2)) // 2
        first = max(0, min(centre - _WINDOW // 2, len(text) - _WINDOW))
        last = first + _WINDOW
    before, after = ("..." if first else ""), ("..." if last < len(text) else "")
    shown = "".join(map(printable, text[first:last]))
    gap = len(before) + _columns(shown[: start - first])
    carets = max(1, _columns(shown[start - first : max(start, min(end, last)) - first]))
    return f"  {before}{shown}{after}\n  {' ' * gap}{'^' * carets}"


def printable(character: str) -> str:
    """Return a character as a terminal can show it, in one line."""
    if character.isspace():
        return " "
    return character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _columns(text: str) -> int:
    """Return how many terminal columns `text` takes: wide characters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
