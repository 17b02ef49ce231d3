"""Tables by kind of what a check counts: limits on tokens, lengths of rows, balance of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from toolkit.config import Config
from toolkit.features import MAX_LENGTH, features_of, sentence_features
from toolkit.features.text import piece_counts
from toolkit.recipes.data.leaks import texts_of
from toolkit.tasks import ChoiceRow, PairRow, QueryRow, Row, SpanRow, TagsRow, Task, TextRow
from toolkit.tasks.kinds import KINDS, Kind
from toolkit.tasks.rows import OTHER_TAG

UNCUT = 1_000_000  # tokens: longer than any row, so that lengths are counted before anything is cut
SHOWN = 6  # labels named in a line


def _limit_of_rows(task: Task, config: Config) -> tuple[int, ...]:
    asked = config.eval.max_length
    return (MAX_LENGTH[task.kind] if asked == "auto" else asked,)


def _limit_of_texts(task: Task, config: Config) -> tuple[int, ...]:
    return (config.retrieve.max_length,)


def _limits_of_queries(task: Task, config: Config) -> tuple[int, ...]:
    most = config.retrieve.max_length
    return tuple(min(own or most, most) for own in (task.query_tokens, task.passage_tokens))


# By kind the limit on tokens of a row, or those of a query and of a candidate.
LIMITS: dict[Kind, Callable[[Task, Config], tuple[int, ...]]] = {
    "pair": _limit_of_rows,
    "choice": _limit_of_rows,
    "span": _limit_of_rows,
    "tags": _limit_of_rows,
    "bitext": _limit_of_texts,
    "mining": _limit_of_texts,
    "retrieval": _limits_of_queries,
    "text": _limit_of_rows,
}


# Whether a kind searches a pool of candidates.
HAS_POOL: dict[Kind, bool] = {**dict.fromkeys(KINDS, False), "retrieval": True}


def _lengths_of_rows(task: Task, rows: Sequence[Row], tokenizer: Any) -> np.ndarray:
    """Return each row's tokens, int64 [N]; of a row with several sequences the longest."""
    # No stride and a limit beyond any row: one window each.
    features = features_of(rows, task.kind, tokenizer, max_length=UNCUT, stride=0)
    lengths = features.input_ids.lengths
    if features.sequences is not None:
        return np.maximum.reduceat(lengths, features.sequences[:-1])
    return lengths


def _lengths_of_texts(task: Task, rows: Sequence[Row], tokenizer: Any) -> np.ndarray:
    """Return the tokens of each row's longest text, int64 [N]: each text is a sequence of its own."""
    texts = [texts_of(row) for row in rows]
    widths = [len(each) for each in texts]
    found = sentence_features([text for each in texts for text in each], tokenizer, max_length=UNCUT)
    starts = np.cumsum([0, *widths[:-1]])
    return np.maximum.reduceat(found.input_ids.lengths, starts)


def _lengths_of_queries(task: Task, rows: Sequence[Row], tokenizer: Any) -> np.ndarray:
    """Return the tokens of each row's query, int64 [N]."""
    queries = [row.query for row in rows if isinstance(row, QueryRow)]
    return sentence_features(queries, tokenizer, max_length=UNCUT).input_ids.lengths


def _lengths_of_plain_text(task: Task, rows: Sequence[Row], tokenizer: Any) -> np.ndarray:
    """Return the tokens of each row, int64 [N], as if it were a sequence by itself."""
    return piece_counts([row.text for row in rows if isinstance(row, TextRow)], tokenizer) + 2


LENGTHS: dict[Kind, Callable[[Task, Sequence[Row], Any], np.ndarray]] = {
    "pair": _lengths_of_rows,
    "choice": _lengths_of_rows,
    "span": _lengths_of_rows,
    "tags": _lengths_of_rows,
    "bitext": _lengths_of_texts,
    "mining": _lengths_of_texts,
    "retrieval": _lengths_of_queries,
    "text": _lengths_of_plain_text,
}


def _no_balance(task: Task, rows: Sequence[Row]) -> str:
    return ""


def _unanswered(task: Task, rows: Sequence[Row]) -> str:
    n = sum(isinstance(row, SpanRow) and not row.answers for row in rows)
    return f"{n / len(rows):.1%} without answer"


def label_counts(rows: Sequence[Row]) -> Counter[int]:
    """Return how often each label occurs, by its number; `OTHER_TAG` for words outside the set, of a choice the place."""
    counts: Counter[int] = Counter()
    for row in rows:
        if isinstance(row, TagsRow):
            counts.update(row.tags)
        elif isinstance(row, PairRow | ChoiceRow):
            counts.update([row.label])
    return counts


def _labels(task: Task, rows: Sequence[Row]) -> str:
    counts = label_counts(rows)
    total = sum(counts.values())
    shown = [f"{_label(task, label)} {n / total:.1%}" for label, n in counts.most_common(SHOWN)]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f", {more} more" if more > 0 else "")


def _label(task: Task, label: int) -> str:
    if label == OTHER_TAG:
        return "(outside the set)"
    return task.labels[label] if task.labels else f"choice {label + 1}"


BALANCE: dict[Kind, Callable[[Task, Sequence[Row]], str]] = {
    "pair": _labels,
    "choice": _labels,
    "span": _unanswered,
    "tags": _labels,
    "bitext": _no_balance,
    "mining": _no_balance,
    "retrieval": _no_balance,
    "text": _no_balance,
}
