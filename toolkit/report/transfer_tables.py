"""Tables of predicted transfer: the sources of a target in order, and the agreement of predictors with observed gains."""

from __future__ import annotations

from toolkit.report import GENERATED_NOTE, Table, render
from toolkit.report.compare import points
from toolkit.report.table import Cell
from toolkit.safe_text import csv_text, markdown_text
from toolkit.similarity import BEATS, CANNOT_TELL, DOES_NOT, MEASURES, Interval, Measured
from toolkit.similarity.ranking import MEASURE_NAMES, Ranking, TransferRanking, is_trivial, verdicts

MARKS = {BEATS: " +", CANNOT_TELL: " ?", DOES_NOT: " -", None: ""}
MARKS_NOTE = (
    "+ beats every control by more than chance, ? undecided, - does not. In brackets 95 % intervals over targets."
)


def ranking_table(found: TransferRanking, ranking: Ranking) -> Table:
    """Return a target's sources, best first: the observed gain if there is one, and each predictor's value and place."""
    has_gain = bool(ranking.gains)
    names = sorted(found.predictors, key=lambda name: name != found.lead)
    columns = ("source", "level", *(["observed"] if has_gain else []), *names)
    places = {name: ranking.places(name) for name in names}
    rows = []
    for each in ranking.ranked:
        cells: list[Cell] = [each.source, each.level]
        if has_gain:
            cells.append("" if each.gain is None else points(each.gain))
        for name in names:
            value = each.values.get(name)
            cells.append("-" if value is None else f"{number(value)} ({places[name][each.source]:g})")
        rows.append(tuple(cells))
    alone = f", alone {points(ranking.alone, is_signed=False)} {ranking.metric}" if ranking.alone is not None else ""
    title = f"Sources for {ranking.target} ({ranking.level}{alone}) by {found.lead}, best first"
    notes = [
        "In brackets the place by each predictor; observed: points more or less than the target alone, zero-shot mean."
    ]
    if not has_gain:
        notes = ["In brackets the place by each predictor."]
    return Table(title, columns, tuple(rows), (*notes, *absences(found, ranking)), named=1)


def absences(found: TransferRanking, ranking: Ranking) -> list[str]:
    """Return one sentence for each reason why values are absent, with the predictors and sources."""
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for each in ranking.ranked:
        for name, reason in each.absent.items():
            of, sources = reasons.setdefault(reason, ({}, {}))
            of[name] = sources[each.source] = None
    return [f"- {', '.join(of)} for {', '.join(sources)}: {reason}" for reason, (of, sources) in reasons.items()]


def validation_table(found: TransferRanking) -> Table:
    """Return each predictor's agreement with observed gains, the controls and a random ranking last.

    Raises:
        ValueError: the prediction was not compared with a sweep.
    """
    if found.validation is None:
        raise ValueError("A prediction without a sweep has no validation.")
    rows: list[tuple[Cell, ...]] = []
    for name in found.predictors:
        shown = f"{name} (control)" if name in found.controls else name
        measured = [found.validation.of(name, measure) for measure in MEASURES]
        most = max(each.estimate.n_targets for each in measured)
        rows.append((shown, str(most), *(_cell(each) for each in measured)))
    widest = max(found.predictors, key=lambda name: found.validation.of(name, "regret@1").estimate.n_targets)  # type: ignore[union-attr]
    chance = [found.validation.of(widest, measure) for measure in MEASURES]
    rows.append(("a random ranking", "", *(_value(each.random, each.measure) for each in chance)))
    columns = ("predictor", "targets", *(MEASURE_NAMES[measure] for measure in MEASURES))
    notes = [
        "Means over targets; Spearman and NDCG: higher is better; Regret in points lost, lower is better.",
        MARKS_NOTE,
    ]
    notes += [GENERATED_NOTE] if found.is_generated else []
    return Table(
        f"Predicted against observed, sweep {found.sweep}, {found.backbone}", columns, tuple(rows), tuple(notes), 1
    )


def against_table(found: TransferRanking) -> Table:
    """Return observed gains, targets down and sources across, each with the place that the leading predictor gave it."""
    sources = list(dict.fromkeys(each.source for ranking in found.rankings for each in ranking.ranked))
    levels = {each.source: each.level for ranking in found.rankings for each in ranking.ranked}
    rows: list[tuple[Cell, ...]] = []
    for ranking in found.rankings:
        places, gains = ranking.places(found.lead), ranking.gains
        cells = []
        for source in sources:
            place = f" ({places[source]:g})" if source in places else ""
            cells.append(f"{points(gains[source])}{place}" if source in gains else "")
        if gains:
            rows.append((f"{ranking.target} ({ranking.level})", *cells))
    columns = ("target", *(f"{source} ({levels[source]})" for source in sources))
    notes = ("Points more or less than the target alone, zero-shot mean; in brackets the predicted place.",)
    return Table(f"Observed gain and place predicted by {found.lead}", columns, tuple(rows), notes, named=1)


