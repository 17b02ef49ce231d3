from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import DataError
from toolkit.results.predictions import Prediction, read_predictions, write_predictions

SOME = [
    Prediction("1", "neutral", "entailment", 0.0),
    Prediction("2", ["Köln", "\u0643\u062a\u0627\u0628\u2028x"], "", 0.5, {"em": 0.0}),
    Prediction("2", ["B-PER", None], ["O", "O"], 1.0, {"tp": 0, "fp": 1, "fn": 2}),
    Prediction("half a pair", "\ud83d", "line\r\nbreak", 1.0),
]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_predictions(SOME, tmp_path / "a" / "p.jsonl")
    assert read_predictions(tmp_path / "a" / "p.jsonl") == SOME
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["p.jsonl"]


@pytest.mark.parametrize("outcome", [-0.1, 1.1, float("nan")])
def test_an_outcome_is_a_fraction(outcome: float) -> None:
    with pytest.raises(ValueError, match="fraction"):
        Prediction("1", 0, 0, outcome)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "Line 2 of .* is not JSON"),
        ("[]", "Line 2 of .* is list"),
        ('{"id": "1", "gold": 0, "prediction": 0}', "has no 'outcome'"),
        ('{"id": "1", "gold": 0, "prediction": 0, "outcome": true}', "outcome = True; a number"),
        ('{"id": "1", "gold": 0, "prediction": 0, "outcome": 7}', "fraction between 0 and 1"),
        ('{"id": "1", "gold": 0, "prediction": 0, "outcome": 1, "tp": "x"}', "tp = 'x'; a number"),
    ],
)
def test_a_line_that_is_no_prediction_is_named(tmp_path: Path, line: str, sentence: str) -> None:
    write_predictions(SOME[:1], tmp_path / "p.jsonl")
    with open(tmp_path / "p.jsonl", "a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=sentence):
        read_predictions(tmp_path / "p.jsonl")


def test_a_missing_file_and_one_that_is_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read"):
        read_predictions(tmp_path / "none")
    (tmp_path / "b").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        read_predictions(tmp_path / "b")
