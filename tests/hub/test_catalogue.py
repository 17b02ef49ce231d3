"""The stand-in hub has what the catalogue declares, in the layout that is known of the real one."""

from __future__ import annotations

import io

import pyarrow.parquet
import pytest

from tests.hub.catalogue import LAYOUT, catalogue_hub, file_of
from tests.hub.repos import CONVERTED
from toolkit.tasks import BUILT_IN, Task
from toolkit.tasks.fetch import hub_sources
from toolkit.tasks.sources.arrow import ArrowRows, Reading
from toolkit.tasks.sources.hub import HubSource

HUB = catalogue_hub({path: "missing" for path in LAYOUT if LAYOUT[path] == "missing"})
TASKS = [task for task in BUILT_IN if hub_sources(task)]


def rows_of(task: Task, source: HubSource, split: str) -> ArrowRows:
    language = task.languages[-1]
    name = source.splits[split][0].split("+")[0]
    data = HUB.datasets[source.path].main[file_of(source.config_for(language), name)]
    words = {"label_map": source.label_map, "names": source.names}
    place = {"language": language, "split": name, "file": "f", "origin": "o"}
    reading = Reading(columns=source.columns, where=source.where, **words, **place)  # type: ignore[arg-type]
    return ArrowRows(pyarrow.parquet.read_table(io.BytesIO(data)), task, reading)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_made_up_rows_of_a_dataset_are_what_its_task_declares(task: Task) -> None:
    for source in hub_sources(task):
        if set(source.columns) <= {"text", "id"}:
            continue  # one side of a pair
        rows = rows_of(task, source, "score")
        found = [rows.row(i) for i in range(len(rows))]
        assert len(found) >= 24 and len(set(map(repr, found))) == len(found)


def test_a_dataset_is_in_the_state_that_was_asked_for() -> None:
    hub = catalogue_hub({"allenai/cosmos_qa": "script", "tau/commonsense_qa": "gated", "Rowan/hellaswag": "converted"})
    assert list(hub.datasets["allenai/cosmos_qa"].main) == ["README.md", "cosmos_qa.py"]
    assert hub.datasets["tau/commonsense_qa"].is_gated
    assert "default/train/0000.parquet" in hub.datasets["Rowan/hellaswag"].revisions[CONVERTED]
    assert catalogue_hub({"pmb/ccg": "missing"}).datasets.find("pmb/ccg") is None
