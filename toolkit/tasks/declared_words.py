"""Words of a task's file: lists of texts, and files of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toolkit.errors import ConfigError
from toolkit.files import file_fault


def texts_of(value: Any, key: str, *, is_cut: bool = True) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split()) if is_cut else (value,)
    if not isinstance(value, list) or not all(
        isinstance(each, str | int) and not isinstance(each, bool) for each in value
    ):
        raise ConfigError(f"`{key}` is {value!r}; expected a list of texts (quote yes, no, on and off).")
    return tuple(str(each) for each in value)


def lines_of(file: Path) -> tuple[str, ...]:
    if fault := file_fault(file):
        raise ConfigError(f"`labels_file` {file} {fault}; expected UTF-8 text, one label a line.")
    try:
        found = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"`labels_file` {file} cannot be read ({error}); expected UTF-8 text, one label a line."
        ) from None
    return tuple(line.strip() for line in found if line.strip())
