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
from toolkit.recipes.compare.compare import WITHOUT_SUMS
from toolkit.recipes.fusion.attention import LABELS_TOKENS
from toolkit.recipes.score import settings as scoring
from toolkit.recipes.score.evaluate import WORDS
from toolkit.recipes.score.retrieve import SCORERS as SEARCHES
from toolkit.recipes.train import settings as learning
from toolkit.tasks.kinds import EVALUATED, KINDS, METRICS, RETRIEVED, TRAINABLE

TABLES: dict[str, tuple[Iterable[str], Iterable[str]]] = {
    "tasks.kinds.METRICS": (METRICS, KINDS),
    "perturb.fields.TEXTS": (TEXTS, KINDS),
    "modeling.heads.HEADS": (HEADS, TRAINABLE),
    "modeling.learn.LOSSES": (LOSSES, TRAINABLE),
    "modeling.fisher.SCALES": (SCALES, EVALUATED),
    "evaluation.outputs.FORMS": (FORMS, EVALUATED),
    "evaluation.scoring.SCORERS": (SCORERS, EVALUATED),
    "recipes.train.settings.CASES": (learning.CASES, KINDS),
    "recipes.score.settings.CASES": (scoring.CASES, KINDS),
    "recipes.score.settings.LIMITS": (scoring.LIMITS, KINDS),
    "recipes.score.evaluate.WORDS": (WORDS, KINDS),
    "recipes.score.retrieve.SCORERS": (SEARCHES, KINDS),
    "recipes.compare.compare.WITHOUT_SUMS": (WITHOUT_SUMS, KINDS),
    "recipes.fusion.attention.LABELS_TOKENS": (LABELS_TOKENS, KINDS),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_row_for_every_kind_of_its_vocabulary(name: str) -> None:
    table, kinds = TABLES[name]
    assert sorted(table) == sorted(kinds)


def test_every_kind_is_scored_by_one_journey() -> None:
    assert sorted([*EVALUATED, *RETRIEVED]) == sorted(KINDS)
