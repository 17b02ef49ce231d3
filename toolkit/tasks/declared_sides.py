"""Source of a declared bitext whose sides are two configs or two files: from the keys of its file to a `PairedSource`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import ConfigError
from toolkit.languages import get_language
from toolkit.tasks.sources.file_source import FileSource
from toolkit.tasks.sources.formats import FORMATS
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.paired import Join, PairedSource

SIDES = ("source", "target")
_SPLITS = {"test": ("test", "devtest", "validation", "dev")}  # of a dataset; bitexts have no training rows


def has_sides(said: Mapping[str, Any]) -> bool:
    """Return whether a task's file names a config, or files, for either side."""
    return isinstance(said.get("config"), dict) or any(isinstance(each, dict) for each in _files(said).values())


def faults_of_sides(said: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the keys that belong to two sides, as clauses."""
    faults = []
    both = "`{source: ..., target: ...}`"
    for key, value in [("config", said.get("config")), *((f"files: {k}", v) for k, v in _files(said).items())]:
        if isinstance(value, dict) and (
            set(value) != set(SIDES) or not all(isinstance(v, str) for v in value.values())
        ):
            faults.append(f"`{key}` is {value!r}; expected text, or {both} for the sides of a bitext.")
    faults += [
        f"`files: {key}` is {path!r}, and files are not downloaded; download it and name its path, or name a dataset with `hub: org/name`."
        for key, value in _files(said).items()
        for path in (value.values() if isinstance(value, dict) else [value])
        if isinstance(path, str) and _URL.match(path)
    ]
    faults += [
        f"`files: {key}` is {value!r}; expected a path."
        for key, value in _files(said).items()
        if value is None or value == "" or isinstance(value, list)
    ]
    if has_sides(said):
        lone = [key for key, value in _files(said).items() if not isinstance(value, dict)]
        if lone:
            faults.append(f"`files` gives {lone[0]} one file, and others two; expected {both} for each.")
        if ("hub" in said) == ("files" in said):
            faults.append("two sides are configs of one `hub` dataset or `files`; expected one of them.")
    else:
        faults += [f"`{key}` joins two sides; expected {both} in `files` or `config`." for key in _JOINS if key in said]
    if said.get("join", "id") not in ("line", "id"):
        faults.append(f"`join` is {said['join']!r}; expected line or id.")
    return faults


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/+")  # a path of one letter and a colon is not one
_JOINS = ("join", "links")


def sides_of(said: Mapping[str, Any], folder: Path) -> PairedSource:
    """Return the source of a declared task with two sides.

    Args:
        said: the file's keys, without `faults_of_sides`.
        folder: what its paths are relative to.

    Raises:
        ConfigError: the keys do not go together.
    """
    columns = said.get("columns", {})
    join: Join = said.get("join") or ("id" if "id" in columns or "links" in said else "line")
    if join == "line" and "links" in said:
        raise ConfigError("`links` joins by id; expected `join: id`, or no `links`.")
    if join == "id" and "id" not in columns:
        raise ConfigError(
            "to join by id, `columns` must name the ids' column; expected `{id: ..., source: ..., target: ...}`."
        )
    odd = sorted(set(columns) - {*SIDES, "id"})
    if odd:
        raise ConfigError(f"`columns` names '{odd[0]}'; expected source, target and, to join by, id.")
    source, target = (_side(said, folder, side, join) for side in SIDES)
    return PairedSource(source=source, target=target, join=join, links=said.get("links"), folder=folder)


def _side(said: Mapping[str, Any], folder: Path, side: str, join: Join) -> HubSource | FileSource:
    format = None if "hub" in said else _format(said)
    columns = {"text": _column(said, side, side, "0" if format == "lines" else None)}
    if join == "id":
        columns["id"] = _column(said, "id", side, None)
    where = _where(said, side)
    names = names_of(said)
    if format is None:
        return HubSource(
            path=said["hub"],
            config=said["config"][side],
            splits=with_score({split: tried(names) for split, names in said.get("splits", _SPLITS).items()}),
            columns=columns,
            where=where,
            revision=said.get("revision"),
            names=names,
        )
    files = {split: str(paths[side]) for split, paths in said["files"].items()}
    return FileSource(format=format, splits=with_score(files), columns=columns, where=where, folder=folder, names=names)


def _format(said: Mapping[str, Any]) -> str:
    """Return the files' format: what the task says, their ending, or a text a line where no columns are named."""
    ending = Path(str(next(iter(said["files"].values()))["source"])).suffix.lstrip(".").lower()
    known = ending if ending in FORMATS else "lines" if "columns" not in said or ending == "txt" else ending
    return known_format(str(said.get("format") or known))


def _column(said: Mapping[str, Any], field: str, side: str, usual: str | None) -> str:
    value = said.get("columns", {}).get(field, usual)
    if isinstance(value, dict):
        value = value.get(side)
    if isinstance(value, bool) or not isinstance(value, str | int):
        what = f"the {side}" if field == side else f"the {field} of the {side}"
        raise ConfigError(f"`columns` gives {value!r} for {what}; expected a column's name or number.")
    return str(value)


def _where(said: Mapping[str, Any], side: str) -> dict[str, tuple[object, ...]]:
    where = said.get("where", {})
    if where and set(where) <= set(SIDES) and all(isinstance(each, dict) for each in where.values()):
        where = where.get(side, {})
    return allowed(where)


def _files(said: Mapping[str, Any]) -> Mapping[str, Any]:
    files = said.get("files")
    return files if isinstance(files, dict) else {}


def names_of(said: Mapping[str, Any], base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what the data calls each language, by our code: as `names` says, the base, or else as `languages` spells it."""
    asked = said.get("languages", ())
    spelt = {get_language(str(code)).code: str(code) for code in (asked.split() if isinstance(asked, str) else asked)}
    named = {get_language(code).code: name for code, name in said.get("names", {}).items()}
    return {**{code: name for code, name in spelt.items() if code != name}, **(base or {}), **named}


def allowed(where: Mapping[str, Any]) -> dict[str, tuple[object, ...]]:
    """Return the values of each column that are kept, where a file may give one or a list."""
    return {key: tuple(value) if isinstance(value, list) else (value,) for key, value in where.items()}


def known_format(format: str) -> str:
    """Return the name of a format of files; raise a ConfigError if there is none of that name."""
    if format not in FORMATS:
        raise ConfigError(f"the format '{format}' is unknown; expected `format:` to be one of {', '.join(FORMATS)}.")
    return format


def tried(names: Any) -> tuple[str, ...]:
    """Return the names of a dataset's splits in the order in which they are tried.

    Raises:
        ConfigError: no name, or one that is not text.
    """
    found = [names] if isinstance(names, str) else names
    if not isinstance(found, list | tuple) or not found or not all(isinstance(each, str) and each for each in found):
        raise ConfigError(f"`splits` gives {names!r}; expected the name of a dataset's split, or a list of them.")
    return tuple(found)


def with_score(splits: Mapping[str, Any]) -> dict[str, Any]:
    """Add `score`: if the file does not say, scores are reported on `test`, or else on `dev`."""
    scored = next((splits[split] for split in ("score", "test", "dev") if split in splits), None)
    return dict(splits) if scored is None else {**splits, "score": scored}
