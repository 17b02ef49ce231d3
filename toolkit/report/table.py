"""Table: rows of cells with a title and notes; of scores with compositions down and languages across."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

from toolkit.errors import DataError
from toolkit.results.score import UNBOUNDED, Score, printed
from toolkit.results.summary import mean, summary

Cell = str | float | None

GENERATED = "generated"
MARK = "*"  # of a language that was scored on another split than the others
GENERATED_NOTE = "generated: rows of the built-in generator; no benchmark result."
_NOUNS = ("task", "metric", "split", "backbone", "protocol")


@dataclass(frozen=True)
class Table:
    """A table before it is rendered.

    Args:
        title: what all rows have in common: task, metric, split, backbone, protocol.
        columns: names of the columns.
        rows: one cell a column: a text, a percentage, or None where there is no number.
        notes: sentences below the table.
        named: how many leading columns name a row; None: those before the first that holds no text.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    named: int | None = None


def table(scores: Sequence[Score], *, pivot_language: str = "en") -> Table:
    """Return scores in percent (a perplexity as it is): one row for each composition, one column for each language.

    The training language comes first, with the zero-shot mean (over all other languages) and the gap between the two;
    without it there is one mean over all languages. What differs between rows (task, metric, backbone, ...) has a
    column, what does not is in the title. A language that was scored on another split than most is marked, and a note names
    its split. Several seeds of a row are averaged, and counted in a column. Rows on
    generated data are labelled `generated`.

    Args:
        scores: at least one, in the order in which rows and languages are to appear.
        pivot_language: the language the tasks were trained in.

    Raises:
        ValueError: there are no scores.
        DataError: a row has two values for a language and seed, or its languages were scored with different seeds.

    Example:
        >>> rows = [Score("xnli", code, "accuracy", value, 100, "mnli", 0)
        ...         for code, value in [("en", 0.75), ("de", 0.5), ("sw", 0.25)]]
        >>> found = table(rows)
        >>> found.title, found.columns
        ('xnli, accuracy in %', ('composition', 'en', 'zero-shot', 'gap', 'de', 'sw'))
        >>> found.rows
        (('mnli', 75.0, 37.5, 37.5, 50.0, 25.0),)
    """
    if not scores:
        raise ValueError("A table needs at least one score.")
    groups = _rows_of(scores)
    languages = list(dict.fromkeys(score.language for score in scores))
    has_pivot = pivot_language in languages
    others = [code for code in languages if code != pivot_language]
    varying = [noun for noun in _NOUNS if len({_common(group, noun) for group in groups}) > 1]
    has_generated = any(score.is_generated for score in scores)
    has_seeds = any(len({score.seed for score in group}) > 1 for group in groups)

    columns = ["composition", *varying]
    columns += ["data"] if has_generated else []
    columns += ["seeds"] if has_seeds else []
    summaries = [pivot_language, "zero-shot", "gap"] if has_pivot else ["mean"]
    # A mean over one language equals its score: it gets no column.
    summaries = summaries if others and len(languages) > 1 else summaries[: int(has_pivot)]
    deviating = {code: text for group in groups for code, text in _deviating(group).items()}
    columns += [f"{name}{MARK}" if name in deviating else name for name in [*summaries, *others]]

    rows, notes = [], []
    for group in groups:
        by_language = _by_language(group)
        found = summary(by_language, pivot_language=pivot_language)
        numbers = {**by_language, "zero-shot": found.zero_shot_mean, "gap": found.gap, "mean": found.mean}
        if len(by_language) < len(languages):
            scored = f"'{group[0].composition}' was scored in {len(by_language)} of {len(languages)} languages"
            notes.append(f"{scored}; its means are over those.")
        notes += _language_adapters(group)
        notes += _deviations(group, is_named=len({one[0].composition for one in groups}) > 1)
        texts: list[Cell] = [group[0].composition, *(_common(group, noun) for noun in varying)]
        texts += [GENERATED if group[0].is_generated else ""] if has_generated else []
        texts += [str(len({score.seed for score in group}))] if has_seeds else []
        rows.append((*texts, *(_shown(group[0].metric, numbers.get(name)) for name in [*summaries, *others])))
    notes += [GENERATED_NOTE] if has_generated else []
    return Table(
        _title(groups[0], varying, {group[0].metric for group in groups}),
        tuple(columns),
        tuple(rows),
        tuple(dict.fromkeys(notes)),
    )


