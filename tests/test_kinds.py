"""Tables of kinds: a new kind, or one that a table forgot, is found here and not in a user's run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture import read_modules
from toolkit.features import MAX_LENGTH, TOKENISERS
from toolkit.metrics import MAIN
from toolkit.tasks import BUILT_IN
from toolkit.tasks.kinds import EVALUATED, FIELDS, KINDS, LABELLED, METRICS, POOLED, RETRIEVED, TRAINABLE
from toolkit.tasks.rows import ROW_TYPES

# The sets of kinds that a table may have: all, those that are scored by `eval`, those that learn, those that
# `retrieve` scores, and those whose rows come from the columns of a table.
WHOLE = {"all": KINDS, "evaluated": EVALUATED, "trainable": TRAINABLE, "retrieved": RETRIEVED, "declared": FIELDS}
# Tables by other words that happen to be called like kinds.
OTHERS = {"toolkit.tasks.micro.samples"}  # the micro-world's makers


def tables() -> Iterator[tuple[str, int, frozenset[str]]]:
    """Yield module, line and keys of every dictionary in the package whose keys are all names of kinds."""
    for name, module in read_modules().items():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Dict) and node.keys and name not in OTHERS:
                keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
                if set(keys) <= set(KINDS):
                    yield name, node.lineno, frozenset(map(str, keys))


def test_every_table_of_kinds_has_all_of_them_or_a_set_that_has_a_name() -> None:
    whole = [frozenset(kinds) for kinds in WHOLE.values()]
    offenders = [f"{name}:{line} has {', '.join(sorted(keys))}" for name, line, keys in tables() if keys not in whole]
    assert offenders == []


def test_the_search_for_tables_finds_those_of_every_height() -> None:
    rooms = {name.split(".")[1] for name, _, _ in tables()}
    assert {"tasks", "features", "modeling", "evaluation", "perturb", "recipes"} <= rooms


def test_the_sets_of_kinds_fit_together() -> None:
    assert set(EVALUATED) | set(RETRIEVED) == set(KINDS) and not set(EVALUATED) & set(RETRIEVED)
    assert set(EVALUATED) < set(TRAINABLE) and set(POOLED) <= set(RETRIEVED) and set(LABELLED) < set(EVALUATED)
    assert set(METRICS) == set(ROW_TYPES) == set(KINDS)
    assert set(TOKENISERS) == set(MAX_LENGTH) == set(TRAINABLE) <= set(FIELDS)


def test_every_metric_scores_a_kind_and_has_a_main_measure() -> None:
    assert {metric for metrics in METRICS.values() for metric in metrics} == set(MAIN)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_tasks_and_those_that_learn_have_training_rows(kind: str) -> None:
    tasks = [task for task in BUILT_IN.held.values() if task.kind == kind]
    assert tasks
    assert any(task.has_train for task in tasks) is (kind in TRAINABLE)
