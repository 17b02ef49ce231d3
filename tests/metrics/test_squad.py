"""Goldens worked out by hand from the rules of the official `evaluate-v1.1.py`."""

import pytest

from toolkit.metrics import squad
from toolkit.metrics.squad import normalise, score_questions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Denver Broncos!", "denver broncos"),
        ("U.S.A.", "usa"),
        ("an apple a day", "apple day"),
        ("theatre and banana", "theatre and banana"),  # articles are whole words
        ("a-an", "aan"),  # punctuation goes first, and with it the word boundary
        ("  two\t\nwords ", "two words"),
        ("THE the A a An", ""),
        ("¿Qué?", "¿qué"),  # ASCII punctuation only
        ("“quoted”", "“quoted”"),
        ("l'eau", "leau"),
        ("ÉCOLE", "école"),
        ("5,000 %", "5000"),
        ("a\u00a0b", "b"),  # a no-break space is a word boundary and white space
    ],
)
def test_normalising_lowers_then_drops_punctuation_then_articles_then_spaces(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("predicted", "answer", "expected"),
    [
        ("the cat sat", "cat sat down", 2 * 1.0 * (2 / 3) / (1.0 + 2 / 3)),  # 2 of 2 found, 2 of 3 expected: 0.8
        ("red red car", "red car", 0.8),  # a repeated token counts once where the answer has it once
        ("red red car", "red red", 0.8),
        ("one two three four", "four", 0.4),  # precision 1/4, recall 1
        ("dog", "cat", 0.0),
        ("北京大学", "北京", 0.0),  # no spaces: one token
        ("北京大学", "北京大学", 1.0),
        ("", "cat", 0.0),
        ("the", "a", 0.0),  # both normalise to nothing: no common token
    ],
)
def test_token_f1_is_the_one_worked_out_by_hand(predicted, answer, expected):
    assert score_questions({"q": predicted}, {"q": [answer]})["q"].f1 == pytest.approx(expected, abs=1e-15)


def test_two_texts_that_normalise_to_nothing_match_exactly():
    assert score_questions({"q": "the"}, {"q": ["a!"]})["q"].em == 1.0


def test_the_best_of_several_answers_counts_for_each_measure_by_itself():
    # "Broncos" is exact; against "Denver Broncos" F1 is 2/3. The order of answers does not matter.
    assert squad({"q": "Broncos"}, {"q": ["Denver Broncos", "Broncos"]}) == {"em": 1.0, "f1": 1.0}
    assert squad({"q": "the Broncos"}, {"q": ["Denver Broncos", "Denver"]}) == {"em": 0.0, "f1": pytest.approx(2 / 3)}


def test_five_questions_average_as_worked_out_by_hand():
    references = {
        "1": ["1066", "in 1066"],  # exact: 1, 1
        "2": ["William the Conqueror"],  # "William": 0, precision 1, recall 1/2 -> 2/3
        "3": ["Rouen"],  # "Caen": 0, 0
        "4": ["a dukedom", "the duchy of Normandy"],  # "Duchy of Normandy.": 1, 1
        "5": ["north"],  # no prediction: 0, 0
    }
    predictions = {"1": "1066", "2": "William", "3": "Caen", "4": "Duchy of Normandy.", "other": "ignored"}
    assert squad(predictions, references) == {"em": pytest.approx(2 / 5), "f1": pytest.approx((1 + 2 / 3 + 0 + 1) / 5)}


@pytest.mark.parametrize("references", [{}, {"q": []}])
def test_no_questions_and_no_answers_are_refused(references):
    with pytest.raises(ValueError, match=r"No questions|'q' has no answer"):
        squad({"q": "x"}, references)
