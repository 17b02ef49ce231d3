"""Score: one number with everything needed to read it (task, language, metric, rows, composition), and its files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from toolkit.errors import DataError
from toolkit.files import load_json, replace_text
from toolkit.safe_text import csv_text, json_text

_OPTIONAL = "language_adapter"  # a field that files have only where it says something
DATA, PICTURE = "scores.json", "heat_map.png"
"""File of scores, and of the picture that is drawn from it."""

UNBOUNDED = ("perplexity",)
"""Measures that are not fractions: 1 or more, smaller is better, and no percentage anywhere."""


def is_value(metric: str, value: float) -> bool:
    """Return whether a number can be the value of a measure."""
    return 1.0 <= value < math.inf if metric in UNBOUNDED else 0.0 <= value <= 1.0


def printed(metric: str, value: float) -> float:
    """Return a value as reports print it: in percent, where it is a fraction.

    Example:
        >>> printed("accuracy", 0.5), printed("perplexity", 42.0)
        (50.0, 42.0)
    """
    return value if metric in UNBOUNDED else 100.0 * value


class ScoredRows(Protocol):
    """What a score says of the rows that it was computed on; `tasks.Rows` has it all."""

    @property
    def task(self) -> Named: ...
    @property
    def language(self) -> str | None: ...
    @property
    def split(self) -> str: ...
    @property
    def is_generated(self) -> bool: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def limit_words(self) -> str: ...


class Named(Protocol):
    """A task, by its name."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class System:
    """What was scored, and how.

    Attributes:
        composition: canonical text of the composition.
        backbone: the backbone's name.
        protocol: what else moves the number.
        seed: of its training.
        language_adapter: what a composition that follows the language of its rows took for these.
    """

    composition: str
    backbone: str
    protocol: str
    seed: int = 0
    language_adapter: str = ""


@dataclass(frozen=True)
class Score:
    """One tidy row of results.

    Args:
        task: the task's name, `xnli`.
        language: the language of the rows scored, `de`.
        metric: what was measured, `accuracy`, `f1`, `em`.
        value: a fraction in [0, 1], which only reports multiply by 100; a perplexity is 1 or more.
        n: how many rows (questions, sentences, queries) the value was computed on, at least 1.
        composition: canonical text of the composition scored.
        seed: the seed of its training; -1 where it was made elsewhere and the seed is not known.
        protocol: what else moves the number (layer, pooling, direction, a limit on the rows), or empty.
        split: the split scored, `test`.
        backbone: the backbone's name.
        is_generated: whether the rows come from the built-in generator: then this is not a benchmark result.
        fingerprint: fingerprint of the rows scored.
        revision: `org/name@commit` of the dataset that they are of, where hub or mirror say it.
        language_adapter: `text.sw`, of a composition that follows the language of its rows (`text.*/mnli`): the entries that it
            took for them, with commas, or `none`. Files have it where a score has one.

    Raises:
        ValueError: `value` is out of its range or `n` is below 1.

    Example:
        >>> Score("xnli", "de", "accuracy", 0.57, n=2490, composition="mnli", seed=0).name
        'xnli/accuracy/de'
    """

    task: str
    language: str
    metric: str
    value: float
    n: int
    composition: str
    seed: int
    protocol: str = ""
    split: str = ""
    backbone: str = ""
    is_generated: bool = False
    fingerprint: str = ""
    revision: str = ""
    language_adapter: str = ""

    def __post_init__(self) -> None:
        # bool is an int, and NaN compares false: both would pass a bare range check somewhere.
        if isinstance(self.value, bool) or not is_value(self.metric, self.value):
            wanted = "a fraction between 0 and 1" if self.metric not in UNBOUNDED else "a number of 1 or more"
            raise ValueError(f"{self.name} is {self.value!r}; a score is {wanted}.")
        if isinstance(self.n, bool) or self.n < 1:
            raise ValueError(f"{self.name} was computed on {self.n!r} rows; a score needs at least one.")

    @classmethod
    def of(
        cls,
        rows: ScoredRows,
        measures: Mapping[str, float],
        n: int,
        system: System,
        *,
        split: str | None = None,
        fingerprint: str | None = None,
    ) -> list[Score]:
        """Return a score for each measure of what a system answered to rows: the one maker of scores.

        Args:
            rows: what was scored.
            measures: value by metric.
            n: how many rows, questions, sentences or queries the values were computed on.
            system: what answered; its protocol is completed by what the rows say of their limit.
            split: where not that of the rows.
            fingerprint: where more than the rows decides what was scored.
        """
        return [
            cls(
                task=rows.task.name,
                language=rows.language or "",
                metric=metric,
                value=value,
                n=n,
                composition=system.composition,
                seed=system.seed,
                protocol=" ".join(filter(None, (system.protocol, rows.limit_words))),
                split=rows.split if split is None else split,
                backbone=system.backbone,
                is_generated=rows.is_generated,
                fingerprint=rows.fingerprint if fingerprint is None else fingerprint,
                revision=rows.revision,
                language_adapter=system.language_adapter,
            )
            for metric, value in measures.items()
        ]

    @property
    def name(self) -> str:
        """The metric's name everywhere: `{task}/{metric}/{language}`."""
        return metric_name(self.task, self.metric, self.language)


