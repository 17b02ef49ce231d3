from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from toolkit.errors import ToolkitError
from toolkit.perturb.attack import attack
from toolkit.perturb.attacked import Attacked, AttackSettings, attack_measures
from toolkit.perturb.lexicon import make_lexicon
from toolkit.tasks.rows import PairRow

ROWS = [
    PairRow("0", "the cat sat here", "a good cat", 0),
    PairRow("1", "nothing to see", "a bad dog", 1),
    PairRow("2", "the good bird sang", "it sang", 0),
    PairRow("3", "wrong from the start", "a bad one", 0),
]


class Reader:
    """A model that looks for 'good' and 'bad' and counts how often it is asked."""

    def __init__(self) -> None:
        self.n_rows = self.n_calls = 0

    def __call__(self, rows: Sequence[PairRow]) -> np.ndarray:
        self.n_rows += len(rows)
        self.n_calls += 1
        good = np.array(
            [0.4 + 0.5 * ("good" in f"{r.first} {r.second}".split()) - 0.3 * ("bad" in r.second.split()) for r in rows]
        )
        return np.stack([good, 1 - good], axis=1)


def _attack(reader: Reader, rows: Sequence[PairRow] = ROWS, **settings) -> list[Attacked]:
    return attack(
        rows, reader, kind="pair", language="en", settings=AttackSettings(**{"name": "characters", **settings})
    )


def test_the_word_that_matters_is_found_and_changed() -> None:
    found = _attack(Reader())
    assert [each.is_right for each in found] == [True, True, True, False]
    # Row 1 answers "not good" whatever is done to 'bad': 0.6 stays above one half.
    assert [each.is_turned for each in found] == [True, False, True, False]
    assert "good" not in found[0].row.second.split() and found[0].row.first == ROWS[0].first
    assert found[0].n_changed == 1
    assert found[3].row == ROWS[3] and found[3].n_queries == 1


def test_the_label_and_the_id_stay() -> None:
    assert [(each.row.id, each.row.label) for each in _attack(Reader())] == [(row.id, row.label) for row in ROWS]


def test_all_rows_are_asked_about_side_by_side() -> None:
    one, many = Reader(), Reader()
    for row in ROWS:
        _attack(one, [row])
    together = _attack(many)
    assert many.n_rows == one.n_rows == sum(each.n_queries for each in together)
    assert many.n_calls < one.n_calls / 2


def test_no_row_costs_more_queries_than_the_budget() -> None:
    for budget in (2, 3, 5, 9, 30):
        assert all(each.n_queries <= budget for each in _attack(Reader(), budget=budget, max_changed=1.0))


def test_a_row_that_may_not_be_changed_is_not() -> None:
    assert [each.row for each in _attack(Reader(), max_changed=0.0)] == ROWS


def test_no_more_words_change_than_may() -> None:
    rows = [PairRow("0", "one two three four five six seven eight", "nine ten", 1)]

    def falling(asked: Sequence[PairRow]) -> np.ndarray:
        differs = [sum(a != b for a, b in zip(row.first, rows[0].first, strict=False)) for row in asked]
        return np.array([[0.1 + 0.01 * n, 0.6] for n in differs])

    (found,) = attack(
        rows, falling, kind="pair", language="en", settings=AttackSettings(name="characters", max_changed=0.3)
    )
    assert found.n_changed <= 3


def test_the_same_seed_gives_the_same_attack() -> None:
    assert _attack(Reader()) == _attack(Reader())
    assert [e.row for e in _attack(Reader(), seed=1)] != [e.row for e in _attack(Reader())]


def test_code_switching_takes_its_words_from_the_lexicons() -> None:
    german = make_lexicon("en", "de", [("good", "gut"), ("cat", "Katze")], origin="en-de")
    found = _attack(Reader(), name="code-switch", lexicons=(german,))
    assert found[0].row.second == "a gut cat"
    assert found[2].row.first == "the gut bird sang"


def test_only_the_fields_that_are_asked_for_are_attacked() -> None:
    found = _attack(Reader(), fields=("first",))
    assert [each.row.second for each in found] == [row.second for row in ROWS]
    assert [each.is_turned for each in found] == [False, False, True, False]
    assert found[0].n_words == 4


def test_the_measures_are_those_of_the_field() -> None:
    found = _attack(Reader())
    measures = attack_measures(found, ROWS, "pair")
    assert measures["clean_accuracy"] == 3 / 4
    assert measures["robust_accuracy"] == 1 / 4
    assert measures["attack_success_rate"] == pytest.approx(2 / 3)
    assert measures["performance_drop_rate"] == pytest.approx(2 / 3)
    assert measures["queries"] == pytest.approx(sum(e.n_queries for e in found[:3]) / 3)
    assert 0.5 < measures["chrf"] < 1
    untouched = [Attacked(row, True, False, 1.0, 1.0, 1, 4, 0) for row in ROWS]
    assert attack_measures(untouched, ROWS, "pair")["chrf"] == pytest.approx(1.0)
    wrong = [Attacked(row, False, False, 0.0, 0.0, 1, 4, 0) for row in ROWS]
    assert attack_measures(wrong, ROWS, "pair") == {"clean_accuracy": 0, "robust_accuracy": 0}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: AttackSettings(name="charcters"), "No attack named 'charcters'. Did you mean 'characters'?"),
        (lambda: AttackSettings(name="characters", budget=1), "leaves none to attack with"),
        (lambda: AttackSettings(name="characters", max_changed=1.2), "expected it in [0, 1]"),
        (lambda: _attack(Reader(), name="code-switch"), "needs a lexicon from en"),
        (lambda: attack([], Reader(), kind="tags", language="en", settings=AttackSettings(name="characters")), "tags rows have none"),
        (
            lambda: _attack(Reader(), name="code-switch", lexicons=(make_lexicon("de", "en", [("a", "b")], origin="de-en"),)),
            "The lexicon de-en translates from de; the rows are in en.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_attacked_is_refused_in_one_sentence(call, sentence: str) -> None:
    with pytest.raises(ToolkitError) as raised:
        call()
    assert sentence in str(raised.value)
