from __future__ import annotations

import pytest

from toolkit.errors import ConfigError, ToolkitError
from toolkit.metrics import MAIN
from toolkit.tasks import BUILT_IN
from toolkit.tasks.suites import SUITES, Entry, Suite, get_suite


def test_xtreme_is_nine_tasks_in_40_languages_and_xtreme_r_ten_in_50() -> None:
    found = {
        name: (len(suite.entries), len({code for entry in suite.entries for code in entry.languages}))
        for name, suite in SUITES.items()
    }
    later = {"africa": (6, 55), "americas": (5, 13), "low-resource": (10, 157)}
    assert found == {"xtreme": (9, 40), "xtreme-r": (10, 50), "micro": (5, 11), **later}


@pytest.mark.parametrize(
    ("suite", "counts"),
    [
        ("xtreme", "xnli 15 pawsx 7 udpos 33 panx 40 xquad 11 mlqa 7 tydiqa 9 bucc 4 tatoeba 36"),
        ("xtreme-r", "xnli 15 xcopa 11 udpos 38 panx 48 xquad 12 mlqa 7 tydiqa 9 tatoeba 41 mewslix 11 lareqa 11"),
    ],
)
def test_each_task_has_the_languages_that_the_benchmark_averages_over(suite: str, counts: str) -> None:
    entries = get_suite(suite).entries
    assert " ".join(f"{entry.task} {len(entry.languages)}" for entry in entries) == counts
    assert all(len(set(entry.languages)) == len(entry.languages) for entry in entries)


def test_every_task_of_xtreme_is_in_the_catalogue_in_every_language() -> None:
    for entry in get_suite("xtreme").entries:
        assert set(entry.languages) <= set(BUILT_IN.held[entry.task].languages), entry.task


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_what_is_averaged_is_what_the_task_is_scored_by(suite: Suite) -> None:
    for entry in suite.entries:
        if entry.task in BUILT_IN.held:
            assert MAIN[BUILT_IN.held[entry.task].metric] in entry.measures, entry.task
    assert suite.is_generated == all(
        BUILT_IN.held[entry.task].is_generated for entry in suite.entries if entry.task in BUILT_IN.held
    )


def test_the_groups_of_a_benchmark_are_all_its_tasks() -> None:
    for name in ("xtreme", "xtreme-r"):
        suite = get_suite(name)
        assert sorted(task for tasks in suite.groups.values() for task in tasks) == sorted(suite.tasks)


def test_an_unknown_suite_gets_the_nearest_name() -> None:
    with pytest.raises(ToolkitError, match="No suite named 'xtrem'. Did you mean 'xtreme'"):
        get_suite("xtrem")


def test_a_suite_names_each_task_once() -> None:
    entry = Entry("xnli", ("en",), ("accuracy",), "test")
    with pytest.raises(ConfigError, match="twice"):
        Suite("s", "", (entry, entry))
    with pytest.raises(ConfigError, match="groups a task that it lacks"):
        Suite("s", "", (entry,), {"a": ("pawsx",)})
