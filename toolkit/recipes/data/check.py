"""Look at a task's rows before anything is trained: faults, balance, lengths, duplicates, contamination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.config import Config
from toolkit.errors import DataError, ToolkitError
from toolkit.features import MAX_LENGTH, features_of, sentence_features
from toolkit.progress import Progress, Report, silent
from toolkit.recipes.data.leaks import Held, Leak, describe, find_leaks, texts_of
from toolkit.recipes.score.evaluate import contamination
from toolkit.recipes.session import common
from toolkit.tasks import ChoiceRow, PairRow, QueryRow, Row, TagsRow, Task, get_task
from toolkit.tasks.rows import OTHER_TAG
from toolkit.tasks.task import Rows
from toolkit.zoo import Seen

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
    trained: list[Held] = []
    scored: dict[str, Held] = {}
    for split in task.splits:
        for language in task.reachable(split, data_root=config.data_root, has_pairs=True):
            rows = task.rows(split, language, data_root=config.data_root)
            report(Progress(f"read {name} {split} {language}", 0, len(rows)))
            good, faults = _read(rows)
            held = Held(task, (split, rows.split), language, good)
            if split == "train":
                trained.append(held)
            if split == "score":
                scored[language] = held
                if any(part.language == language and part.split in ("dev", "test") for part in parts) and _is_known(
                    task, rows, config
                ):
                    continue
            if faults:
                sentences.append(
                    f"{split} {language}: {len(faults)} of {len(rows)} rows are faulty; the first: {faults[0]}"
                )
            if not good:
                continue
            sentences += _contradictions(held, f"{split} {language}")
            parts.append(_part(held, split, tokenizer, limits[0]))
            passages = [row.passage for row in good if isinstance(row, QueryRow) and row.passage]
            if passages:
                parts.append(_texts_part(f"{split} passages", language, passages, tokenizer, limits[1]))
    if not parts:
        raise ToolkitError(f"No rows of '{name}' can be reached; name a mirror that holds them with --data-root.")
    if task.kind == "retrieval":
        parts += _pool_parts(task, scored, tokenizer, limits[1], config, report)
    for held in [*trained, *_lent(task, config, report)]:
        what = f"the training rows of {held.task.name} {held.language}"
        sentences += describe(find_leaks(held, scored), what[0].upper() + what[1:])
    sentences += _contamination(task, scored, config, report)
    return Check(tuple(parts), tuple(sentences), "/".join(map(str, dict.fromkeys(limits))))


def _limits(task: Task, config: Config) -> tuple[int, ...]:
    """Return the limit on tokens of a row, or of a query and of a candidate."""
    most = config.retrieve.max_length
    if task.kind == "retrieval":
        return tuple(min(own or most, most) for own in (task.query_tokens, task.passage_tokens))
    asked = config.eval.max_length if task.kind in MAX_LENGTH else most
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


def _part(held: Held, split: str, tokenizer: Any, limit: int) -> Part:
    lengths = _lengths(held.task.kind, held.rows, tokenizer)
    n_repeated = len(held.keys) - len(set(held.keys))
    return _counted(split, held.language, lengths, limit, n_repeated, _balance(held.task, held.rows))


def _counted(split: str, language: str, lengths: np.ndarray, limit: int, n_repeated: int, balance: str) -> Part:
    middle, most = np.percentile(lengths, [50, 95])
    tokens = (round(middle), round(most), int(lengths.max()))
    return Part(split, language, len(lengths), tokens, int((lengths > limit).sum()), n_repeated, balance)


def _texts_part(split: str, language: str, texts: Sequence[str], tokenizer: Any, limit: int, balance: str = "") -> Part:
    lengths = sentence_features(texts, tokenizer, max_length=UNCUT).input_ids.lengths
    return _counted(split, language, lengths, limit, len(texts) - len(set(texts)), balance)


def _pool_parts(
    task: Task, scored: Mapping[str, Held], tokenizer: Any, limit: int, config: Config, report: Report
) -> Iterator[Part]:
    """Return the pool by its candidates' languages, and how many of each language are right for a query on average."""
    pool = task.pool("score", data_root=config.data_root)
    n_right: Counter[str] = Counter()
    n_queries = sum(len(held.rows) for held in scored.values())
    for language, held in scored.items():
        n_right.update(pool.rows[place].language for place in pool.right(held.rows, f"{task.name} {language}")[1])
    for language in pool.languages:
        texts = [row.text for row in pool.rows if row.language == language]
        report(Progress(f"read {task.name} pool {language}", 0, len(texts)))
        balance = f"{n_right[language] / n_queries:.2f} right a query"
        yield _texts_part("pool", language, texts, tokenizer, limit, balance)


