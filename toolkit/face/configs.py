"""Verbs of the ready configurations: `configs_list`, `configs_show` and `configs_copy`."""

from __future__ import annotations

from pathlib import Path

from toolkit.config.ready import KINDS, Kind, copy_ready, get_ready, ready_configs
from toolkit.face.shared import Listing, listing
from toolkit.registry import unknown
from toolkit.results.result import Record


def configs_list(kind: Kind | None = None) -> Listing:
    """Return the ready configurations: those of the working folder's `configs/`, and those that are shipped.

    Args:
        kind: `adapter`, `backbone`, `eval`, `retrieve`, `sweep`, `task` or `train`; None: all.
    """
    if kind is not None and kind not in KINDS:
        raise unknown("kind of configuration", kind, KINDS, see="xstilts configs list")
    rows: list[Record] = []
    cells = []
    for each in ready_configs(kind):
        where = "working folder" if each.is_own else "shipped"
        cells.append((each.name, where, each.what, each.command))
        rows.append({"name": each.name, "kind": each.kind, "where": where, "what": each.what, "command": each.command})
    lines = [] if rows else ["There are none."]
    return listing(rows, ("name", "from", "what", "run by"), cells, lines=lines)


def configs_show(name: str) -> Listing:
    """Return a ready configuration as it is written; `name` as for `configs_copy`."""
    found = get_ready(name)
    text = found.text.rstrip("\n")
    return listing([{"name": found.name, "path": str(found.path), "text": text}], lines=[text])


def configs_copy(name: str, *, out: Path | None = None, replace: bool = False) -> Listing:
    """Write a ready configuration to a file of your own, where it can be changed.

    Args:
        name: `train/jiant`, or `jiant` where one configuration alone has that name.
        out: the file; None: `configs/KIND/NAME.yaml` in the working folder, where the name is looked up first.
        replace: overwrite an existing file.
    """
    path = copy_ready(name, out, replace=replace)
    return listing([{"name": name, "path": str(path)}], lines=[str(path)])
