"""A prediction of transfer as values: every source by every predictor, with the observed gain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import DataError
from toolkit.files import json_of, read_regular
from toolkit.similarity import BEATS, CANNOT_TELL, DOES_NOT, MEASURES, Interval, Measured, Validation
from toolkit.similarity.ranks import ranks

FOLDER = "prediction"  # in the sweep's
FILE = "prediction.json"
FORMAT = 1
COMBINED = "combined"


@dataclass(frozen=True)
class Ranked:
    """A source, and its predicted values for a target.

    Attributes:
        source: the task; `level`: semantic or syntactic.
        values: predictor -> number, higher if it should help more.
        absent: predictor -> why it has none.
        gain: what a sweep observed, a fraction; None without.
    """

    source: str
    level: str
    values: Mapping[str, float]
    absent: Mapping[str, str]
    gain: float | None = None


@dataclass(frozen=True)
class Ranking:
    """The sources for one target, the best predicted first.

    Attributes:
        target: the task; `level`: semantic or syntactic.
        ranked: its sources; those without a value by the leading predictor come last.
        metric, alone: its main measure, and its score alone in the sweep; empty and None without.
    """

    target: str
    level: str
    ranked: tuple[Ranked, ...]
    metric: str = ""
    alone: float | None = None

    def places(self, predictor: str) -> dict[str, float]:
        """Return source -> place by a predictor, 1 for the highest; of those that it has a value for."""
        found = {each.source: each.values[predictor] for each in self.ranked if predictor in each.values}
        return ranks(found) if found else {}

    @property
    def gains(self) -> dict[str, float]:
        """Source -> observed gain, of those that have one."""
        return {each.source: each.gain for each in self.ranked if each.gain is not None}


@dataclass(frozen=True)
class TransferRanking:
    """Rankings of the sources of several targets by several predictors, and their agreement with the observed gains.

    Attributes:
        backbone: whose adapters and vectors they read.
        definitions: predictor -> in a few words, in the order of the tables.
        controls: those among them that the others must beat.
        lead: the predictor that rankings are ordered by.
        rankings: one for each target.
        validation: agreement with the observed gains; None without a sweep.
        sweep: name of the sweep, or empty; `variant` its point on the axis `settings`; `fingerprint` changes with what it
            observed.
        is_generated: whether any row comes from the built-in generator.
        notes: sentences for the reader.
    """

    backbone: str
    definitions: Mapping[str, str]
    controls: tuple[str, ...]
    lead: str
    rankings: tuple[Ranking, ...]
    validation: Validation | None = None
    sweep: str = ""
    variant: str = ""
    fingerprint: str = ""
    is_generated: bool = False
    notes: tuple[str, ...] = ()

    @property
    def predictors(self) -> tuple[str, ...]:
        """The names, controls last."""
        return tuple(sorted(self.definitions, key=lambda name: name in self.controls))

    def of(self, target: str) -> Ranking:
        """Return a target's ranking.

        Raises:
            KeyError: there is none.
        """
        return next(each for each in self.rankings if each.target == target)


def order(ranked: tuple[Ranked, ...], lead: str) -> tuple[Ranked, ...]:
    """Return sources from the highest value by `lead` to the lowest, those without one last."""
    return tuple(sorted(ranked, key=lambda each: (lead not in each.values, -each.values.get(lead, 0.0))))


def verdicts(found: TransferRanking) -> list[str]:
    """Return a sentence for each predictor, whether it beats the controls, after one sentence for all of them."""
    if found.validation is None:
        return []
    rivals = ", ".join([*(name for name in found.predictors if name in found.controls), "a random ranking"])
    lines, best = [], []
    for name in found.predictors:
        by_verdict: dict[str, list[str]] = {BEATS: [], CANNOT_TELL: [], DOES_NOT: []}
        for measure in MEASURES:
            one = found.validation.of(name, measure)
            if one.verdict is not None and not is_trivial(one):
                by_verdict[one.verdict].append(MEASURE_NAMES[measure])
        if name in found.controls:
            continue
        parts = [f"{verdict} by {', '.join(some)}" for verdict, some in by_verdict.items() if some]
        lines.append(f"{name}: {'; '.join(parts)}.")
        if by_verdict[BEATS]:
            best.append(f"{name} ({', '.join(by_verdict[BEATS])})")
    if not lines:
        return []
    n = max(each.estimate.n_targets for each in found.validation.measured)
    over = f"over {n} target{'' if n == 1 else 's'}"
    if best:
        return [f"More than chance better than the controls ({rivals}) {over}: {'; '.join(best)}.", *lines]
    return [f"No predictor is more than chance better than the controls ({rivals}) {over}.", *lines]


def is_trivial(measured: Measured) -> bool:
    """Return whether a measure has no meaning: with three sources, Regret@3 is 0 for every prediction."""
    return measured.measure.startswith("regret") and measured.random == 0


MEASURE_NAMES = {"spearman": "Spearman", "ndcg": "NDCG", "regret@1": "Regret@1", "regret@3": "Regret@3"}


# -- on the disk --------------------------------------------------------------------------------------------------


def to_json(found: TransferRanking) -> str:
    """Return rankings as JSON, which `read_prediction` reads."""
    return json.dumps({"format": FORMAT, **asdict(found)}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_prediction(path: Path) -> TransferRanking | None:
    """Return the rankings that a file holds; None if there is no file.

    Raises:
        DataError: the file is damaged, or of another format.
    """
    try:
        text = read_regular(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None
    try:
        values: Any = json_of(text)
        if values.pop("format") != FORMAT:
            raise ValueError("another format")
        return _prediction(values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is not a prediction as this version writes them ({error}); remove it and run `xstilts rank` again."
        ) from None


def _prediction(values: dict[str, Any]) -> TransferRanking:
    rankings = tuple(
        Ranking(**{**each, "ranked": tuple(Ranked(**one) for one in each["ranked"])}) for each in values["rankings"]
    )
    found = values["validation"]
    validation = found and Validation(
        tuple(_measured(each) for each in found["measured"]),
        {name: {target: tuple(some) for target, some in at.items()} for name, at in found["left_out"].items()},
        found["n_targets"],
    )
    tuples = {key: tuple(values[key]) for key in ("controls", "notes")}
    return TransferRanking(**{**values, **tuples, "rankings": rankings, "validation": validation})


def _measured(values: dict[str, Any]) -> Measured:
    against = {control: Interval(**each) for control, each in values["against"].items()}
    return Measured(**{**values, "estimate": Interval(**values["estimate"]), "against": against})
