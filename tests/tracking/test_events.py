import re

import pytest

from toolkit.tracking import Opening, events, limits


def test_values_become_strings_of_legal_length():
    opening = Opening("n" * 999, " ", {"t": "x" * 9999, "none": None}, {"lr": 1e-4})
    event = events.start(opening, parent="p", uri=None)
    assert len(event["run_name"]) == limits.KEY_LENGTH
    assert event["experiment"] == "xstilts"
    assert len(event["tags"]["t"]) == limits.TAG_LENGTH
    assert event["tags"]["none"] == "None"
    assert event["params"] == {"lr": "0.0001"}
    assert event["tags"]["mlflow.parentRunId"] == "p"


def test_every_run_has_an_id_of_its_own():
    first, second = (events.start(Opening("a", "e", {}, {}), parent=None, uri=None) for _ in range(2))
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
