"""Rows and texts as a program gives them: a list, an iterator or a DataFrame, checked before a model reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from toolkit.errors import DataError, ToolkitError
from toolkit.tasks.own.convert import Given, require_whole
from toolkit.tasks.sources.convert import Fault


def rows_of(rows: Any) -> Iterable[Given]:
    """Return rows one by one; a text or a mapping alone is one row and not several."""
    if isinstance(rows, str | Mapping):
        raise ToolkitError(f"One {type(rows).__name__} is not a list of rows; write [row].")
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):  # of pandas
        rows = rows.to_dict("records")
    found: Iterable[Given] = iter(rows)
    return found


def texts_of(texts: Any) -> list[str]:
    """Return texts as a list; anything else is refused, by its place."""
    if isinstance(texts, str):
        raise ToolkitError("One text is not a list of texts; write [text].")
    found = list(texts)
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise DataError(f"Text {number} (counted from 0) is {type(text).__name__}; expected text.")
        try:
            require_whole("text", text)
        except Fault as fault:
            raise DataError(f"Text {number} (counted from 0): {fault}.") from None
    return found