def difference_table(found: TransferRanking, measure: str) -> Table:
    """Return the difference of each predictor to each control by a measure, paired over targets."""
    assert found.validation is not None
    rivals = list(found.validation.of(found.predictors[0], measure).against)
    for name in found.predictors:
        rivals += [each for each in found.validation.of(name, measure).against if each not in rivals]
    rows: list[tuple[Cell, ...]] = []
    for name in found.predictors:
        if name in found.controls:
            continue
        against = found.validation.of(name, measure).against
        rows.append((name, *(_interval(against.get(rival), measure) for rival in rivals)))
    title = f"{MEASURE_NAMES[measure]}: how much better than each control, positive where the predictor is better"
    return Table(title, ("predictor", *rivals), tuple(rows), named=1)


def prediction_markdown(found: TransferRanking) -> str:
    """Return the whole prediction: the answer, agreement, differences to the controls, and each target's ranking."""
    lines = [f"# Predicted transfer, {markdown_text(found.backbone)}", ""]
    if found.validation is not None:
        lines += [f"- {markdown_text(line)}" for line in verdicts(found)] + [
            "",
            render(validation_table(found), "markdown"),
        ]
        lines.append(render(against_table(found), "markdown"))
        lines += [render(difference_table(found, measure), "markdown") for measure in MEASURES]
    lines += ["## Rankings", ""]
    lines += [render(ranking_table(found, ranking), "markdown") for ranking in found.rankings]
    lines += [
        "## Predictors",
        "",
        *(markdown_text(f"- {name}: {what}") for name, what in found.definitions.items()),
        "",
    ]
    lines += [f"- {markdown_text(note)}" for note in found.notes]
    return "\n".join(lines).rstrip() + "\n"


def prediction_csv(found: TransferRanking) -> str:
    """Return one line for each target, source and predictor."""
    columns = (
        "target",
        "target_level",
        "source",
        "source_level",
        "predictor",
        "is_control",
        "value",
        "place",
        "gain",
        "absent",
    )
    rows = []
    for ranking in found.rankings:
        for name in found.predictors:
            places = ranking.places(name)
            for each in ranking.ranked:
                value, place, gain = each.values.get(name), places.get(each.source), each.gain
                row = (ranking.target, ranking.level, each.source, each.level, name, name in found.controls)
                rows.append((*row, _plain(value), _plain(place), _plain(gain), each.absent.get(name, "")))
    return csv_text(columns, rows)


def validation_csv(found: TransferRanking) -> str:
    """Return one line for each predictor, measure and rival: agreement, and the paired difference to the rival."""
    assert found.validation is not None
    columns = (
        "predictor", "is_control", "measure", "targets", "value", "low", "high", "random", "verdict", "rival", "difference",
        "difference_low", "difference_high",
    )  # fmt: skip
    rows: list[tuple[object, ...]] = []
    for each in found.validation.measured:
        own = each.estimate
        row = [each.predictor, each.predictor in found.controls, each.measure, own.n_targets]
        row += [_plain(value) for value in (own.value, own.low, own.high, each.random)]
        for rival, other in each.against.items():
            difference = (_plain(value) for value in (other.value, other.low, other.high))
            rows.append((*row, each.verdict or "", rival, *difference))
    return csv_text(columns, rows)


def number(value: float) -> str:
    """Return a predictor's value, with digits that fit its scale.

    Example:
        >>> number(0.98765), number(12000.0), number(-0.6123)
        ('0.988', '12000', '-0.612')
    """
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _cell(each: Measured) -> str:
    return f"{_interval(each.estimate, each.measure)}{'' if is_trivial(each) else MARKS[each.verdict]}"


def _interval(found: Interval | None, measure: str) -> str:
    if found is None or found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return _value(found.value, measure)
    return f"{_value(found.value, measure)} [{_value(found.low, measure)}, {_value(found.high, measure)}]"


def _value(value: float | None, measure: str) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}" if measure.startswith("regret") else f"{value:.2f}"


def _plain(value: float | None) -> str:
    return "" if value is None else repr(value)
