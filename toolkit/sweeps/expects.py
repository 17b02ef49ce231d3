"""Expectations of a sweep: what its author expects of differences between rows, written so that a report can check it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from toolkit.errors import ConfigError
from toolkit.registry import did_you_mean, unknown

Direction = Literal["higher", "lower", "same"]
Measure = Literal["score", "change"]
"""`score`: the mean over languages; `change`: what noise adds to it or takes from it, of sweeps with noise on the axis `settings`."""

Word = TypeVar("Word", bound=str)

KEYS = ("row", "than", "is", "by", "on", "in", "of", "because")
_DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
_MEASURES: tuple[Measure, ...] = get_args(Measure)


@dataclass(frozen=True)
class Expectation:
    """One expectation.

    Attributes:
        rows: labels whose mean is compared; none for an expectation in words, which is kept and not checked.
        than: labels that it is compared with.
        direction: `higher`, `lower` or `same`.
        by: points: by at least so many, or for `same` within so many.
        on: targets; none: all.
        languages: codes; none: all that were scored.
        measure: of the rows.
        because: the reason, or the whole expectation if it is in words.
    """

    rows: tuple[str, ...] = ()
    than: tuple[str, ...] = ()
    direction: Direction = "higher"
    by: float = 0.0
    on: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    measure: Measure = "score"
    because: str = ""

    def __str__(self) -> str:
        """Return it as a sentence.

        Example:
            >>> print(Expectation(("mnli",), ("baseline",), "higher", 2.0, ("xnli",), because="Phang et al."))
            mnli is higher than baseline by at least 2 points on xnli (Phang et al.)
        """
        if not self.rows:
            return self.because
        what = "changes under noise like" if self.measure == "change" and self.direction == "same" else ""
        joint = {"higher": "is higher than", "lower": "is lower than", "same": "is the same as"}[self.direction]
        if self.measure == "change" and not what:
            joint = {"higher": "loses less under noise than", "lower": "loses more under noise than"}[self.direction]
        size = (
            f" {'within' if self.direction == 'same' else 'by at least'} {self.by:g} point{'' if self.by == 1 else 's'}"
            if self.by
            else ""
        )
        on = f" on {', '.join(self.on)}" if self.on else ""
        where = f" in {', '.join(self.languages)}" if self.languages else ""
        why = f" ({self.because})" if self.because else ""
        return f"{_mean_of(self.rows)} {what or joint} {_mean_of(self.than)}{size}{on}{where}{why}"


def read_expects(
    value: Any, where: str, *, rows: Sequence[str], targets: Sequence[str], baseline: str, has_noise: bool
) -> tuple[Expectation, ...]:
    """Return the expectations of a sweep's file.

    Args:
        value: `expects:` as it is written: a list of mappings and of sentences.
        where: the file and key, for errors.
        rows, targets: labels of the grid.
        baseline: label of the row that is compared with where `than` is left out; empty: none.
        has_noise: whether a point of the axis `settings` has noise and another has none.

    Raises:
        ConfigError: a key, label or number that cannot be used.

    Example:
        >>> read_expects([{"row": "a", "is": "lower"}], "f", rows=["base", "a"], targets=["t"], baseline="base", has_noise=False)[0].than
        ('base',)
    """
    if value in ("", None):
        return ()
    if not isinstance(value, list):
        raise ConfigError(f"{where}: expected a list, such as `- {{row: mnli, is: higher, on: xnli}}`.")
    found = []
    for number, item in enumerate(value, 1):
        place = f"{where}: number {number}"
        if isinstance(item, str) and item:
            found.append(Expectation(because=item))
            continue
        if not isinstance(item, Mapping):
            raise ConfigError(f"{place}: found a list; expected a sentence or `{{row: mnli, is: higher, on: xnli}}`.")
        found.append(_read(item, place, rows, targets, baseline, has_noise))
        if found[-1] in found[:-1]:
            raise ConfigError(f"{place}: it is given twice; give each expectation once.")
    return tuple(found)


def from_dict(values: Mapping[str, Any]) -> Expectation:
    """Return an expectation as `dataclasses.asdict` wrote it."""
    whole: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return Expectation(**whole)


def _read(
    item: Mapping[str, Any], where: str, rows: Sequence[str], targets: Sequence[str], baseline: str, has_noise: bool
) -> Expectation:
    for key in item:
        if key not in KEYS:
            raise ConfigError(f"{where}: {unknown('key', str(key), KEYS, error=ConfigError)}")
    for key in ("row", "is"):
        if not item.get(key):
            raise ConfigError(f"{where}: it lacks `{key}`, such as `{{row: mnli, is: higher, on: xnli}}`.")
    direction = _one_of(item["is"], _DIRECTIONS, f"{where}: is")
    measure = _one_of(item.get("of", "score"), _MEASURES, f"{where}: of")
    if measure == "change" and not has_noise:
        raise ConfigError(f"{where}: `of: change` needs a point with noise and one without on the axis `settings`.")
    if not item.get("than") and not baseline:
        raise ConfigError(f"{where}: it lacks `than`, the row that it is compared with: the sweep has no baseline.")
    own = _labels(item["row"], rows, "row", f"{where}: row")
    than = _labels(item.get("than", baseline), rows, "row", f"{where}: than")
    if set(own) == set(than):
        raise ConfigError(f"{where}: {_mean_of(own)} is compared with itself; name another row in `than`.")
    by = _points(item.get("by", "0"), f"{where}: by")
    if direction == "same" and not by:
        raise ConfigError(f"{where}: `is: same` needs `by`, the points within which two rows count as the same.")
    on = _labels(item.get("on", ""), targets, "target", f"{where}: on")
    languages = _labels(item.get("in", ""), None, "language", f"{where}: in")
    if languages and measure == "change":
        raise ConfigError(f"{where}: `in` is for scores; the change under noise is that of all languages.")
    because = item.get("because", "")
    if not isinstance(because, str):
        raise ConfigError(f"{where}: because: expected a sentence.")
    return Expectation(own, than, direction, by, on, languages, measure, because)


def _labels(value: Any, known: Collection[str] | None, what: str, where: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{where}: expected a name or a list of names.")
    names = [name for name in names if name]
    for name in names:
        if known is not None and name not in known:
            hint = did_you_mean(name, list(known)) or f"It has {', '.join(known)}."
            raise ConfigError(f"{where}: the sweep has no {what} '{name}'. {hint}")
        if names.count(name) > 1:
            raise ConfigError(f"{where}: names '{name}' twice; name each once.")
    return tuple(names)


def _one_of(value: Any, known: tuple[Word, ...], where: str) -> Word:
    for word in known:
        if value == word:
            return word
    hint = did_you_mean(str(value), list(known)) or f"Known: {', '.join(known)}."
    raise ConfigError(f"{where}: found '{value}'; expected one of {', '.join(known)}. {hint}")


def _points(text: Any, where: str) -> float:
    try:
        found = float(text)
    except (TypeError, ValueError):
        found = -1.0
    if not 0 <= found <= 100:
        raise ConfigError(f"{where}: found '{text}'; expected points from 0 to 100, such as 2.5.")
    return found


def _mean_of(rows: Sequence[str]) -> str:
    return rows[0] if len(rows) == 1 else f"the mean of {', '.join(rows)}"
