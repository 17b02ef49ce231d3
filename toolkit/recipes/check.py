"""Look at a task's rows before anything is trained: faults, balance, lengths, duplicates, contamination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.config import Config
from toolkit.errors import DataError, ToolkitError
from toolkit.features import MAX_LENGTH, features_of, sentence_features
from toolkit.progress import Progress, Report, silent
from toolkit.recipes import common
from toolkit.recipes.evaluate import contamination
from toolkit.tasks import BitextRow, ChoiceRow, PairRow, QueryRow, Row, SpanRow, TagsRow, Task, get_task
from toolkit.tasks.rows import OTHER_TAG, Rows

UNCUT = 1_000_000  # tokens: longer than any row, so that lengths are counted before anything is cut
SHOWN = 6  # labels named in a line


@dataclass(frozen=True)
class Part:
    """One split in one language.

    Attributes:
        split: as asked for; `score` only where it is another one than dev and test. Of a retrieval task the queries; `...
            passages` are what stands beside them, `pool` the candidates.
        language: its code.
        n: rows.
        tokens: median, 95th percentile and maximum before anything is cut, special tokens included.
        n_long: rows longer than the limit (classification: cut; span and tags: read in several windows).
        n_repeated: rows (of passages and the pool: texts) whose inputs stood in an earlier row.
        balance: shares of labels, in words; of a pool how many are right for a query.
    """

    split: str
    language: str
    n: int
    tokens: tuple[int, int, int]
    n_long: int
    n_repeated: int
    balance: str


@dataclass(frozen=True)
class Check:
    """What was found: a line for each part, and sentences on what needs attention."""

    parts: tuple[Part, ...]
    sentences: tuple[str, ...]
    limit: str


def check(name: str, config: Config, *, report: Report = silent) -> Check:
    """Read every row of a task that can be reached, and compare what it scores with what the zoo's entries saw.

    Args:
        name: the task.
        config: names backbone (whose tokenizer counts), data, zoo and length limits.
        report: progress callback.
    """
    task = get_task(name)
    tokenizer = common.open_backbone(config, report=report).tokenizer
    limits = _limits(task, config)
    parts: list[Part] = []
    sentences: list[str] = []
    trained: Counter[str] = Counter()
    scored: dict[str, Rows] = {}
    for split in task.splits:
        for language in task.reachable(split, data_root=config.data_root, has_pairs=True):
            rows = task.rows(split, language, data_root=config.data_root)
            if split == "score":
                scored[language] = rows
                if any(part.language == language and part.split in ("dev", "test") for part in parts) and _is_known(
                    task, rows, config
                ):
                    continue
            report(Progress(f"read {name} {split} {language}", 0, len(rows)))
            good, faults = _read(rows)
            if faults:
                sentences.append(
                    f"{split} {language}: {len(faults)} of {len(rows)} rows are faulty; the first: {faults[0]}"
                )
            if not good:
                continue
            keys = [_key(row) for row in good]
            if split == "train":
                trained.update(keys)
            sentences += _contradictions(good, keys, f"{split} {language}")
            parts.append(_part(task, split, language, good, keys, tokenizer, limits[0]))
            if task.kind == "retrieval" and (
                texts := [row.passage for row in good if isinstance(row, QueryRow) and row.passage]
            ):
                parts.append(_texts_part(f"{split} passages", language, texts, tokenizer, limits[1]))
    if not parts:
        raise ToolkitError(f"No rows of '{name}' can be reached; name a mirror that holds them with --data-root.")
    if task.kind == "retrieval":
        parts += _pool_parts(task, scored, tokenizer, limits[1], config, report)
    target = {language: {_key(row) for row in _read(rows)[0]} for language, rows in scored.items()}
    sentences += [
        f"{n} of the {len(keys)} rows scored in {language} stand in the task's own training rows."
        for language, keys in target.items()
        if (n := len(keys & trained.keys()))
    ]
    sentences += _contamination(task, scored, target, config, report)
    return Check(tuple(parts), tuple(sentences), "/".join(map(str, dict.fromkeys(limits))))


def _limits(task: Task, config: Config) -> tuple[int, ...]:
    """Return the limit on tokens of a row, or of a query and of a candidate."""
    most = config.retrieve.max_length
    if task.kind == "retrieval":
        return tuple(min(own or most, most) for own in (task.query_tokens, task.passage_tokens))
    asked = most if task.kind == "bitext" else config.eval.max_length
    return (MAX_LENGTH[task.kind] if asked == "auto" else asked,)


def _is_known(task: Task, rows: Rows, config: Config) -> bool:
    """Whether the rows scored are those of a split that was looked at already."""
    root = config.data_root
    return any(
        (held.origin, held.split) == (rows.origin, rows.split)
        for split in ("dev", "test")
        if split in task.splits and rows.language in task.reachable(split, data_root=root, has_pairs=True)
        for held in [task.rows(split, rows.language, data_root=root)]
    )


def _read(rows: Rows) -> tuple[list[Row], list[DataError]]:
    good, faults = [], []
    for i in range(len(rows)):
        try:
            good.append(rows[i])
        except DataError as fault:
            faults.append(fault)
    return good, faults


# -- one part -----------------------------------------------------------------------------------------------------


def _part(
    task: Task, split: str, language: str, rows: Sequence[Row], keys: Sequence[str], tokenizer: Any, limit: int
) -> Part:
    lengths = _lengths(task.kind, rows, tokenizer)
    return _counted(split, language, lengths, limit, len(keys) - len(set(keys)), _balance(task, rows))


def _counted(split: str, language: str, lengths: np.ndarray, limit: int, n_repeated: int, balance: str) -> Part:
    middle, most = np.percentile(lengths, [50, 95])
    tokens = (round(middle), round(most), int(lengths.max()))
    return Part(split, language, len(lengths), tokens, int((lengths > limit).sum()), n_repeated, balance)


def _texts_part(split: str, language: str, texts: Sequence[str], tokenizer: Any, limit: int, balance: str = "") -> Part:
    lengths = sentence_features(texts, tokenizer, max_length=UNCUT).input_ids.lengths
    return _counted(split, language, lengths, limit, len(texts) - len(set(texts)), balance)


def _pool_parts(
    task: Task, scored: dict[str, Rows], tokenizer: Any, limit: int, config: Config, report: Report
) -> Iterator[Part]:
    """Return the pool by its candidates' languages, and how many of each language are right for a query on average."""
    pool = task.pool("score", data_root=config.data_root)
    n_right: Counter[str] = Counter()
    n_queries = sum(map(len, scored.values()))
    for language, rows in scored.items():
        n_right.update(pool.rows[place].language for place in pool.right(rows, f"{task.name} {language}")[1])
    for language in pool.languages:
        texts = [row.text for row in pool.rows if row.language == language]
        report(Progress(f"read {task.name} pool {language}", 0, len(texts)))
        balance = f"{n_right[language] / n_queries:.2f} right a query"
        yield _texts_part("pool", language, texts, tokenizer, limit, balance)


