"""Journey `tasks check`: examine a task's rows before anything is trained, for faults, balance, lengths and leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from toolkit.config import Config
from toolkit.errors import DataError, SourceError, ToolkitError
from toolkit.features import sentence_features
from toolkit.metrics import is_unspaced
from toolkit.progress import under_way
from toolkit.recipes.data.kinds import BALANCE, HAS_POOL, LENGTHS, LIMITS, UNCUT
from toolkit.recipes.data.label_shares import unshared_labels
from toolkit.recipes.data.leaks import Held, describe, find_leaks
from toolkit.recipes.data.seen import lent, seen_rows
from toolkit.recipes.session.backbones import open_backbone
from toolkit.recipes.session.features import doubts
from toolkit.recipes.session.session import Session
from toolkit.tasks import ChoiceRow, PairRow, QueryRow, Row, Task
from toolkit.tasks.copies import has_copy
from toolkit.tasks.lacking import lacking, reason
from toolkit.tasks.task import Rows


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
    """Result of a check: a line for each part, and sentences on what needs attention.

    Attributes:
        parts: what could be read.
        sentences: on what needs attention.
        limit: on tokens, in words.
        is_faulty: whether a row is faulty, or a split or a file cannot be read; the other sentences are warnings.
    """

    parts: tuple[Part, ...]
    sentences: tuple[str, ...]
    limit: str
    is_faulty: bool = False


@dataclass
class _Reading:
    """What reading a task's splits has come to so far."""

    parts: list[Part] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    trained: list[Held] = field(default_factory=list)
    scored: dict[str, Held] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)  # those of `sentences` that are not warnings

    def fault(self, where: str, sentence: str) -> None:
        """Note a fault, once: the split that is scored is often one that was read before."""
        if not any(each.endswith(sentence) for each in self.faults):
            self.faults.append(f"{where}: {sentence}")
            self.sentences.append(f"{where}: {sentence}")


def check(name: str, session: Session) -> Check:
    """Read every row of a task that can be reached, and compare what it scores with what the zoo's entries saw.

    A split or a file that cannot be read costs itself alone.

    Args:
        name: the task.
        session: of a configuration that names the backbone (whose tokenizer counts), data, zoo and length limits.

    Raises:
        ToolkitError: nothing of the task can be read.
    """
    task, config = session.catalogue.get(name), session.config
    tokenizer = open_backbone(session).tokenizer
    limits = LIMITS[task.kind](task, config)
    found = _Reading(sentences=[*_cut_at_blanks(task)])
    reachable = _reachable(task, session, found)
    for split in task.splits:
        for language in reachable[split]:
            _examine(task, split, language, session, found)
    if not found.parts:
        why = found.faults or found.sentences
        raise ToolkitError(f"No rows of '{name}' can be reached: {why[0] if why else 'it has no split.'}")
    if HAS_POOL[task.kind]:
        found.parts += _pool_parts(task, found.scored, tokenizer, limits[1], session)
    for held in [*found.trained, *lent(task, session)]:
        what = f"the training rows of {held.task.name} {held.language}"
        found.sentences += describe(find_leaks(held, found.scored), what[0].upper() + what[1:])
    every = [held for held in (*found.trained, *lent(task, session)) if held.language == held.task.train_language]
    for pivot in every[:1]:
        for scored in found.scored.values():
            found.sentences += unshared_labels(pivot, scored)
    found.sentences += seen_rows(task, found.scored, session)
    limit = "/".join(map(str, dict.fromkeys(limits)))
    return Check(tuple(found.parts), tuple(found.sentences), limit, bool(found.faults))


def _examine(task: Task, split: str, language: str, session: Session, found: _Reading) -> None:
    """Read one split in one language."""
    config, where = session.config, f"{split} {language}"
    try:
        rows = task.rows(split, language, data_root=config.data_root)
        with under_way(session.report, f"read {task.name} {split} {language}"):
            good, faults = _read(rows)
    except (DataError, SourceError) as fault:
        found.fault(where, str(fault))
        return
    held = Held(task, (split, rows.split), language, good)
    if split == "train":
        found.trained.append(held)
    if split == "score":
        found.scored[language] = held
        if any(part.language == language and part.split in ("dev", "test") for part in found.parts) and _is_known(
            task, rows, config
        ):
            return
    found.sentences += [f"{where}: {note}." for note in rows.notes]
    if faults:
        found.fault(where, f"{len(faults)} of {len(rows)} rows are faulty; the first: {faults[0]}")
    if not good:
        return
    found.sentences += _contradictions(held, where)
    found.sentences += _copies(held, where)
    tokenizer, limits = open_backbone(session).tokenizer, LIMITS[task.kind](task, config)
    found.sentences += doubts(held.rows, language, where, tokenizer)
    found.parts.append(_part(held, split, tokenizer, limits[0]))
    passages = [row.passage for row in good if isinstance(row, QueryRow) and row.passage]
    if passages:
        found.parts.append(_texts_part(f"{split} passages", language, passages, tokenizer, limits[1]))


def _is_known(task: Task, rows: Rows, config: Config) -> bool:
    """Return whether the rows scored are those of a split that was examined already."""
    root = config.data_root
    for split in ("dev", "test"):
        try:
            if split in task.splits and rows.language in task.reachable(split, data_root=root, has_pairs=True):
                held = task.rows(split, rows.language, data_root=root)
                if (held.origin, held.split) == (rows.origin, rows.split):
                    return True
        except (DataError, SourceError):
            continue
    return False


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
    unspaced = [code for code in task.languages if is_unspaced(code)]
    if unspaced and not task.is_metric_chosen and task.metric in ("squad", "squad2"):
        yield (
            f"The metric '{task.metric}' cuts answers at blanks, which {', '.join(unspaced)} does not write between words: F1 "
            "is then exact match. Choose `metric: mlqa` (characters of such scripts are words), `metric: characters`, or "
            f"`metric: {task.metric}` in the task file."
        )


def _reachable(task: Task, session: Session, found: _Reading) -> dict[str, tuple[str, ...]]:
    """Return the languages of each split that can be read, and note those that it lacks, the same ones together."""
    root = session.config.data_root
    reachable: dict[str, tuple[str, ...]] = {}
    splits: dict[tuple[str, ...], list[str]] = {}
    for split in task.splits:
        reachable[split] = ()
        try:
            reachable[split] = task.reachable(split, data_root=root, has_pairs=True)
            splits.setdefault(lacking(task, split, data_root=root, has_pairs=True), []).append(split)
        except (DataError, SourceError) as fault:
            found.fault(split, str(fault))
    for codes, named in splits.items():
        if codes:
            sentence = f"no rows in {', '.join(codes)}; of {codes[0]}: {reason(task, named[0], codes[0], root)}."
            if reachable[named[0]]:
                found.sentences.append(f"{', '.join(named)}: {sentence}")
            else:
                found.fault(", ".join(named), sentence)
    return reachable


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
