import csv
import json
from types import SimpleNamespace

import pytest

from toolkit import files
from toolkit.errors import DataError, ToolkitError
from toolkit.results.score import Score, System, from_dict, metric_name, read_json, to_dict, write_csv, write_json
from toolkit.results.summary import named_values, summarise


def score(language="de", value=0.5, **changes):
    fields = {"task": "xnli", "metric": "accuracy", "n": 10, "composition": "mnli", "seed": 0, **changes}
    return Score(language=language, value=value, **fields)


@pytest.mark.parametrize("value", [-0.01, 1.01, 57.0, float("nan"), float("inf"), True])
def test_a_value_that_is_no_fraction_is_refused(value):
    with pytest.raises(ValueError, match="fraction between 0 and 1"):
        score(value=value)


@pytest.mark.parametrize("n", [0, -1, True])
def test_a_score_of_no_rows_is_refused(n):
    with pytest.raises(ValueError, match="at least one"):
        score(n=n)


def test_the_bounds_are_fractions():
    assert (score(value=0.0).value, score(value=1.0).value) == (0.0, 1.0)


def test_names_are_task_metric_language():
    assert score().name == metric_name("xnli", "accuracy", "de") == "xnli/accuracy/de"


def test_the_zero_shot_mean_leaves_the_training_language_out_and_counts_each_language_once():
    found = summarise([score("en", 0.8, n=1000), score("de", 0.6, n=3), score("sw", 0.4, n=999)])["accuracy"]
    assert found.english == 0.8
    assert found.zero_shot_mean == pytest.approx(0.5)
    assert found.gap == pytest.approx(0.3)
    assert found.mean == pytest.approx(0.6)
    assert found.by_language == {"en": 0.8, "de": 0.6, "sw": 0.4}


def test_without_english_there_is_a_mean_and_no_gap():
    found = summarise([score("de", 0.6), score("sw", 0.4)])["accuracy"]
    assert (found.english, found.gap) == (None, None)
    assert found.zero_shot_mean == found.mean == pytest.approx(0.5)


def test_english_alone_has_no_zero_shot_mean():
    found = summarise([score("en", 0.8)])["accuracy"]
    assert (found.english, found.zero_shot_mean, found.gap, found.mean) == (0.8, None, None, 0.8)


def test_another_training_language_is_the_pivot():
    found = summarise([score("en", 0.8), score("de", 0.6)], pivot_language="de")["accuracy"]
    assert (found.english, found.zero_shot_mean) == (0.6, 0.8)


def test_each_metric_has_its_own_summary():
    found = summarise([score("en", 0.8, metric="f1"), score("en", 0.7, metric="em"), score("de", 0.5, metric="em")])
    assert list(found) == ["f1", "em"]
    assert found["em"].zero_shot_mean == 0.5
    assert found["f1"].zero_shot_mean is None


@pytest.mark.parametrize("noun", ["task", "composition", "protocol", "backbone"])
def test_a_mean_over_two_of_a_kind_is_refused(noun):
    with pytest.raises(ValueError, match=f"several {noun}s"):
        summarise([score("en"), score("de", **{noun: "other"})])


def test_a_language_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="xnli/accuracy/de comes twice"):
        summarise([score("de"), score("de", 0.4)])


def test_nothing_has_no_summary():
    assert summarise([]) == {}


def test_a_tracker_gets_every_language_and_every_summary():
    assert named_values([score("en", 0.75), score("de", 0.25)]) == {
        "xnli/accuracy/en": 0.75,
        "xnli/accuracy/de": 0.25,
        "xnli/accuracy/zero_shot_mean": 0.25,
        "xnli/accuracy/gap": 0.5,
        "xnli/accuracy/mean": 0.5,
    }


def test_a_score_survives_json_with_every_bit(tmp_path):
    scores = [score("de", 1 / 3, protocol="layer 14, mäan"), score("zh", 0.1 + 0.2, is_generated=True, split="test")]
    write_json(scores, tmp_path / "deep" / "scores.json")
    assert read_json(tmp_path / "deep" / "scores.json") == scores


def test_no_scores_survive_json_too(tmp_path):
    write_json([], tmp_path / "scores.json")
    assert read_json(tmp_path / "scores.json") == []


def test_the_csv_holds_fractions_with_all_their_digits(tmp_path):
    write_csv([score("de", 1 / 3, composition="fuse[a,b]/t")], tmp_path / "scores.csv")
    with open(tmp_path / "scores.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["value"]) == 1 / 3
    assert row["composition"] == "fuse[a,b]/t"
    assert list(row) == list(to_dict(score()))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"value": "0.5"}, "value = '0.5'; a float"),
        ({"n": 1.5}, "n = 1.5; a int"),
        ({"n": True}, "n = True"),
        ({"is_generated": 1}, "is_generated = 1"),
        ({"value": 57.0}, "fraction between 0 and 1"),
        ({"colour": "red"}, "the field 'colour'"),
    ],
)
def test_a_row_that_is_no_score_is_named(tmp_path, change, sentence):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps([to_dict(score()), {**to_dict(score()), **change}]))
    with pytest.raises(DataError) as fault:
        read_json(path)
    assert f"Row 2 of {path}" in str(fault.value)
    assert sentence in str(fault.value)


def test_a_missing_field_is_named():
    values = to_dict(score())
    del values["seed"]
    with pytest.raises(DataError, match="no 'seed'"):
        from_dict(values)


@pytest.mark.parametrize("content", ["{", '{"task": 1}', "[3]", "\udcff"])
def test_a_file_of_something_else_is_one_sentence(tmp_path, content):
    path = tmp_path / "scores.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match="score"):
        read_json(path)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_json(tmp_path / "none.json")


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "scores.json"
    write_json([score()], path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ToolkitError, match="No space left"):
        write_json([score(value=0.9)], path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["scores.json"]


def test_a_score_of_rows_says_what_they_are_and_what_answered():
    rows = SimpleNamespace(
        task=SimpleNamespace(name="xnli"),
        language="de",
        split="validation",
        is_generated=False,
        fingerprint="f00d",
        revision="lab/xnli@c0ffee",
        limit_words="limit=10 limit_seed=0",
    )
    system = System("mnli", "tiny", "precision=fp32", seed=3)
    first, second = Score.of(rows, {"accuracy": 0.5, "f1": 0.25}, 10, system)
    assert first == Score(
        "xnli",
        "de",
        "accuracy",
        0.5,
        10,
        "mnli",
        3,
        "precision=fp32 limit=10 limit_seed=0",
        "validation",
        "tiny",
        False,
        "f00d",
        rows.revision,
    )
    assert (second.metric, second.value) == ("f1", 0.25)
    (other,) = Score.of(rows, {"accuracy": 0.5}, 10, system, split="dev", fingerprint="beef")
    assert (other.split, other.fingerprint) == ("dev", "beef")