def _lengths(kind: str, rows: Sequence[Row], tokenizer: Any) -> np.ndarray:
    """Return each row's tokens, int64 [N]; of a row with several sequences the longest."""
    if kind == "bitext":
        sides = [[row.source for row in rows], [row.target for row in rows]]  # type: ignore[union-attr]
        found = [sentence_features(texts, tokenizer, max_length=UNCUT).input_ids.lengths for texts in sides]
        return np.maximum(*found)
    if kind == "retrieval":
        return sentence_features([row.query for row in rows], tokenizer, max_length=UNCUT).input_ids.lengths  # type: ignore[union-attr]
    # No stride and a limit beyond any row: one window each.
    features = features_of(rows, kind, tokenizer, max_length=UNCUT, stride=0)
    lengths = features.input_ids.lengths
    if features.sequences is not None:
        return np.maximum.reduceat(lengths, features.sequences[:-1])
    return lengths


def _balance(task: Task, rows: Sequence[Row]) -> str:
    if task.kind in ("bitext", "retrieval"):
        return ""
    if task.kind == "span":
        n = sum(not row.answers for row in rows)  # type: ignore[union-attr]
        return f"{n / len(rows):.1%} without answer"
    counts: Counter[int] = Counter()
    for row in rows:
        counts.update(row.tags if isinstance(row, TagsRow) else [row.label])  # type: ignore[union-attr]
    total = sum(counts.values())
    shown = [f"{_label(task, label)} {n / total:.1%}" for label, n in counts.most_common(SHOWN)]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f", {more} more" if more > 0 else "")


