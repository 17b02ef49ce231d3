"""One number, and everything needed to read it: task, language, metric, how many rows, which composition."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from toolkit.errors import DataError
from toolkit.files import replace_text

ZERO_SHOT_MEAN = "zero_shot_mean"
GAP = "gap"
MEAN = "mean"


@dataclass(frozen=True)
class Score:
    """One tidy row of results.

    Args:
        task: the task's name, `xnli`.
        language: the language of the rows scored, `de`.
        metric: what was measured, `accuracy`, `f1`, `em`.
        value: a fraction in [0, 1]; only reports multiply by 100.
        n: how many rows (questions, sentences, queries) the value was computed on, at least 1.
        composition: canonical text of the composition scored.
        seed: the seed of its training; -1 where it was made elsewhere and the seed is not known.
        protocol: what else moves the number (layer, pooling, direction), or empty.
        split: the split scored, `test`.
        backbone: the backbone's name.
        is_generated: whether the rows come from the built-in generator: then this is no benchmark result.
        fingerprint: fingerprint of the rows scored.
        revision: `org/name@commit` of the dataset that they are of, where hub or mirror say it.

    Raises:
        ValueError: `value` is no fraction or `n` is below 1.

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

    def __post_init__(self) -> None:
        # bool is an int, and NaN compares false: both would pass a bare range check somewhere.
        if isinstance(self.value, bool) or not 0.0 <= self.value <= 1.0:
            raise ValueError(f"{self.name} is {self.value!r}; a score is a fraction between 0 and 1.")
        if isinstance(self.n, bool) or self.n < 1:
            raise ValueError(f"{self.name} was computed on {self.n!r} rows; a score needs at least one.")

    @property
    def name(self) -> str:
        """The metric's name everywhere: `{task}/{metric}/{language}`."""
        return metric_name(self.task, self.metric, self.language)


@dataclass(frozen=True)
class Summary:
    """What the languages of one metric come to.

    Args:
        english: the value in the training (pivot) language, or None where it was not scored.
        zero_shot_mean: the mean over all other languages, or None where there is none.
        gap: `english - zero_shot_mean`, or None where either is absent.
        mean: the mean over all languages scored, English included.
        by_language: language -> value, in the order scored.
    """

    english: float | None
    zero_shot_mean: float | None
    gap: float | None
    mean: float
    by_language: Mapping[str, float] = field(default_factory=dict)


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


def mean(values: Iterable[float]) -> float | None:
    """Return the mean of `values`, summed without rounding error, or None where there is none.

    Example:
        >>> mean([0.25, 0.75])
        0.5
    """
    found = list(values)
    return math.fsum(found) / len(found) if found else None


def summarise(scores: Sequence[Score], *, pivot_language: str = "en") -> dict[str, Summary]:
    """Return English, zero-shot mean and gap of one composition on one task, per metric.

    The zero-shot mean runs over the languages other than the training language; each language counts once,
    whatever its number of rows.

    Args:
        scores: scores of one task, composition, seed and protocol; several metrics may be among them.
        pivot_language: the language the task was trained in.

    Returns:
        metric -> Summary, in the order in which the metrics appear.

    Raises:
        ValueError: the scores belong to several tasks, compositions, seeds or protocols, or a language of one
            metric comes twice: a mean over such a mixture has no meaning.

    Example:
        >>> rows = [Score("xnli", code, "accuracy", value, 100, "mnli", 0)
        ...         for code, value in [("en", 0.64), ("de", 0.57), ("sw", 0.53)]]
        >>> found = summarise(rows)["accuracy"]
        >>> found.english, round(found.zero_shot_mean, 4), round(found.gap, 4), round(found.mean, 4)
        (0.64, 0.55, 0.09, 0.58)
    """
    for noun in ("task", "composition", "seed", "protocol", "backbone"):
        found = {getattr(score, noun) for score in scores}
        if len(found) > 1:
            raise ValueError(f"Scores of several {noun}s ({', '.join(sorted(map(str, found)))}) have no common mean.")
    by_metric: dict[str, dict[str, float]] = {}
    for score in scores:
        languages = by_metric.setdefault(score.metric, {})
        if score.language in languages:
            raise ValueError(f"{score.name} comes twice among the scores; each language counts once.")
        languages[score.language] = score.value
    return {metric: summary(values, pivot_language=pivot_language) for metric, values in by_metric.items()}


