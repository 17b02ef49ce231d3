"""Tables by kind of task: each height keeps its own, and each has a row for every kind of a vocabulary of `tasks.kinds`."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator

import pytest

from tests.architecture import read_modules
from toolkit.metrics import MAIN
from toolkit.tasks import BUILT_IN, kinds

VOCABULARIES = {
    name: frozenset(value)
    for name, value in vars(kinds).items()
    if isinstance(value, tuple) and value and set(value) <= set(kinds.KINDS)
}
VOCABULARIES["FIELDS"] = frozenset(kinds.FIELDS)  # kinds whose rows come from columns


def tables() -> Iterator[str]:
    """Yield every module-level name whose annotation is a mapping from `Kind`."""
    for module in read_modules(words=["[Kind,"]).values():
        for node in module.tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                hint = ast.unparse(node.annotation).removeprefix("Final[")
                if hint.startswith(("dict[Kind,", "Mapping[Kind,")):
                    yield f"{module.name}.{node.target.id}"


FOUND = sorted(tables())
OTHER_WORDS = {"toolkit.tasks.micro.samples"}  # tables whose words only happen to be those of kinds: makers of rows


def literals() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the place and the keys of every dictionary in the package whose keys are all names of kinds."""
    for name, module in read_modules(words=[f'"{kind}"' for kind in kinds.KINDS]).items():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Dict) and node.keys and name not in OTHER_WORDS:
                keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
                if set(keys) <= set(kinds.KINDS):
                    yield f"{name}:{node.lineno}", frozenset(map(str, keys))


@pytest.mark.parametrize("name", FOUND)
def test_a_table_has_a_row_for_every_kind_of_a_vocabulary(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    keys = frozenset(getattr(importlib.import_module(module), attribute))
    assert keys in VOCABULARIES.values(), sorted(keys)


def test_a_dictionary_by_kind_has_a_row_for_every_kind_of_a_vocabulary_wherever_it_is_written() -> None:
    found = list(literals())
    assert {"tasks", "features", "modeling", "evaluation", "recipes"} <= {name.split(".")[1] for name, _ in found}
    assert [f"{name} has {sorted(keys)}" for name, keys in found if keys not in VOCABULARIES.values()] == []


def test_the_tables_are_found() -> None:
    assert {"toolkit.modeling.heads.HEADS", "toolkit.evaluation.scoring.SCORERS"} < set(FOUND)
    assert {"KINDS", "RETRIEVED", "EVALUATED", "TRAINABLE"} <= set(VOCABULARIES)


def test_every_kind_is_scored_by_one_journey() -> None:
    assert sorted([*kinds.EVALUATED, *kinds.RETRIEVED]) == sorted(kinds.KINDS)


def test_the_vocabularies_fit_together() -> None:
    assert set(kinds.EVALUATED) < set(kinds.TRAINABLE) <= set(kinds.FIELDS)
    assert set(kinds.LABELLED) < set(kinds.EVALUATED) and set(kinds.POOLED) <= set(kinds.RETRIEVED)


def test_every_metric_scores_a_kind_and_has_a_main_measure() -> None:
    assert {metric for metrics in kinds.METRICS.values() for metric in metrics} == set(MAIN)


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_kind_has_tasks_and_exactly_those_that_learn_have_training_rows(kind: str) -> None:
    tasks = [task for task in BUILT_IN.held.values() if task.kind == kind]
    assert tasks
    assert any(task.has_train for task in tasks) is (kind in kinds.TRAINABLE)
