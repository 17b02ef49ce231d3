from dataclasses import replace

import pytest

from toolkit.errors import DataError
from toolkit.report import table
from toolkit.report.table import GENERATED_NOTE
from toolkit.results.score import Score


def scores(composition="mnli", *, values=None, **changes):
    fields = {"task": "xnli", "metric": "accuracy", "n": 10, "seed": 0, **changes}
    values = values or {"de": 0.5, "en": 0.75, "sw": 0.25}
    return [Score(language=code, value=value, composition=composition, **fields) for code, value in values.items()]


def test_the_training_language_and_the_summaries_come_first():
    found = table(scores())
    assert found.columns == ("composition", "en", "zero-shot", "gap", "de", "sw")
    assert found.rows == (("mnli", 75.0, 37.5, 37.5, 50.0, 25.0),)
    assert found.title == "xnli, accuracy in %"
    assert found.notes == ()


def test_without_the_training_language_there_is_one_mean():
    found = table(scores(values={"de": 0.5, "sw": 0.25}))
    assert found.columns == ("composition", "mean", "de", "sw")
    assert found.rows == (("mnli", 37.5, 50.0, 25.0),)


@pytest.mark.parametrize(("code", "columns"), [("en", ("composition", "en")), ("de", ("composition", "de"))])
def test_one_language_has_no_means(code, columns):
    found = table(scores(values={code: 0.5}))
    assert (found.columns, found.rows) == (columns, (("mnli", 50.0),))


def test_compositions_are_rows_in_the_order_given():
    found = table(scores("fuse[a,b]/t") + scores("backbone@t"))
    assert [row[0] for row in found.rows] == ["fuse[a,b]/t", "backbone@t"]


def test_what_differs_is_a_column_and_what_does_not_is_in_the_title():
    one = scores(metric="em", task="xquad", split="test", backbone="embedded", protocol="layer 7")
    two = scores(metric="f1", task="xquad", split="test", backbone="embedded", protocol="layer 12")
    found = table(one + two)
    assert found.columns[:3] == ("composition", "metric", "protocol")
    assert [row[:3] for row in found.rows] == [("mnli", "em", "layer 7"), ("mnli", "f1", "layer 12")]
    assert found.title == "xquad, split test, embedded, in %"


def test_generated_rows_are_labelled_and_never_mixed_with_real_ones():
    found = table(scores() + scores(is_generated=True, values={"de": 1.0}))
    place = found.columns.index("data")
    assert [row[place] for row in found.rows] == ["", "generated"]
    assert found.rows[0][found.columns.index("de")] == 50.0
    assert GENERATED_NOTE in found.notes


def test_a_row_with_fewer_languages_says_so():
    found = table(scores() + scores("squad", values={"en": 0.5, "de": 0.25}))
    assert found.rows[1] == ("squad", 50.0, 25.0, 25.0, 25.0, None)
    assert found.notes == ("'squad' was scored in 2 of 3 languages; its means are over those.",)


def test_seeds_are_averaged_and_counted():
    found = table(scores(values={"en": 0.5}) + scores(values={"en": 1.0}, seed=1) + scores("squad", values={"en": 0.5}))
    assert found.columns == ("composition", "seeds", "en")
    assert found.rows == (("mnli", "2", 75.0), ("squad", "1", 50.0))


def test_languages_with_different_seeds_are_refused():
    with pytest.raises(DataError, match="different seeds"):
        table(scores(values={"en": 0.5, "de": 0.5}) + scores(values={"en": 1.0}, seed=1))


def test_a_value_that_comes_twice_is_refused():
    with pytest.raises(DataError, match="xnli/accuracy/de of 'mnli' comes twice"):
        table(scores() + scores())


def test_no_scores_make_no_table():
    with pytest.raises(ValueError, match="at least one"):
        table([])


def test_a_language_of_another_split_is_marked_and_counts_in_the_mean_of_its_row():
    values = {"en": 0.9, "de": 0.6, "sw": 0.3}
    rows = scores("udpos", values=values, split="test")
    rows[1] = replace(rows[1], split="validation")
    found = table(rows)
    assert found.columns == ("composition", "en", "zero-shot", "gap", "de*", "sw")
    (row,) = found.rows
    assert row[1:] == pytest.approx((90.0, 45.0, 45.0, 60.0, 30.0))
    assert found.notes == ("* de: split validation, not test.",)
    assert found.title == "xnli, accuracy in %, split test"


def test_of_several_rows_the_note_names_the_one_that_differs():
    one, other = scores("mnli", split="test"), scores("squad", split="test")
    other[2] = replace(other[2], split="train")
    found = table(one + other)
    assert (len(found.rows), found.columns[-1]) == (2, "sw*")
    assert found.notes == ("* sw of 'squad': split train, not test.",)


def test_one_language_on_two_splits_makes_two_rows():
    found = table(scores(split="validation") + scores(split="test"))
    assert [row[1] for row in found.rows] == ["validation", "test"]
    assert found.notes == ()