def summary(by_language: Mapping[str, float], *, pivot_language: str = "en") -> Summary:
    """Return the Summary of one metric's values by language.

    Args:
        by_language: language -> value in [0, 1]; at least one.
        pivot_language: the language the task was trained in.

    Raises:
        ValueError: there is no value.

    Example:
        >>> summary({"de": 0.9, "fr": 0.8}).english is None
        True
    """
    everything = mean(by_language.values())
    if everything is None:
        raise ValueError("A summary needs at least one score.")
    english = by_language.get(pivot_language)
    zero_shot = mean(value for code, value in by_language.items() if code != pivot_language)
    gap = english - zero_shot if english is not None and zero_shot is not None else None
    return Summary(english, zero_shot, gap, everything, dict(by_language))


def named_values(scores: Sequence[Score], *, pivot_language: str = "en") -> dict[str, float]:
    """Return every score and every summary under its name, ready for a tracker.

    Args:
        scores: as for `summarise`.
        pivot_language: the language the task was trained in.

    Returns:
        `{task}/{metric}/{language}` for each score, then `/zero_shot_mean`, `/gap` and `/mean` where they exist.

    Example:
        >>> rows = [Score("xnli", code, "accuracy", value, 10, "mnli", 0) for code, value in [("en", 0.6), ("de", 0.5)]]
        >>> [name.removeprefix("xnli/accuracy/") for name in named_values(rows)]
        ['en', 'de', 'zero_shot_mean', 'gap', 'mean']
    """
    named = {score.name: score.value for score in scores}
    for metric, found in summarise(scores, pivot_language=pivot_language).items():
        for what, value in ((ZERO_SHOT_MEAN, found.zero_shot_mean), (GAP, found.gap), (MEAN, found.mean)):
            if value is not None:
                named[metric_name(scores[0].task, metric, what)] = value
    return named


def to_dict(score: Score) -> dict[str, Any]:
    """Return the score as plain JSON values, in the order of its fields."""
    return asdict(score)


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
    """Write scores as a JSON list, one object a line, beside and renamed into place.

    Raises:
        ToolkitError: the file cannot be written.
    """
    rows = ",\n".join(json.dumps(to_dict(score), ensure_ascii=False) for score in scores)
    replace_text(path, f"[\n{rows}\n]\n")


def write_csv(records: Iterable[Any], path: Path, *, of: type = Score) -> None:
    """Write scores, or other flat dataclasses, as CSV with a header, all digits of every value, renamed into place.

    Args:
        records: values of the class `of`.

    Raises:
        ToolkitError: the file cannot be written.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [item.name for item in fields(of)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(record) for record in records)
    replace_text(path, buffer.getvalue())


def read_json(path: Path) -> list[Score]:
    """Read what `write_json` wrote.

    Raises:
        DataError: the file is missing, is no JSON list, or a row is no score; names the file and the row.
    """
    try:
        rows = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as fault:
        raise DataError(f"Cannot read {path}: {fault.strerror}; expected the JSON that an evaluation wrote.") from None
    except ValueError as fault:
        raise DataError(f"{path} is no JSON ({fault}); expected the list of scores that an evaluation wrote.") from None
    if not isinstance(rows, list):
        raise DataError(f"{path} holds {type(rows).__name__}; expected the list of scores that an evaluation wrote.")
    return [from_dict(row, where=f"Row {number} of {path}") for number, row in enumerate(rows, start=1)]
