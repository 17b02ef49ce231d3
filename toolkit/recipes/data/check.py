"""Journey `tasks check`: examine a task's rows before anything is trained, for faults, balance, lengths and leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.config import Config
from toolkit.errors import DataError, ToolkitError
from toolkit.features import sentence_features
from toolkit.metrics import UNSPACED
from toolkit.progress import under_way
from toolkit.recipes.data.kinds import BALANCE, HAS_POOL, LENGTHS, LIMITS, UNCUT
from toolkit.recipes.data.leaks import Held, Leak, describe, find_leaks
from toolkit.recipes.score.contamination import contamination
from toolkit.recipes.session.backbones import open_backbone
from toolkit.recipes.session.session import Session
from toolkit.tasks import ChoiceRow, PairRow, QueryRow, Row, Task
from toolkit.tasks.copies import has_copy
from toolkit.tasks.lacking import lacking, reason
from toolkit.tasks.task import Rows
from toolkit.zoo import Seen


@dataclass(frozen=True)
class Part:
    """One split in one language.

    Attributes:
        split: as asked for; `score` only if it is neither dev nor test. Of a retrieval task the queries; `... passages` are
            their passages, `pool` the candidates.
        language: its code.
        n: rows.
        tokens: median, 95th percentile and maximum before anything is cut, special tokens included.
        n_long: rows longer than the limit (classification: cut; span and tags: read in several windows).
        n_repeated: rows (of passages and the pool: texts) whose inputs occur in an earlier row.
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
    """Result of a check: a line for each part, and sentences on what needs attention."""

    parts: tuple[Part, ...]
    sentences: tuple[str, ...]
    limit: str


def check(name: str, session: Session) -> Check:
    """Read every row of a task that can be reached, and compare what it scores with what the zoo's entries saw.

    Args:
        name: the task.
        session: of a configuration that names the backbone (whose tokenizer counts), data, zoo and length limits.
    """
    task, config = session.catalogue.get(name), session.config
    tokenizer = open_backbone(session).tokenizer
    limits = LIMITS[task.kind](task, config)
    parts: list[Part] = []
    sentences = [*_cut_at_blanks(task), *_lacking(task, session)]
    trained: list[Held] = []
    scored: dict[str, Held] = {}
    for split in task.splits:
        for language in task.reachable(split, data_root=config.data_root, has_pairs=True):
            rows = task.rows(split, language, data_root=config.data_root)
            with under_way(session.report, f"read {name} {split} {language}"):
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
            sentences += [f"{split} {language}: {note}." for note in rows.notes]
            if faults:
                sentences.append(
                    f"{split} {language}: {len(faults)} of {len(rows)} rows are faulty; the first: {faults[0]}"
                )
            if not good:
                continue
            sentences += _contradictions(held, f"{split} {language}")
            sentences += _copies(held, f"{split} {language}")
            parts.append(_part(held, split, tokenizer, limits[0]))
            passages = [row.passage for row in good if isinstance(row, QueryRow) and row.passage]
            if passages:
                parts.append(_texts_part(f"{split} passages", language, passages, tokenizer, limits[1]))
    if not parts:
        raise ToolkitError(f"No rows of '{name}' can be reached; name a mirror that holds them with --data-root.")
    if HAS_POOL[task.kind]:
        parts += _pool_parts(task, scored, tokenizer, limits[1], session)
    for held in [*trained, *_lent(task, session)]:
        what = f"the training rows of {held.task.name} {held.language}"
        sentences += describe(find_leaks(held, scored), what[0].upper() + what[1:])
    sentences += _contamination(task, scored, session)
    return Check(tuple(parts), tuple(sentences), "/".join(map(str, dict.fromkeys(limits))))


def _is_known(task: Task, rows: Rows, config: Config) -> bool:
    """Return whether the rows scored are those of a split that was examined already."""
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
    lengths = LENGTHS[held.task.kind](held.task, held.rows, tokenizer)
    n_repeated = len(held.keys) - len(set(held.keys))
    return _counted(split, held.language, lengths, limit, n_repeated, BALANCE[held.task.kind](held.task, held.rows))


def _counted(split: str, language: str, lengths: np.ndarray, limit: int, n_repeated: int, balance: str) -> Part:
    middle, most = np.percentile(lengths, [50, 95])
    tokens = (round(middle), round(most), int(lengths.max()))
    return Part(split, language, len(lengths), tokens, int((lengths > limit).sum()), n_repeated, balance)


def _texts_part(split: str, language: str, texts: Sequence[str], tokenizer: Any, limit: int, balance: str = "") -> Part:
    lengths = sentence_features(texts, tokenizer, max_length=UNCUT).input_ids.lengths
    return _counted(split, language, lengths, limit, len(texts) - len(set(texts)), balance)


