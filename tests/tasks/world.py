"""A tiny mirror on disk, and tasks that read it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from toolkit.tasks import HubSource, Task

HUB_ID = "org/name"


def write_mirror(
    root: Path,
    splits: Mapping[str, Mapping[str, Sequence[Any]]],
    *,
    config: str = "en",
    names: Mapping[str, Any] | None = None,
) -> Path:
    """Write one config of a dataset the way the hub lays it out; return the dataset's folder."""
    folder = root / HUB_ID
    lines = ["---", "configs:", f"- config_name: {config}", "  data_files:"]
    for split, columns in splits.items():
        file = folder / config / f"{split}-00000-of-00001.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        table = pyarrow.table(dict(columns))
        if names:
            info = {"info": {"features": names}}
            table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
        pyarrow.parquet.write_table(table, file)
        lines += [f"  - split: {split}", f"    path: {config}/{split}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", "", "# A dataset", ""]), encoding="utf-8")
    return folder


def task(kind: str, columns: Mapping[str, Any], **more: Any) -> Task:
    """Return a task of a kind over the mirror that `write_mirror` makes."""
    source = {
        "path": HUB_ID,
        "config": "{code}",
        "splits": {"train": ("train",), "score": ("test", "validation")},
        "columns": columns,
    }
    source |= more.pop("source", {})
    metric = {"span": "squad", "tags": "seqeval"}.get(kind, "accuracy")
    return Task(
        **{"name": "made-up", "kind": kind, "languages": ("en", "de"), "metric": metric, "description": "for a test"}
        | more,
        source=HubSource(**source),
    )


PAIR = {"first": "a", "second": "b", "label": "label"}
PAIRS = {"a": ["It rains.", "He sings."], "b": ["It is wet.", "He is mute."], "label": [0, 1]}


def pair_task(**more: Any) -> Task:
    return task("pair", PAIR, **{"labels": ("yes", "no")} | more)
