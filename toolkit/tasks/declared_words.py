"""Words of a task's file: lists of texts, files of labels, and what labels may be."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import ConfigError
from toolkit.files import file_fault
from toolkit.safe_text import one_line


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


def check_labels(labels: Sequence[str]) -> None:
    """Raise ConfigError unless each label is a word of its own: not empty, without control characters, unlike the others."""
    if len(set(labels)) != len(labels):
        raise ConfigError("`labels` names a label twice; expected each once.")
    seen: dict[str, str] = {}
    for label in labels:
        if one_line(label) != label:
            raise ConfigError(f"the label '{one_line(label)}' holds control characters or a line break; remove them.")
        if not (look := _look(label)):
            raise ConfigError("`labels` holds a text without a letter; expected a word for each label.")
        if look in seen:
            raise ConfigError(
                f"the labels {seen[look]!a} and {label!a} look the same: they differ in blanks, in characters without "
                "a width or in how Unicode writes them; keep one, and name the other in `label_map`."
            )
        seen[look] = label


def _look(label: str) -> str:
    """Return a label without what cannot be seen of it."""
    plain = (each for each in unicodedata.normalize("NFKC", label) if unicodedata.category(each) != "Cf")
    return " ".join("".join(plain).split())
