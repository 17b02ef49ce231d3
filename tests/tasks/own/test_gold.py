from __future__ import annotations

from typing import Any

import pytest

from toolkit.tasks import get_task
from toolkit.tasks.own.gold import odd_label


@pytest.mark.parametrize(
    ("task", "record", "is_odd"),
    [
        ("xnli", {"label": "neutral"}, False),
        ("xnli", {"label": 2}, False),
        ("xnli", {"label": "2"}, False),
        ("xnli", {"label": None}, False),
        ("xnli", {}, False),
        ("xnli", {"label": "maybe"}, True),
        ("xnli", {"label": 7}, True),
        ("udpos", {"pos_tags": ["NOUN", "X"]}, False),
        ("udpos", {"tags": "NOUN ODD"}, True),
        ("csqa", {"choices": {"text": ["a"], "label": ["A"]}, "answerKey": "A"}, False),
        ("xquad", {"answers": {"text": ["a"], "answer_start": [1]}}, False),
    ],
)
def test_a_gold_label_that_is_none_of_the_task_is_found(task: str, record: dict[str, Any], is_odd: bool) -> None:
    assert bool(odd_label(record, get_task(task), "en")) is is_odd