def _lengths(kind: str, rows: Sequence[Row], tokenizer: Any) -> np.ndarray:
    """Return each row's tokens, int64 [N]; of a row with several sequences the longest."""
    if kind == "retrieval":
        return sentence_features([row.query for row in rows], tokenizer, max_length=UNCUT).input_ids.lengths  # type: ignore[union-attr]
    if kind not in MAX_LENGTH:  # what is retrieved: each text is a sequence of its own
        texts = [texts_of(row) for row in rows]
        widths = [len(each) for each in texts]
        found = sentence_features([text for each in texts for text in each], tokenizer, max_length=UNCUT)
        starts = np.cumsum([0, *widths[:-1]])
        return np.maximum.reduceat(found.input_ids.lengths, starts)
    # No stride and a limit beyond any row: one window each.
    features = features_of(rows, kind, tokenizer, max_length=UNCUT, stride=0)
    lengths = features.input_ids.lengths
    if features.sequences is not None:
        return np.maximum.reduceat(lengths, features.sequences[:-1])
    return lengths


def _balance(task: Task, rows: Sequence[Row]) -> str:
    if task.kind not in MAX_LENGTH or task.kind == "retrieval":
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


def _contradictions(held: Held, where: str) -> Iterator[str]:
    answers: dict[str, set[Any]] = {}
    for row, key in zip(held.rows, held.keys, strict=True):
        if isinstance(row, PairRow | ChoiceRow):
            answers.setdefault(key, set()).add(row.label)
    n = sum(len(found) > 1 for found in answers.values())
    if n:
        yield f"{where}: {n} repeated inputs have different labels."


# -- contamination ------------------------------------------------------------------------------------------------


def _lent(task: Task, config: Config, report: Report) -> Iterator[Held]:
    """Yield the rows of the task that lends its training rows, where they can be read."""
    if task.trains_on is None:
        return
    found = _seen(Seen(task.trains_on, "train"), config, report)
    if isinstance(found, Held):
        yield found


def _contamination(task: Task, scored: Mapping[str, Held], config: Config, report: Report) -> Iterator[str]:
    zoo = common.open_zoo(config)
    damaged: list[str] = []
    cards = zoo.list(common.shelf(config), damaged=damaged)
    yield from contamination(cards, task)
    held: dict[tuple[object, ...], tuple[tuple[Leak, ...] | str, str]] = {}
    for card in cards:
        for seen in card.data_seen:
            if seen.is_external:
                continue  # `contamination` has said it
            place = (seen.task, seen.split, seen.language, seen.rows, seen.drawn_from, seen.seed)
            what = f"'{card.name}' saw {seen.task} {seen.language or ''} ({seen.split or ''})"
            if place not in held:
                found = _seen(seen, config, report)
                held[place] = (
                    (found, "") if isinstance(found, str) else (tuple(find_leaks(found, scored)), found.fingerprint)
                )
            leaks, fingerprint = held[place]
            if isinstance(leaks, str):
                yield f"{what}, which cannot be read here and was not compared: {leaks}"
                continue
            if fingerprint != (seen.fingerprint or fingerprint):
                yield f"{what}: the rows here are others than the card's and were compared in their place."
            yield from describe(leaks, what)
    for sentence in damaged:
        yield f"Damaged, not compared: {sentence}"


def _seen(seen: Seen, config: Config, report: Report) -> Held | str:
    """Return the rows that a card's `data_seen` tells of, or why they cannot be read."""
    report(Progress(f"read {seen.task} {seen.language or ''}", 0, 1))
    try:
        task = get_task(seen.task)
        n = seen.rows if isinstance(seen.rows, int) else None
        limit = n if seen.drawn_from is None else seen.drawn_from
        rows = task.rows(seen.split or "train", seen.language, data_root=config.data_root, limit=limit)
        if seen.drawn_from is not None and n is not None:
            rows = rows.draw(n, seed=seen.seed or 0)
        good = list(rows)
    except ToolkitError as error:
        return str(error)
    return Held(task, (rows.asked, rows.split), rows.language, good, rows.fingerprint)
