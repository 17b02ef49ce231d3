from __future__ import annotations

from typing import Any

import pytest

from toolkit.tasks import Answer, BitextRow, ChoiceRow, PairRow, SpanRow, TagsRow
from toolkit.tasks.kinds import Kind
from toolkit.tasks.sources import convert as module
from toolkit.tasks.sources.convert import Fault, Promise

SPAN = {"question": "Who?", "context": "It was Müller 🙂 of Bonn.", "texts": ["Bonn"], "starts": [19]}
CHOICE = {"question": "Which?", "choices": ["red", "blue"], "label": "B", "keys": ["A", "B"]}


def convert(kind: Kind, raw: dict[str, Any], id: str, labels: tuple[str, ...], **also: bool) -> Any:
    return module.convert(kind, raw, id, Promise(labels, **also))


def test_each_kind_becomes_its_row() -> None:
    assert convert("pair", {"first": "a", "second": "b", "label": 1}, "7", ("x", "y")) == PairRow("7", "a", "b", 1)
    assert convert("choice", CHOICE, "7", ()) == ChoiceRow("7", "", "Which?", ("red", "blue"), 1)
    assert convert("span", SPAN, "7", ()) == SpanRow("7", "Who?", SPAN["context"], (Answer("Bonn", 19),))
    assert convert("tags", {"tokens": ["a"], "tags": [1]}, "7", ("x", "y")) == TagsRow("7", ("a",), (1,))
    assert convert("bitext", {"source": "ja\n", "target": " yes"}, "7", ()) == BitextRow("7", "ja", "yes")


def test_the_datasets_own_id_wins_over_the_row_number() -> None:
    assert convert("span", SPAN | {"id": "56be4d"}, "0", ()).id == "56be4d"
    assert convert("span", SPAN | {"id": ""}, "0", ()).id == "0"


def test_labels_may_be_names_or_numbers_in_text_but_stand_in_the_tasks_order() -> None:
    names = ("entailment", "neutral", "contradiction")
    assert convert("pair", {"first": "a", "second": "b", "label": "neutral"}, "0", names).label == 1
    endings = {"choices": ["w", "x", "y", "z"], "label": "3"}
    assert convert("choice", endings, "0", ()).label == 3
    assert convert("choice", {"choices": ["w", "x", "y"], "label": "3"}, "0", ("1", "2", "3")).label == 2
    assert convert("tags", {"tokens": ["a", "b"], "tags": ["y", "x"]}, "0", ("x", "y")).tags == (1, 0)


FAULTS: list[tuple[Kind, dict[str, Any], str]] = [
    ("pair", {"first": "a", "second": "b", "label": -1}, r"label -1; expected 0 to 1 \(x, y\)"),
    ("pair", {"first": "a", "second": "b", "label": 2}, "label 2"),
    ("pair", {"first": "a", "second": "b", "label": True}, "label True"),
    ("pair", {"first": "a", "second": "b", "label": None}, "label None"),
    ("pair", {"first": None, "second": "b", "label": 0}, "None as first; expected text"),
    ("choice", CHOICE | {"label": "C"}, "label 'C'"),
    ("choice", CHOICE | {"label": ""}, "label ''"),
    ("choice", CHOICE | {"choices": ["red"]}, "1 choices; expected at least 2"),
    ("choice", {"choices": ["a", "b"], "label": "y", "keys": ["x", "z", "y"]}, "label 'y'; expected one of the 2"),
    ("span", SPAN | {"starts": [18]}, "answer 'Bonn' is not at offset 18; expected it there, not ' Bon'"),
    ("span", SPAN | {"starts": [20]}, "not at offset 20"),
    ("span", SPAN | {"starts": [-5]}, "offset -5"),
    ("span", SPAN | {"starts": [19, 3]}, "1 answer texts and 2 offsets"),
    ("span", SPAN | {"texts": [], "starts": []}, "no answer; expected at least one"),
    ("span", SPAN | {"texts": [""], "starts": [0]}, "an empty answer"),
    ("tags", {"tokens": ["a", "b"], "tags": [0]}, "2 tokens and 1 tags; expected as many"),
    ("tags", {"tokens": [], "tags": []}, "no tokens"),
    ("tags", {"tokens": ["a"], "tags": [2]}, "label 2"),
    ("tags", {"tokens": ["a", None], "tags": [0, 0]}, "as tokens; expected a list of texts"),
    ("bitext", {"source": " \n", "target": "yes"}, "an empty sentence"),
]


@pytest.mark.parametrize(("kind", "raw", "said"), FAULTS)
def test_a_faulty_row_says_what_was_found_and_what_was_expected(kind: Kind, raw: dict[str, Any], said: str) -> None:
    with pytest.raises(Fault, match=said):
        convert(kind, raw, "0", ("x", "y"))


def test_a_question_without_an_answer_is_a_row_where_the_task_allows_it() -> None:
    row = convert("span", SPAN | {"texts": [], "starts": []}, "0", (), may_be_unanswerable=True)
    assert isinstance(row, SpanRow)
    assert row.answers == ()


def test_an_index_written_as_text_is_an_index_unless_labels_are_called_by_numbers() -> None:
    raw = {"first": "a", "second": "b", "label": "1"}
    assert convert("pair", raw, "0", ("no", "yes")).label == 1
    assert convert("pair", raw, "0", ("1", "2")).label == 0
    with pytest.raises(Fault, match="label '0'"):
        convert("pair", raw | {"label": "0"}, "0", ("1", "2"))
    with pytest.raises(Fault, match="label '2'"):
        convert("pair", raw | {"label": "2"}, "0", ("no", "yes"))
