"""Source of a declared task: from the keys of its file to a `HubSource` or a `FileSource`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.errors import ConfigError
from toolkit.languages import find_language
from toolkit.tasks.declared_sides import has_sides, sides_of, tried, with_score
from toolkit.tasks.kinds import Kind
from toolkit.tasks.sources.checks import Column
from toolkit.tasks.sources.file_source import FileSource
from toolkit.tasks.sources.formats import ENDINGS, FORMATS
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.task import Source, Task

_SQUAD = {
    "id": "id",
    "question": "question",
    "context": "context",
    "texts": "answers.text",
    "starts": "answers.answer_start",
}
# Columns of a file that names none, for kinds whose files are usually of one layout.
USUAL_COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    "pair": {},
    "choice": {},
    "span": _SQUAD,
    "tags": {},
    "bitext": {},
    "retrieval": {},
}

# Columns of a file whose format has names for them, where the task's file names none.
FORMAT_DEFAULTS: Mapping[str, Mapping[str, str]] = {"conllu": {"tokens": "form", "tags": "upos"}}


def usual_columns(said: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the columns of a task's files where it names none; empty where they have no usual ones."""
    by_format: Mapping[str, str] = FORMAT_DEFAULTS.get(_format(said), {}) if "files" in said else {}
    return by_format or USUAL_COLUMNS.get(said.get("kind", "pair"), {})


def _format(said: Mapping[str, Any]) -> str:
    ending = Path(str(next(iter(said["files"].values())))).suffix.lstrip(".").lower()
    return str(said.get("format") or ENDINGS.get(ending, ending))


def source_of(said: Mapping[str, Any], folder: Path, base: Task | None, label_map: Mapping[str, str] | None) -> Source:
    """Return where the rows of a declared task come from.

    Args:
        said: the file's keys, without faults in their types.
        folder: what its paths are relative to.
        base: the task whose source is the start.
        label_map: other words for labels; None: those of the base.

    Raises:
        ConfigError: the keys do not go together.
    """
    if has_sides(said):
        return sides_of(said, folder)
    held = base.source if base is not None else None
    usual = {} if isinstance(held, FileSource) else usual_columns(said)
    columns = {key: _column(value, key) for key, value in said.get("columns", usual).items()}
    where = {key: tuple(value) if isinstance(value, list) else (value,) for key, value in said.get("where", {}).items()}
    names = {find_language(code).code: name for code, name in said.get("names", {}).items()}
    if isinstance(held, HubSource | FileSource):
        names = {**held.names, **names}
        columns = {**held.columns, **columns}
        where = {**held.where, **where}
        label_map = held.label_map if label_map is None else label_map
    elif held is not None and not ("hub" in said or "files" in said):
        if where or columns or label_map or names:
            raise ConfigError(
                f"`base` names '{said['base']}', whose rows have no columns to choose by; expected another."
            )
        return held
    if "hub" in said:
        splits = said.get("splits") or (
            held.splits if isinstance(held, HubSource) else {"train": "train", "dev": "validation"}
        )
        return HubSource(
            path=said["hub"],
            config=said.get("config", "default"),
            splits={split: tried(names) for split, names in with_score(splits).items()},
            columns=columns,
            where=where,
            revision=said.get("revision"),
            label_map=label_map or {},
            names=names,
        )
    if "files" in said:
        files = {split: str(path) for split, path in said["files"].items()}
        format = _format(said)
        if format == "lines":
            raise ConfigError(
                "a file with a text a line is one side of a bitext; expected `{source: ..., target: ...}`."
            )
        if format not in FORMATS:
            raise ConfigError(
                f"the format '{format}' is unknown; expected `format:` to be one of {', '.join(FORMATS)}."
            )
        return FileSource(
            format=format,
            splits=with_score(files),
            columns=columns,
            where=where,
            folder=folder,
            label_map=label_map or {},
            names=names,
        )
    assert isinstance(held, HubSource | FileSource)
    return _sliced(said, replace(held, columns=columns, where=where, label_map=label_map or {}, names=names))


def _sliced(said: Mapping[str, Any], held: HubSource | FileSource) -> Source:
    """Return the source of a base with what else its slice says of a dataset of the hub."""
    if isinstance(held, FileSource):
        odd = [key for key in ("splits", "config", "revision") if key in said]
        if odd:
            raise ConfigError(f"`{odd[0]}` is of the hub, and '{said['base']}' reads files; expected `files` instead.")
        return held
    changed = {key: said[key] for key in ("config", "revision") if key in said}
    if "splits" in said:
        changed["splits"] = {split: tried(names) for split, names in with_score(said["splits"]).items()}
    return replace(held, **changed)


def _column(value: Any, field: str) -> Column:
    if isinstance(value, list) and value:
        return tuple(str(each) for each in value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ConfigError(
            f"`columns` gives {value!r} for {field}; expected a column's name or number, or a list of them."
        )
    return str(value)
