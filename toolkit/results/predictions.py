"""Predictions row by row: one JSON object per line, for paired tests and for reading.

`eval` leaves `predictions/<task>.<language>.jsonl` next to its `scores.json` (of a `par`:
`predictions/member<i>/<task>.<language>.jsonl`), one line a row in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import DataError
from toolkit.files import json_of, read_regular, replace_lines
from toolkit.safe_text import json_text


@dataclass(frozen=True)
class Prediction:
    """One row's answer and what it is worth.

    Args:
        id: the row's id in its data set; a data set may repeat one.
        gold: a label's name (without names its index), the right choice's index, the reference answers, or the tags.
        prediction: of the same sort as `gold`; for a span its text, empty for "no answer".
        outcome: in [0, 1]: 1 or 0 for a label; F1 for a span; for tags the share of right words where the task's metric is
            accuracy, else the sentence's own span F1 (1 where there is no span and none was found). Its mean over all
            rows is the score, but for tags, whose scores are made from the sums of `counts`.
        counts: further figures: `em` of a span; of tags `right` and `words`, and where spans count `tp`, `fp` and `fn`; of a text
            `right`, `pieces` and `loss`, the sum over its masked pieces in nats.

    Raises:
        ValueError: `outcome` is not a fraction.

    Example:
        >>> Prediction("17", "neutral", "entailment", 0.0).outcome
        0.0
    """

    id: str
    gold: Any
    prediction: Any
    outcome: float
    counts: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.0 <= self.outcome <= 1.0:
            raise ValueError(
                f"Row '{self.id}' has the outcome {self.outcome!r}; a fraction between 0 and 1 is expected."
            )


_FIELDS = ("id", "gold", "prediction", "outcome")


def write_predictions(predictions: Iterable[Prediction], path: Path) -> None:
    """Write one JSON object a line, `counts` among the other fields, under another name that is then renamed.

    Raises:
        ToolkitError: the file cannot be written.
    """
    lines = (json_text({**{name: getattr(each, name) for name in _FIELDS}, **each.counts}) for each in predictions)
    replace_lines(path, (f"{line}\n" for line in lines))


def read_predictions(path: Path) -> list[Prediction]:
    """Read what `write_predictions` wrote.

    Raises:
        DataError: the file is missing, or a line is not a prediction; names the file and the line.
    """
    try:
        lines = read_regular(path).decode("utf-8").split("\n")
    except OSError as fault:
        raise DataError(f"Cannot read {path}: {fault.strerror}; expected the predictions that `eval` wrote.") from None
    except UnicodeDecodeError as fault:
        raise DataError(f"{path} is not UTF-8 ({fault.reason}); expected the predictions that `eval` wrote.") from None
    return [_prediction(line, f"Line {number} of {path}") for number, line in enumerate(lines, 1) if line]


def _prediction(line: str, where: str) -> Prediction:
    try:
        values = json_of(line)
    except ValueError as fault:
        raise DataError(f"{where} is not JSON ({fault}); expected one prediction.") from None
    if not isinstance(values, dict) or (missing := [name for name in _FIELDS if name not in values]):
        lacks = f"has no '{missing[0]}'" if isinstance(values, dict) else f"is {type(values).__name__}"
        raise DataError(f"{where} {lacks}; a prediction has {', '.join(_FIELDS)}.")
    figures = {key: value for key, value in values.items() if key not in ("id", "gold", "prediction")}
    for key, value in figures.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError(f"{where} has {key} = {value!r}; a number was expected.")
    try:
        return Prediction(
            str(values["id"]), values["gold"], values["prediction"], float(figures.pop("outcome")), figures
        )
    except ValueError as fault:
        raise DataError(f"{where}: {fault}") from None