def split_words(scores: Sequence[Score]) -> str:
    """Return the split of some scores; languages that were scored on another one than most are named.

    Example:
        >>> rows = [Score("udpos", code, "f1", 0.5, 9, "udpos", 0, split=split)
        ...         for code, split in [("en", "test"), ("de", "validation"), ("sw", "test")]]
        >>> split_words(rows)
        'test (de: validation)'
    """
    others = "; ".join(f"{code}: {split}" for code, split in _deviating(scores).items())
    return _common(scores, "split") + (f" ({others})" if others else "")


def _rows_of(scores: Sequence[Score]) -> list[list[Score]]:
    """Return the scores of each row; languages of one row may be of several splits, one language of a row is not."""
    found: dict[tuple[object, ...], dict[str, list[Score]]] = {}
    for score in scores:
        key = (score.composition, score.is_generated, *(getattr(score, noun) for noun in _NOUNS if noun != "split"))
        found.setdefault(key, {}).setdefault(score.split, []).append(score)
    rows = []
    for by_split in found.values():
        codes = [code for group in by_split.values() for code in {score.language for score in group}]
        are_apart = len(set(codes)) == len(codes)
        rows += [[score for group in by_split.values() for score in group]] if are_apart else list(by_split.values())
    return rows


def _common(group: Sequence[Score], noun: str) -> str:
    """Return what the scores of a row have in common; its split is that of most languages."""
    values = Counter(str(getattr(score, noun)) for score in group)
    return values.most_common(1)[0][0]  # of equally many the first


def _deviating(group: Sequence[Score]) -> dict[str, str]:
    """Return the languages of a row that were scored on another split than most, and that split."""
    usual = _common(group, "split")
    return {score.language: score.split for score in group if score.split != usual}


def _deviations(group: Sequence[Score], *, is_named: bool) -> list[str]:
    """Return a note for each split that some languages of a row were scored on, and most were not."""
    by_split: dict[str, list[str]] = {}
    for code, split in _deviating(group).items():
        by_split.setdefault(split, []).append(code)
    row = f" of '{group[0].composition}'" if is_named else ""
    usual = _common(group, "split")
    return [f"{MARK} {', '.join(codes)}{row}: split {split}, not {usual}." for split, codes in by_split.items()]


def _language_adapters(group: Sequence[Score]) -> list[str]:
    """Return a note on what a composition that follows the language of its rows took for each language; of another one none."""
    taken: dict[str, dict[str, None]] = {}
    for score in group:
        if score.language_adapter:
            taken.setdefault(score.language_adapter, {})[score.language] = None
    said = "; ".join(f"{', '.join(codes)} {adapter}" for adapter, codes in taken.items())
    return [f"Language adapters of '{group[0].composition}': {said}."] if said else []


def _by_language(group: Sequence[Score]) -> dict[str, float]:
    """Return one value for each language of a row: the mean over its seeds."""
    seen: dict[str, dict[int, float]] = {}
    for score in group:
        seeds = seen.setdefault(score.language, {})
        if score.seed in seeds:
            raise DataError(
                f"{score.name} of '{score.composition}' comes twice for seed {score.seed}; leave one of them out."
            )
        seeds[score.seed] = score.value
    counts = {len(seeds) for seeds in seen.values()}
    if len(counts) > 1:
        # Otherwise a mean over languages would mix means over different seeds.
        raise DataError(
            f"The languages of '{group[0].composition}' were scored with different seeds; score each with all of them."
        )
    return {language: mean(seeds.values()) or 0.0 for language, seeds in seen.items()}


def _shown(metric: str, value: float | None) -> float | None:
    return None if value is None else printed(metric, value)


def _title(group: Sequence[Score], varying: Sequence[str], metrics: Set[str]) -> str:
    score, split = group[0], _common(group, "split")
    parts = {
        "task": score.task,
        "metric": score.metric if score.metric in UNBOUNDED else f"{score.metric} in %",
        "split": f"split {split}" if split else "",
        "backbone": score.backbone,
        "protocol": score.protocol,
    }
    shown = [text for noun, text in parts.items() if text and noun not in varying]
    if "metric" not in varying:
        return ", ".join(shown)
    others = sorted(metrics & set(UNBOUNDED))
    return ", ".join([*shown, f"in %{' except ' if others else ''}{' and '.join(others)}"])