def _pool_parts(task: Task, scored: Mapping[str, Held], tokenizer: Any, limit: int, session: Session) -> Iterator[Part]:
    """Yield the pool by its candidates' languages, with how many of each language are right for a query on average."""
    pool = task.pool("score", data_root=session.config.data_root)
    n_right: Counter[str] = Counter()
    n_queries = sum(len(held.rows) for held in scored.values())
    for language, held in scored.items():
        n_right.update(pool.rows[place].language for place in pool.right(held.rows, f"{task.name} {language}")[1])
    for language in pool.languages:
        texts = [row.text for row in pool.rows if row.language == language]
        balance = f"{n_right[language] / n_queries:.2f} right a query"
        with under_way(session.report, f"read {task.name} pool {language}"):
            part = _texts_part("pool", language, texts, tokenizer, limit, balance)
        yield part


def _cut_at_blanks(task: Task) -> Iterator[str]:
    """Yield a warning where answers are cut at blanks in languages without them, and nobody chose that metric."""
    unspaced = [code for code in task.languages if code in UNSPACED]
    if unspaced and not task.is_metric_chosen and task.metric in ("squad", "squad2"):
        yield (
            f"The metric '{task.metric}' cuts answers at blanks, which {', '.join(unspaced)} does not write between words: F1 "
            "is then exact match. Choose `metric: mlqa` (characters of such scripts are words), `metric: characters`, or "
            f"`metric: {task.metric}` in the task file."
        )


def _lacking(task: Task, session: Session) -> Iterator[str]:
    """Yield a sentence for the languages that splits lack, the splits that lack the same ones together."""
    root = session.config.data_root
    splits: dict[tuple[str, ...], list[str]] = {}
    for split in task.splits:
        splits.setdefault(lacking(task, split, data_root=root, has_pairs=True), []).append(split)
    for codes, named in splits.items():
        if codes:
            why = reason(task, named[0], codes[0], root)
            yield f"{', '.join(named)}: no rows in {', '.join(codes)}; of {codes[0]}: {why}."


def _contradictions(held: Held, where: str) -> Iterator[str]:
    answers: dict[str, set[Any]] = {}
    for row, key in zip(held.rows, held.keys, strict=True):
        if isinstance(row, PairRow | ChoiceRow):
            answers.setdefault(key, set()).add(row.label)
    n = sum(len(found) > 1 for found in answers.values())
    if n:
        yield f"{where}: {n} repeated inputs have different labels."


def _copies(held: Held, where: str) -> Iterator[str]:
    n = sum(has_copy(held.task.kind, row) for row in held.rows)
    if n:
        yield f"{where}: {n} of {len(held.rows)} rows hold one text twice where two different ones are expected."


# -- contamination ------------------------------------------------------------------------------------------------


def _lent(task: Task, session: Session) -> Iterator[Held]:
    """Yield the rows of the task that lends its training rows, if they can be read."""
    if task.trains_on is None:
        return
    found = _seen(Seen(task.trains_on, "train"), session)
    if isinstance(found, Held):
        yield found


def _contamination(task: Task, scored: Mapping[str, Held], session: Session) -> Iterator[str]:
    damaged: list[str] = []
    cards = session.zoo.list(session.shelf, damaged=damaged)
    yield from contamination(cards, task, session.zoo)
    held: dict[tuple[object, ...], tuple[tuple[Leak, ...] | str, str]] = {}
    for card in cards:
        for seen in card.data_seen:
            if seen.is_external:
                continue  # `contamination` has said it
            place = (seen.task, seen.split, seen.language, seen.rows, seen.drawn_from, seen.seed, seen.limit)
            what = f"'{card.name}' saw {seen.task} {seen.language or ''} ({seen.split or ''})"
            if place not in held:
                found = _seen(seen, session)
                held[place] = (
                    (found, "") if isinstance(found, str) else (tuple(find_leaks(found, scored)), found.fingerprint)
                )
            leaks, fingerprint = held[place]
            if isinstance(leaks, str):
                yield f"{what}, which cannot be read here and was not compared: {leaks}"
                continue
            if fingerprint != (seen.fingerprint or fingerprint):
                yield f"{what}: the rows here differ from the card's; they were compared in their place."
            yield from describe(leaks, what)
    for sentence in damaged:
        yield f"Damaged, not compared: {sentence}"


def _seen(seen: Seen, session: Session) -> Held | str:
    """Return the rows that a card's `data_seen` names, or why they cannot be read."""
    try:
        task = session.catalogue.get(seen.task)
        n = seen.rows if isinstance(seen.rows, int) else None
        whole = task.rows(seen.split or "train", seen.language, data_root=session.config.data_root)
        first = whole[: n if seen.drawn_from is None else seen.drawn_from]  # what a limit took in 0.1.0
        rows = first if seen.limit is None else whole.limited(seen.limit, seed=seen.seed or 0)
        if seen.drawn_from is not None and n is not None:
            rows = rows.draw(n, seed=seen.seed or 0)
        with under_way(session.report, f"read {seen.task} {seen.language or ''}".rstrip()):
            good = list(rows)
    except ToolkitError as error:
        return str(error)
    return Held(task, (rows.asked, rows.split), rows.language, good, rows.fingerprint)