def metric_name(task: str, metric: str, what: str) -> str:
    """Return the name a number carries in files, logs and MLflow.

    Args:
        task: the task's name.
        metric: the metric's name.
        what: a language code, or one of `zero_shot_mean`, `gap`, `mean`.

    Example:
        >>> metric_name("xquad", "f1", "zero_shot_mean")
        'xquad/f1/zero_shot_mean'
    """
    return f"{task}/{metric}/{what}"


def to_dict(score: Score) -> dict[str, Any]:
    """Return the score as plain JSON values, in the order of its fields."""
    found = asdict(score)
    return found if score.language_adapter else {key: found[key] for key in found if key != _OPTIONAL}


_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}


def from_dict(values: Mapping[str, Any], *, where: str = "A score") -> Score:
    """Build a score from plain values and check each of them.

    Args:
        values: what `to_dict` returned, perhaps after a trip through JSON.
        where: the start of the error's sentence, for example `Row 3 of scores.json`.

    Raises:
        DataError: a field is missing, unknown, of another type or out of range.

    Example:
        >>> row = Score("xnli", "de", "accuracy", 0.57, 2490, "mnli", 0)
        >>> from_dict(to_dict(row)) == row
        True
    """
    if not isinstance(values, Mapping):
        raise DataError(f"{where} is {type(values).__name__}; a score is a mapping of its fields.")
    known = {item.name: str(item.type) for item in fields(Score)}
    if extra := [str(key) for key in values if key not in known]:
        raise DataError(f"{where} has the field '{extra[0]}'; the fields of a score are {', '.join(known)}.")
    if missing := [key for key in list(known)[:7] if key not in values]:
        raise DataError(f"{where} has no '{missing[0]}'; every score needs {', '.join(list(known)[:7])}.")
    for key, value in values.items():
        expected = known[key]
        is_bool = isinstance(value, bool)
        if not isinstance(value, _TYPES[expected]) or is_bool != (expected == "bool"):
            raise DataError(f"{where} has {key} = {value!r}; a {expected} was expected.")
    plain: dict[str, Any] = {**values, "value": float(values["value"])}
    try:
        return Score(**plain)
    except ValueError as fault:
        raise DataError(f"{where}: {fault}") from None


def write_json(scores: Iterable[Score], path: Path) -> None:
    """Write scores as a JSON list, one object a line, in a temporary file that is renamed into place.

    Raises:
        ToolkitError: the file cannot be written.
    """
    rows = ",\n".join(json_text(to_dict(score)) for score in scores)
    replace_text(path, f"[\n{rows}\n]\n")


def write_csv(records: Iterable[Any], path: Path, *, of: type = Score) -> None:
    """Write scores, or other flat dataclasses, as CSV with a header, all digits of every value, renamed into place.

    Args:
        records: values of the class `of`.

    Raises:
        ToolkitError: the file cannot be written.
    """
    every = list(records)
    columns = [
        item.name for item in fields(of) if item.name != _OPTIONAL or any(getattr(one, _OPTIONAL) for one in every)
    ]
    replace_text(path, csv_text(columns, ([getattr(record, name) for name in columns] for record in every)))


def read_json(path: Path) -> list[Score]:
    """Read what `write_json` wrote.

    Raises:
        DataError: the file is missing, is not a JSON list, or a row is not a score; names the file and the row.
    """
    try:
        rows = load_json(Path(path))
    except OSError as fault:
        raise DataError(f"Cannot read {path}: {fault.strerror}; expected the JSON that an evaluation wrote.") from None
    except ValueError as fault:
        raise DataError(
            f"{path} is not JSON ({fault}); expected the list of scores that an evaluation wrote."
        ) from None
    if not isinstance(rows, list):
        raise DataError(f"{path} holds {type(rows).__name__}; expected the list of scores that an evaluation wrote.")
    return [from_dict(row, where=f"Row {number} of {path}") for number, row in enumerate(rows, start=1)]
