import re

import pytest

from toolkit.tracking import events


@pytest.mark.parametrize(
    "name", ["a@b", "fuse[a,b]", "../../etc", "/a", "a//b", "", ".", "é/ü", "a\nb", "x" * 999, "a/" * 300]
)
def test_every_name_becomes_one_that_mlflow_takes(name):
    from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name

    key = events.safe_key(name)
    assert 0 < len(key) <= events.KEY_LENGTH
    for validate in (_validate_metric_name, _validate_param_name, _validate_tag_name):
        validate(key)


def test_two_long_names_stay_two():
    assert events.safe_key("x" * 300 + "a") != events.safe_key("x" * 300 + "b")


def test_the_limits_are_those_of_the_installed_mlflow():
    from mlflow.utils import validation

    assert events.KEY_LENGTH == validation.MAX_ENTITY_KEY_LENGTH
    assert events.TAG_LENGTH == validation.MAX_TAG_VAL_LENGTH
    assert events.PARAM_LENGTH == validation.MAX_PARAM_VAL_LENGTH
    assert events.EXPERIMENT_LENGTH == validation.MAX_EXPERIMENT_NAME_LENGTH


def test_values_become_strings_of_legal_length():
    event = events.start(
        "n" * 999, experiment=" ", tags={"t": "x" * 9999, "none": None}, params={"lr": 1e-4}, parent="p", uri=None
    )
    assert len(event["run_name"]) == events.KEY_LENGTH
    assert event["experiment"] == "xstilts"
    assert len(event["tags"]["t"]) == events.TAG_LENGTH
    assert event["tags"]["none"] == "None"
    assert event["params"] == {"lr": "0.0001"}
    assert event["tags"]["mlflow.parentRunId"] == "p"


def test_every_run_has_an_id_of_its_own():
    first, second = (events.start("a", experiment="e", tags={}, params={}, parent=None, uri=None) for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{32}", first["own_id"])
    assert first["own_id"] != second["own_id"]
    assert first["tags"][events.OWN_ID_TAG] == first["own_id"]
    assert "mlflow.parentRunId" not in first["tags"]


@pytest.mark.parametrize(("status", "expected"), [("KILLED", "KILLED"), ("done", "FAILED")])
def test_an_unknown_status_is_a_failure(status, expected):
    assert events.close(status)["status"] == expected


def test_an_artifact_stays_inside_its_run():
    assert events.text("x", "../../a/./b.txt")["name"] == "a/b.txt"
    assert events.text("x", "..")["name"] == "text.txt"
