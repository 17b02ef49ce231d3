"""Tables by kind of task: each height keeps its own, and each has a row for every kind of a vocabulary of `tasks.kinds`."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator

import pytest

from tests.architecture import read_modules
from toolkit.tasks import kinds

VOCABULARIES = {
    name: frozenset(value)
    for name, value in vars(kinds).items()
    if isinstance(value, tuple) and value and set(value) <= set(kinds.KINDS)
}
VOCABULARIES["FIELDS"] = frozenset(kinds.FIELDS)  # kinds whose rows come from columns


def tables() -> Iterator[str]:
    """Yield every module-level name whose annotation is a mapping from `Kind`."""
    for module in read_modules().values():
        for node in module.tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                hint = ast.unparse(node.annotation).removeprefix("Final[")
                if hint.startswith(("dict[Kind,", "Mapping[Kind,")):
                    yield f"{module.name}.{node.target.id}"


FOUND = sorted(tables())


@pytest.mark.parametrize("name", FOUND)
def test_a_table_has_a_row_for_every_kind_of_a_vocabulary(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    keys = frozenset(getattr(importlib.import_module(module), attribute))
    assert keys in VOCABULARIES.values(), sorted(keys)


def test_the_tables_are_found() -> None:
    assert {"toolkit.modeling.heads.HEADS", "toolkit.evaluation.scoring.SCORERS"} < set(FOUND)
    assert {"KINDS", "RETRIEVED", "EVALUATED", "TRAINABLE"} <= set(VOCABULARIES)


def test_every_kind_is_scored_by_one_journey() -> None:
    assert sorted([*kinds.EVALUATED, *kinds.RETRIEVED]) == sorted(kinds.KINDS)
