from __future__ import annotations

import pytest

from toolkit.languages import _SPELT
from toolkit.modeling.hub_ids import NAMES
from toolkit.registry import did_you_mean, nearest
from toolkit.tasks import BUILT_IN


@pytest.mark.parametrize("code", ["ha", "xx", "qq", "dd", "xz"])
def test_a_language_code_of_other_letters_suggests_nothing(code: str) -> None:
    assert nearest(code, [one for one in _SPELT if one != code and len(one) == 2]) == []


def test_a_language_code_whose_letters_changed_places_is_found() -> None:
    assert did_you_mean("ed", ["de", "el"]) == "Did you mean 'de'?"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("xqaud", "xquad"), ("squadd", "squad"), ("mlni", "mnli"), ("tatoba", "tatoeba"), ("micro_nli", "micro-nli")],
)
def test_a_slip_of_a_task_is_found(name: str, expected: str) -> None:
    assert nearest(name, BUILT_IN.names, n=1) == [expected]


@pytest.mark.parametrize("name", ["roberta-large", "bert", "e5", "camembert"])
def test_another_model_is_no_slip(name: str) -> None:
    assert nearest(name, NAMES) == []
