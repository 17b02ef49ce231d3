"""A catalogue is a value: files make another one, and nothing is remembered between two of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.composition import Name
from toolkit.errors import ConfigError, ToolkitError
from toolkit.tasks import BUILT_IN, Catalogue, catalogue_of


def declare(folder: Path, name: str, base: str = "mnli", file: str = "") -> Path:
    path = folder / (file or f"{name}.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"name: {name}\nbase: {base}\nwhere: {{genre: {name}}}\n", encoding="utf-8")
    return path


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_make_another_catalogue_and_leave_the_first_as_it_is(elsewhere: Path) -> None:
    tasks = BUILT_IN.with_files([declare(elsewhere, "one"), declare(elsewhere, "two", base="one")])
    assert tasks.get("two").source.where == {"genre": ("two",)}
    assert {"one", "two"} <= set(tasks.names)
    assert "one" in tasks and "one" not in BUILT_IN
    assert set(tasks.names) - {"one", "two"} == set(BUILT_IN.names)
    with pytest.raises(ToolkitError, match="No task named 'one'"):
        BUILT_IN.get("one")


def test_a_catalogue_cannot_be_changed(elsewhere: Path) -> None:
    tasks = catalogue_of([declare(elsewhere, "one")])
    for held in (tasks.held, tasks.files, BUILT_IN.held):
        with pytest.raises(TypeError):
            held["two"] = held  # type: ignore[index]


def test_without_files_the_catalogue_is_the_built_in_one() -> None:
    assert catalogue_of(()) is BUILT_IN


def test_a_file_that_refers_to_its_neighbour_brings_it_along(elsewhere: Path) -> None:
    declare(elsewhere / "deep", "ground")
    tasks = catalogue_of([declare(elsewhere / "deep", "mine", base="ground")])
    assert tasks.get("ground").source.where == {"genre": ("ground",)}


def test_the_same_file_may_be_named_twice_and_after_one_that_refers_to_it(elsewhere: Path) -> None:
    ground, mine = declare(elsewhere, "ground"), declare(elsewhere, "mine", base="ground")
    assert tuple(catalogue_of([mine, ground, mine]).files) == ("ground", "mine")


def test_two_files_that_declare_one_name_are_refused(elsewhere: Path) -> None:
    one, other = declare(elsewhere, "mine"), declare(elsewhere, "mine", file="other.yaml")
    with pytest.raises(ConfigError, match=r"other\.yaml: .*mine\.yaml declares a task 'mine' already; choose another"):
        catalogue_of([one, other])


def test_the_working_folders_tasks_are_found_by_name_and_listed(elsewhere: Path) -> None:
    declare(elsewhere / "configs" / "task", "mine")
    assert "mine" in BUILT_IN and BUILT_IN.names[-1] == "mine"
    assert BUILT_IN.get("mine").source.where == {"genre": ("mine",)}
    assert [task.name for task in BUILT_IN] == list(BUILT_IN.names)
    with pytest.raises(ToolkitError, match=f"lists all {len(BUILT_IN)}"):
        BUILT_IN.get("nothing")


def test_a_task_file_that_was_named_wins_over_the_working_folders(elsewhere: Path) -> None:
    declare(elsewhere / "configs" / "task", "mine")
    tasks = catalogue_of([declare(elsewhere, "mine", base="xnli")])
    assert tasks.get("mine").languages == BUILT_IN.get("xnli").languages
    assert [task.name for task in tasks].count("mine") == tasks.names.count("mine") == 1


def test_a_file_in_the_working_folder_that_changes_is_read_anew(elsewhere: Path) -> None:
    declare(elsewhere / "configs" / "task", "mine")
    before = BUILT_IN.get("mine")
    declare(elsewhere / "configs" / "task", "mine", base="xnli")
    assert BUILT_IN.get("mine").languages != before.languages


@pytest.mark.parametrize("name", ["../mine", "a/b", "", "mine.yaml", "configs/task/mine"])
def test_only_a_plain_name_may_become_a_path(elsewhere: Path, name: str) -> None:
    declare(elsewhere / "configs" / "task", "mine")
    declare(elsewhere / "configs", "mine")
    assert name not in BUILT_IN
    with pytest.raises(ToolkitError, match="No task named"):
        BUILT_IN.get(name)


def test_training_rows_are_a_tasks_own_or_those_that_it_borrows(elsewhere: Path) -> None:
    tasks: Catalogue = catalogue_of([declare(elsewhere, "mine", base="xnli")])
    assert tasks.source_task(tasks.get("mine")).name == "mnli"
    assert tasks.training_rows(Name("mine")) == "mnli (mine has no training rows of its own)"
    assert tasks.training_rows(Name("mnli")) == "mnli"
    with pytest.raises(ToolkitError, match="'bucc' has no training rows: it is scored by `xstilts retrieve"):
        tasks.source_task(tasks.get("bucc"))


@pytest.mark.parametrize("name", ["x", 3, None])
def test_what_is_no_name_is_in_no_catalogue(name: object) -> None:
    assert name not in BUILT_IN


def test_a_task_with_a_language_is_not_an_unknown_task() -> None:
    with pytest.raises(ToolkitError, match="the task is 'xnli', and `--languages de`"):
        BUILT_IN.get("xnli.de")
    with pytest.raises(ToolkitError, match="No task named 'xnil.de'"):
        BUILT_IN.get("xnil.de")
