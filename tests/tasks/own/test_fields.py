from __future__ import annotations

import pytest

from toolkit.tasks import get_task
from toolkit.tasks.own.convert import Asker
from toolkit.tasks.own.fields import gold_columns, own_fields
from toolkit.tasks.rows import ChoiceRow, SpanRow, TagsRow


@pytest.mark.parametrize(
    ("task", "language", "columns"),
    [
        ("xnli", "en", {"first": ("premise", "first", "text"), "second": ("hypothesis", "second")}),
        ("anli-plus", "en", {"first": ("premise", "first", "text"), "second": ("hypothesis", "second")}),
        ("sib200", "en", {"first": ("text", "first")}),
        ("udpos", "de", {"tokens": ("tokens", "text")}),
        ("csqa", "en", {"question": ("question",), "choices": ("choices.text", "choices")}),
        ("micro-nli", "en", {"first": ("first", "text"), "second": ("second",)}),
    ],
)
def test_the_fields_of_a_task_are_read_from_its_columns_or_their_own_names(task, language, columns) -> None:
    assert {each.name: each.columns for each in own_fields(get_task(task), language)} == columns


def test_the_columns_of_the_gold_are_known_and_not_read() -> None:
    assert gold_columns(get_task("xnli"), "en") == ("label",)
    assert gold_columns(get_task("squad"), "en") == ("answers", "texts")


@pytest.mark.parametrize(
    "record",
    [
        {"premise": "A", "question": "cause", "choice1": "b", "choice2": "c"},
        {"context": "A", "question": "cause", "choices": ["b", "c"]},
        {"context": "A", "question": "cause", "choices": '["b", "c"]'},
        {"premise": "A", "question": "cause", "choices": ("b", "c"), "label": "seven"},
    ],
)
def test_choices_may_be_columns_a_list_or_a_list_in_a_cell(record) -> None:
    row = Asker(get_task("xcopa"), "en").ask(record, "here").row
    assert isinstance(row, ChoiceRow)
    assert (row.context, row.question, row.choices) == ("A", "cause", ("b", "c"))


def test_a_path_leads_into_objects_and_lists_of_them() -> None:
    asker = Asker(get_task("csqa"), "en")
    for choices in ({"text": ["a", "b"], "label": ["A", "B"]}, [{"text": "a"}, {"text": "b"}]):
        row = asker.ask({"question": "?", "choices": choices}, "here").row
        assert isinstance(row, ChoiceRow)
        assert row.choices == ("a", "b")


def test_more_choices_than_the_task_has_are_answered_too() -> None:
    row = Asker(get_task("csqa"), "en").ask({"question": "?", "choices": list("abcdefg")}, "here").row
    assert isinstance(row, ChoiceRow) and len(row.choices) == 7


def test_a_question_needs_no_answer() -> None:
    row = Asker(get_task("xquad"), "en").ask({"question": "?", "context": "It rains."}, "here").row
    assert row == SpanRow("here", "?", "It rains.", ())


def test_tokens_in_a_cell_are_parted_by_blanks_and_raw_text_is_cut() -> None:
    asker = Asker(get_task("udpos"), "en")
    cell, raw = asker.ask({"tokens": "It's \u00a0x ."}, "here"), asker.ask({"text": "It's x."}, "here")
    assert isinstance(cell.row, TagsRow) and isinstance(raw.row, TagsRow)
    assert (cell.row.tokens, cell.starts) == (("It's", "\u00a0x", "."), None)
    assert (raw.row.tokens, raw.starts) == (("It's", "x", "."), (0, 5, 6))
