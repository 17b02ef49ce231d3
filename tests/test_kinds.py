"""Tables by kind of task: each height keeps one, and all of them know the same kinds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from toolkit.evaluation.outputs import FORMS
from toolkit.evaluation.scoring import SCORERS
from toolkit.modeling.fisher import SCALES
from toolkit.modeling.heads import HEADS
from toolkit.modeling.learn import LOSSES
from toolkit.perturb.fields import TEXTS
from toolkit.tasks.kinds import EVALUATED, KINDS, METRICS, RETRIEVED, TRAINABLE

TABLES: dict[str, tuple[Iterable[str], Iterable[str]]] = {
    "tasks.kinds.METRICS": (METRICS, KINDS),
    "perturb.fields.TEXTS": (TEXTS, KINDS),
    "modeling.heads.HEADS": (HEADS, TRAINABLE),
    "modeling.learn.LOSSES": (LOSSES, TRAINABLE),
    "modeling.fisher.SCALES": (SCALES, EVALUATED),
    "evaluation.outputs.FORMS": (FORMS, EVALUATED),
    "evaluation.scoring.SCORERS": (SCORERS, EVALUATED),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_row_for_every_kind_of_its_vocabulary(name: str) -> None:
    table, kinds = TABLES[name]
    assert sorted(table) == sorted(kinds)


def test_every_kind_is_scored_by_one_journey() -> None:
    assert sorted([*EVALUATED, *RETRIEVED]) == sorted(KINDS)
