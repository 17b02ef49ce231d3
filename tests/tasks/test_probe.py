"""A probe says of each task whether its dataset is where and as the task says, and downloads no rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli
from tests.hub import Hub
from tests.hub.catalogue import State, as_files, catalogue_hub, to_parquet
from tests.hub.online import online
from toolkit.tasks import Task, get_task
from toolkit.tasks.probe import Probed, probe

COSMOS, XQUAD = "allenai/cosmos_qa", "google/xquad"
NAMES = ("cosmosqa", "xquad", "rte")


def small(name: str) -> Task:
    task = get_task(name)
    return replace(task, languages=task.languages[:2])


def served(state: State = "parquet") -> Hub:
    return catalogue_hub({COSMOS: state}, tasks=[small(name) for name in NAMES], n=3)


def probed(hub: Hub, monkeypatch: pytest.MonkeyPatch, folder: Path, **more: Any) -> dict[str, Probed]:
    with online(hub, monkeypatch, folder):
        return {one.task: one for one in probe([small(name) for name in NAMES], **more)}


def test_a_dataset_that_is_as_its_task_says_has_no_fault_and_sends_no_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = served()
    found = probed(hub, monkeypatch, tmp_path)
    commit = hub.datasets[XQUAD].commit()
    assert found["xquad"] == Probed("xquad", XQUAD, f"main@{commit[:12]}", (2, 2), ("score",), 2)
    assert [one.fault for one in found.values()] == ["", "", ""]
    asked = [line for line in hub.asked if line.endswith(".parquet")]
    assert asked and len(hub.ranges) == len(asked), "the ends of files alone"
    assert not (tmp_path / "hf").exists(), "nothing is kept in the hub's cache"


@pytest.mark.parametrize(
    ("state", "road", "fault"),
    [
        ("parquet", "main@", ""),
        ("converted", "refs/convert/parquet@", ""),
        (
            "script",
            "",
            "it holds only a loading script (cosmos_qa.py), which is never run, and the hub has no conversion",
        ),
        ("missing", "", "the hub has no such id, or it is private"),
        ("gated", "", "it is gated; accept its terms on its page and log in"),
    ],
)
def test_each_state_of_a_dataset_is_named_and_no_other_one_is_concerned(
    state: State, road: str, fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = probed(served(state), monkeypatch, tmp_path)
    assert fault in found["cosmosqa"].fault and bool(fault) == bool(found["cosmosqa"].fault)
    assert found["cosmosqa"].road.startswith(road) and bool(road) == bool(found["cosmosqa"].road)
    assert found["rte"].fault == "" == found["xquad"].fault


ROW = {"id": "1", "context": "c", "question": "q", **{f"answer{i}": "a" for i in range(4)}, "label": 0}


def _files(hub: Hub, rows: list[dict[str, Any]], config: str = "default", splits: str = "train validation") -> None:
    hub.datasets[COSMOS].revisions["main"] = as_files({(config, split): rows for split in splits.split()})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda hub: _files(hub, [ROW], config="cosmos"), "has no config 'default' (it has cosmos)"),
        (lambda hub: _files(hub, [ROW], splits="train dev"), "no split validation in 'default' (it has train, dev)"),
        (
            lambda hub: _files(hub, [{**ROW, "label": [0]}]),
            "column 'label' is list<element: int64>; task 'cosmosqa' expected a",
        ),
        (
            lambda hub: _files(hub, [{**ROW, "answer2": 7}]),
            "column 'answer2' is int64; task 'cosmosqa' expected texts as its",
        ),
        (
            lambda hub: _files(hub, [{k: v for k, v in ROW.items() if k != "answer3"}]),
            "has no column 'answer3' (it has id, context, question, answer0, answer1, answer2, label)",
        ),
        (
            lambda hub: hub.datasets[COSMOS].main.update({"default/validation-00000-of-00001.parquet": b"x" * 40}),
            "cannot be read as parquet",
        ),
    ],
    ids=["config", "split", "label", "type", "column", "parquet"],
)
def test_what_differs_from_the_task_is_named(
    change: Callable[[Hub], None], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = served()
    hub.datasets[COSMOS]
    change(hub)
    assert said in probed(hub, monkeypatch, tmp_path)["cosmosqa"].fault


def test_labels_that_are_not_the_tasks_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = served()
    data = to_parquet([{"sentence1": "a", "sentence2": "b", "label": 0}], {"label": ("entailment", "neutral")})
    hub.datasets["nyu-mll/glue"].main["rte/validation-00000-of-00001.parquet"] = data
    assert "has the labels entailment, neutral; task 'rte'" in probed(hub, monkeypatch, tmp_path)["rte"].fault


def test_a_missing_language_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = served()
    files = hub.datasets[XQUAD].main
    del files["README.md"], files["xquad.ar/validation-00000-of-00001.parquet"]
    found = probed(hub, monkeypatch, tmp_path)["xquad"]
    assert found.fault == "google/xquad: no config for ar, such as 'xquad.ar'." and found.configs == (1, 2)


def test_a_mirror_answers_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for path, data in as_files({("default", split): [ROW] for split in ("train", "validation")}).items():
        file = tmp_path / "mirror" / COSMOS / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    found = probed(served("script"), monkeypatch, tmp_path, data_root=tmp_path / "mirror")
    assert found["cosmosqa"].road == f"mirror {tmp_path / 'mirror' / COSMOS}" and not found["cosmosqa"].fault


def test_the_command_prints_a_line_for_each_task_and_ends_with_1_where_one_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tasks = [get_task(name) for name in ("cosmosqa", "csqa")]
    with online(catalogue_hub({COSMOS: "script"}, tasks=tasks, n=2), monkeypatch, tmp_path):
        found = CliRunner().invoke(cli.main, ["tasks", "probe", "cosmosqa", "csqa", "bucc"])
        well = CliRunner().invoke(cli.main, ["tasks", "probe", "csqa"])
    assert (found.exit_code, well.exit_code) == (1, 0), found.output
    lines = found.output.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(("cosmosqa ", "csqa "))] == ["cosmosqa", "csqa"]
    assert "fails: it holds only a loading script" in lines[1] and "as the task says" in lines[2]
    assert found.output.count("cosmosqa: The hub's dataset allenai/cosmos_qa cannot be read") == 1
    assert "bucc: its rows are not on the hub" in found.output


def test_a_hub_that_refuses_everybody_is_said_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tasks = [get_task(name) for name in ("cosmosqa", "csqa")]
    hub = catalogue_hub(tasks=tasks, n=2)
    hub.limited = -1
    with online(hub, monkeypatch, tmp_path):
        found = CliRunner().invoke(cli.main, ["tasks", "probe", "cosmosqa", "csqa"])
    assert found.exit_code == 1
    assert found.output.count("takes no more requests from here for now (wait 300 s); run the same command later") == 1
    assert "cosmosqa, csqa: the hub takes no more requests" in found.output


@pytest.mark.parametrize("options", [["--data-root", "nowhere"], ["--endpoint", "data:,x"], ["--endpoint", "host"]])
def test_a_place_that_is_none_is_refused_before_anything_is_asked(options: list[str]) -> None:
    found = CliRunner().invoke(cli.main, ["tasks", "probe", "csqa", *options])
    assert found.exit_code == 2
    assert found.output.startswith("Error: ") and found.output.count("\n") == 1 and options[1] in found.output
