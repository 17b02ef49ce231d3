"""The stand-in hub with one repository for each dataset that the catalogue names, made from the catalogue's declarations.

A new task of the catalogue is served without new code: its repository has the configs, splits and columns that the task
declares, with a few rows of made-up text. `LAYOUT` says what is known of the real repositories.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Literal

from tests.hub.repos import CONVERTED, Files, Hub, Repo, Repositories
from tests.hub.rows import N_ROWS, Table, add_rows
from toolkit.tasks import BUILT_IN, Task
from toolkit.tasks.fetch import hub_sources
from toolkit.tasks.sources.fill import fill
from toolkit.tasks.sources.hub import HubSource

State = Literal["parquet", "converted", "script", "missing", "gated"]
# As far as public threads and code tell (docs/decisions/0038-one-road-to-rows.md); all others are in parquet.
LAYOUT: Mapping[str, State] = {
    "allenai/social_i_qa": "converted",
    "allenai/cosmos_qa": "converted",
    "facebook/mlqa": "converted",
}
Tables = dict[tuple[str, str], Table]


def catalogue_hub(states: Mapping[str, State] = LAYOUT, *, tasks: Iterable[Task] = BUILT_IN, n: int = N_ROWS) -> Hub:
    """Return a hub with the datasets of tasks, each made when it is asked for first.

    Args:
        states: how a dataset is held, by hub id; the others are in parquet on the main branch.
        tasks: name the datasets.
        n: rows of a split and language.
    """
    declared: dict[str, list[tuple[Task, HubSource]]] = {}
    for task in tasks:
        for source in hub_sources(task):
            for each in source.roads():
                declared.setdefault(each.path, []).append((task, each))
    makers = {
        path: partial(make_repo, path, every, states.get(path, "parquet"), n)
        for path, every in declared.items()
        if states.get(path) != "missing"
    }
    return Hub(datasets=Repositories(makers=makers))


def make_repo(path: str, declared: Iterable[tuple[Task, HubSource]], state: State = "parquet", n: int = N_ROWS) -> Repo:
    """Return the repository that tasks read from a dataset."""
    tables: Tables = {}
    for task, source in declared:
        for language in task.pairs:
            config = fill(source.config, language, source.names)
            splits = dict.fromkeys(part for every in source.splits.values() for one in every for part in one.split("+"))
            for split in splits:
                add_rows(tables.setdefault((config, split), Table()), task, source, language, split, n)
    script = {"README.md": b"# A dataset\n", f"{path.rpartition('/')[2]}.py": b"raise SystemExit('never run')\n"}
    if state == "script":
        return Repo({"main": script})
    if state == "converted":
        files = {f"{config}/{split}/0000.parquet": parquet(table) for (config, split), table in tables.items()}
        return Repo({"main": script, CONVERTED: files})
    files = {file_of(*key): parquet(table) for key, table in tables.items()}
    return Repo({"main": {"README.md": readme(tables), **files}}, is_gated=state == "gated")


def file_of(config: str, split: str) -> str:
    """Return where a config's split is in a repository."""
    return f"{config}/{split}-00000-of-00001.parquet"


def readme(keys: Iterable[tuple[str, str]]) -> bytes:
    """Return a dataset's card, whose front matter names the configs, their splits and files."""
    configs: dict[str, list[str]] = {}
    for config, split in keys:
        configs.setdefault(config, []).append(split)
    lines = ["---", "configs:"]
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        lines += [line for each in splits for line in (f"  - split: {each}", f"    path: {config}/{each}-*")]
    return "\n".join([*lines, "---", "", "# A dataset", ""]).encode()


def parquet(table: Table) -> bytes:
    """Return a table as the bytes of a parquet file, with the names of its labels as the hub's library writes them."""
    return to_parquet(table.rows(), table.names)


def to_parquet(rows: list[dict[str, Any]], names: Mapping[str, Iterable[str]] | None = None) -> bytes:
    """Return rows as the bytes of a parquet file; `names`: column -> names of its labels."""
    import pyarrow
    import pyarrow.parquet

    made = pyarrow.Table.from_pylist(rows)
    features = {field.name: _feature(field.type, list((names or {}).get(field.name, ()))) for field in made.schema}
    made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    sink = io.BytesIO()
    pyarrow.parquet.write_table(made, sink)
    return sink.getvalue()


def _feature(kind: Any, names: list[str]) -> dict[str, Any]:
    import pyarrow

    if pyarrow.types.is_list(kind):
        return {"feature": _feature(kind.value_type, names), "_type": "List"}
    if pyarrow.types.is_struct(kind):
        return {kind.field(i).name: _feature(kind.field(i).type, []) for i in range(kind.num_fields)}
    if names:
        return {"names": names, "_type": "ClassLabel"}
    return {"dtype": str(kind).replace("double", "float64"), "_type": "Value"}


def as_files(tables: Mapping[tuple[str, str], list[dict[str, Any]]]) -> Files:
    """Return a repository's files for rows by config and split."""
    return {"README.md": readme(tables), **{file_of(*key): to_parquet(rows) for key, rows in tables.items()}}
