"""Source of a declared task: from the keys of its file to a `HubSource` or a `FileSource`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.errors import ConfigError
from toolkit.tasks.declared_sides import allowed, has_sides, known_format, names_of, sides_of, tried, with_score
from toolkit.tasks.kinds import Kind
from toolkit.tasks.sources.checks import Column
from toolkit.tasks.sources.file_source import FORMAT_KINDS, FileSource
from toolkit.tasks.sources.formats import ENDINGS, FORMATS
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.share import SHARED, Shared, ShareSource, share_of
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
    "text": {"text": "text"},
}

# Columns of a file whose format has names for them, where the task's file names none.
FORMAT_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "conllu": {"tokens": "form", "tags": "upos"},
    "lines": {"text": "0"},
}


def usual_columns(said: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the columns of a task's files where it names none; empty where they have no usual ones."""
    by_format: Mapping[str, str] = FORMAT_DEFAULTS.get(_format(said), {}) if "files" in said else {}
    return by_format or USUAL_COLUMNS.get(said.get("kind", "pair"), {})


def _format(said: Mapping[str, Any]) -> str:
    files = [str(each) for each in said["files"].values() if share_of(each) is None]
    ending = Path(files[0]).suffix.lstrip(".").lower() if files else ""
    # Tagged text goes by many endings (`train.txt`, `test.conll03`), and formats that hold it otherwise have theirs.
    own = (format for format, kinds in FORMAT_KINDS.items() if said.get("kind") in kinds)
    return str(said.get("format") or ENDINGS.get(ending, ending if ending in FORMATS else next(own, ending)))


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
    whole = held if isinstance(held, ShareSource) else None
    plain, shares = _without_shares(said)
    if not (said.keys() & {"files", "splits", "hub"}) and whole is not None:
        shares = dict(whole.shares)
    found = _plain_source(plain, folder, whole.source if whole is not None else held, label_map)
    if not shares:
        return found
    is_named = "score" in {**plain.get("files", {}), **plain.get("splits", {})}
    scored: Shared = "test" if "test" in shares else "dev"
    has_own = is_named or ("test" in found.splits and "test" not in shares)
    seed = said.get("share_seed", whole.seed if whole is not None else 0)
    return ShareSource(source=found, shares=shares, seed=seed, scored=None if has_own else scored)


def _without_shares(said: Mapping[str, Any]) -> tuple[dict[str, Any], dict[Shared, float]]:
    """Return the keys with files and splits alone, and the shares of the training rows that they named."""
    plain, shares = dict(said), {}
    for key in ("files", "splits"):
        for split, value in said.get(key, {}).items():
            if isinstance(value, int | float):
                raise ConfigError(
                    f"`{split}` is {value}; expected a file or a split, or a share such as `{split}: 10%`."
                )
            if (share := share_of(value)) is None:
                continue
            if split not in SHARED:
                raise ConfigError(
                    f"`{split}` is {value}; expected a file or a split: only {', '.join(SHARED)} may be a share."
                )
            if "train" not in said[key]:
                raise ConfigError(
                    f"`{split}: {value}` is a share of `train`, which `{key}` does not name; expected both."
                )
            shares[split] = share
        if key in said:
            plain[key] = {split: value for split, value in said[key].items() if share_of(value) is None}
    return plain, {name: shares[name] for name in SHARED if name in shares}


def _plain_source(
    said: Mapping[str, Any], folder: Path, held: Source | None, label_map: Mapping[str, str] | None
) -> Source:
    """Return the source of everything but the shares."""
    usual = {} if isinstance(held, FileSource) else usual_columns(said)
    columns = {key: _column(value, key) for key, value in said.get("columns", usual).items()}
    where = allowed(said.get("where", {}))
    names = names_of(said, held.names if isinstance(held, HubSource | FileSource) else None)
    if isinstance(held, HubSource | FileSource):
        columns = {**held.columns, **columns}
        where = {**held.where, **where}
        label_map = held.label_map if label_map is None else label_map
    elif held is not None and not ("hub" in said or "files" in said):
        if where or columns or label_map or "names" in said:
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
        if format == "lines" and said.get("kind") not in FORMAT_KINDS["lines"]:
            raise ConfigError(
                "a file with a text a line is one side of a bitext; expected `{source: ..., target: ...}`."
            )
        return FileSource(
            format=known_format(format),
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
    changed: dict[str, Any] = {key: said[key] for key in ("config", "revision") if key in said}
    if "splits" in said:
        changed["splits"] = {split: tried(names) for split, names in with_score(said["splits"]).items()}
    if changed:  # other rows than those that are known to be the same under another id
        changed["alternatives"] = ()
    return replace(held, **changed)


def _column(value: Any, field: str) -> Column:
    if isinstance(value, list) and value:
        return tuple(str(each) for each in value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ConfigError(
            f"`columns` gives {value!r} for {field}; expected a column's name or number, or a list of them."
        )
    return str(value)