def _label(task: Task, label: int) -> str:
    if label == OTHER_TAG:
        return "(outside the set)"
    return task.labels[label] if task.labels else f"choice {label + 1}"


def _key(row: Row) -> str:
    """What a row asks, without case and spacing: rows with one key are duplicates."""
    if isinstance(row, PairRow):
        texts: tuple[str, ...] = (row.first, row.second)
    elif isinstance(row, ChoiceRow):
        texts = (row.context, row.question, *row.choices)
    elif isinstance(row, SpanRow):
        texts = (row.question, row.context)
    elif isinstance(row, TagsRow):
        texts = row.tokens
    elif isinstance(row, QueryRow):
        texts = (row.query, row.passage)
    else:
        assert isinstance(row, BitextRow)
        texts = (row.source, row.target)
    return "\x1f".join(" ".join(text.casefold().split()) for text in texts)


def _contradictions(rows: Sequence[Row], keys: Sequence[str], where: str) -> Iterator[str]:
    answers: dict[str, set[Any]] = {}
    for row, key in zip(rows, keys, strict=True):
        if isinstance(row, PairRow | ChoiceRow):
            answers.setdefault(key, set()).add(row.label)
    n = sum(len(found) > 1 for found in answers.values())
    if n:
        yield f"{where}: {n} repeated inputs have different labels."


# -- contamination ------------------------------------------------------------------------------------------------


def _contamination(
    task: Task, scored: dict[str, Rows], target: dict[str, set[str]], config: Config, report: Report
) -> Iterator[str]:
    zoo = common.open_zoo(config)
    damaged: list[str] = []
    cards = zoo.list(common.shelf(config), damaged=damaged)
    yield from contamination(cards, task)
    held: dict[tuple[Any, ...], tuple[set[str], set[str], str] | str] = {}
    contexts = {
        language: {" ".join(row.context.casefold().split()) for row in _read(rows)[0] if isinstance(row, SpanRow)}
        for language, rows in scored.items()
    }
    for card in cards:
        for seen in card.data_seen:
            if seen.get("origin") == "external":
                continue  # `contamination` has said it
            place = (seen["task"], seen["split"], seen["language"], seen["rows"])
            what = f"'{card.name}' saw {seen['task']} {seen['language']} ({seen['split']})"
            if place not in held:
                report(Progress(f"read what '{card.name}' saw", 0, 1))
                held[place] = _seen(place, config)
            found = held[place]
            if isinstance(found, str):
                yield f"{what}, which cannot be read here and was not compared: {found}"
                continue
            keys, paragraphs, split = found
            for language, rows in target.items():
                if n := len(keys & rows):
                    yield f"{what}: {n} of the {len(rows)} rows scored in {language} are among them."
                if n := len(paragraphs & contexts[language]):
                    yield f"{what}: {n} of the {len(contexts[language])} contexts scored in {language} are among them."
            yield from _parallel(task, seen, split, scored, what)
    for sentence in damaged:
        yield f"Damaged, not compared: {sentence}"


def _seen(place: tuple[Any, ...], config: Config) -> tuple[set[str], set[str], str] | str:
    """Return the keys and contexts of rows that an entry saw, and their split's own name; or why they cannot be read."""
    name, split, language, limit = place
    try:
        rows = get_task(name).rows(split, language, data_root=config.data_root, limit=limit)
        good = list(rows)
    except ToolkitError as error:
        return str(error)
    paragraphs = {" ".join(row.context.casefold().split()) for row in good if isinstance(row, SpanRow)}
    return {_key(row) for row in good}, paragraphs, rows.split


def _parallel(task: Task, seen: Any, split: str, scored: dict[str, Rows], what: str) -> Iterator[str]:
    """Translations share no text: rows of a parallel data set leak by their split."""
    path = getattr(get_task(seen["task"]).source, "path", None)
    if not task.parallel or task.is_generated or path is None or path != getattr(task.source, "path", None):
        return
    others = [each for each, rows in scored.items() if rows.split == split and each != seen["language"]]
    if others:
        yield f"{what}: the rows scored in {', '.join(others)} are translations of them."
