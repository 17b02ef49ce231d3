"""Probe of a task: some of its training rows as items, with their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from toolkit.composition import Name, parse
from toolkit.errors import ToolkitError
from toolkit.features.item import Item
from toolkit.perturb.text import words
from toolkit.tasks import (
    BitextRow,
    Catalogue,
    ChoiceRow,
    PairRow,
    QueryRow,
    SentenceRow,
    SpanRow,
    TagsRow,
    Task,
    TextRow,
)
from toolkit.tasks.kinds import Kind
from toolkit.tasks.rows import OTHER_TAG, Row
from toolkit.tasks.task import Rows

# Words of one sentence that become items: more of them from fewer sentences would be cheaper, but too similar.
TAGS_PER_ROW = 4
# Words of one context inside the answer, and outside: a context is long, so several words of it are used.
WORDS_PER_SIDE = 3


@dataclass(frozen=True)
class Probe:
    """Some rows of a task, as items.

    Attributes:
        items: those with a label; of a task without labels those of `texts`.
        labels: int64 [N], of `items`; None where the task has none.
        texts: one item per row (of a choice task one per choice) with everything that a reader sees.
        rows: the rows that they were made from.
    """

    items: tuple[Item, ...]
    labels: np.ndarray | None
    texts: tuple[Item, ...]
    rows: Rows


def task_name(text: str, catalogue: Catalogue) -> Name:
    """Return the task, with its language, that `mnli` or `udpos.tr` names.

    Raises:
        ToolkitError: a composition of several names, or no such task.
    """
    composition = parse(text)
    (leaf, *others) = composition.leaves() or (None,)
    if leaf is None or others or str(composition) != str(leaf):
        raise ToolkitError(
            f"'{text}' is not a task; similarity compares tasks by their names, such as mnli or udpos.tr."
        )
    catalogue.get(leaf.name)
    return leaf


def probe_rows(text: str, data_root: Path | None, catalogue: Catalogue) -> Rows:
    """Return the rows that describe a task: its training rows, else those that it is tuned or scored on.

    Rows that are only scored (translations, corpora, queries) are read without their answers.
    """
    ref = task_name(text, catalogue)
    task = catalogue.training_task(catalogue.get(ref.name))
    split = next(split for split in ("train", "dev", "score") if split in task.splits)
    language = ref.language
    if language is None and task.train_language not in task.languages:
        # Where none can be reached, asking for one says why.
        language = (task.reachable(split, data_root=data_root) or task.languages)[0]
    return task.rows(split, language, data_root=data_root)


def probe_items(text: str, catalogue: Catalogue, *, limit: int, seed: int = 0, data_root: Path | None = None) -> Probe:
    """Return up to `limit` items of a task with their labels, the same for the same rows and seed.

    A pair is one item with its relation; a question with each of its choices is one item, right or wrong; a tagged sentence
    gives up to four words with their tags; a context up to three words inside the answer and three outside.

    Args:
        text: a task, `mnli`, or its rows in a language, `udpos.tr`.
        catalogue: of the tasks.
        limit: items.
        seed: which rows and words are drawn.
        data_root: mirror that is looked at first.

    Example:
        >>> from toolkit.tasks import BUILT_IN
        >>> probe = probe_items("micro-nli", BUILT_IN, limit=3)
        >>> len(probe.items), probe.labels.shape, probe.items == probe.texts
        (3, (3,), True)
    """
    rows = probe_rows(text, data_root, catalogue)
    make, most = MAKERS[rows.task.kind]
    wanted = -(-limit // most(rows))
    while True:
        drawn = rows.draw(min(wanted, len(rows)), seed=seed)
        items: list[Item] = []
        labels: list[int] = []
        texts: dict[Item, None] = {}
        for row in drawn:
            made, whole = make(row, rows.task, Random(f"{seed} {row.id}"))
            texts |= dict.fromkeys(whole)
            items += [item for item, _ in made]
            labels += [label for _, label in made]
        if not items or len(items) >= limit or len(drawn) == len(rows):
            break
        # Short answers and short sentences give fewer words; a larger draw contains the rows of the smaller one.
        wanted = max(wanted + 1, 11 * wanted * limit // (10 * len(items)))
    if not items:
        return Probe(tuple(texts), None, tuple(texts), drawn)
    return Probe(tuple(items[:limit]), np.array(labels[:limit], np.int64), tuple(texts), drawn)


Made = tuple[list[tuple[Item, int]], list[Item]]


def _pair(row: Row, task: Task, rng: Random) -> Made:
    assert isinstance(row, PairRow)
    item = Item(row.first, row.second)
    return [(item, row.label)], [item]


def _choice(row: Row, task: Task, rng: Random) -> Made:
    assert isinstance(row, ChoiceRow)
    asked = " ".join(part for part in (row.context, row.question) if part)
    items = [Item(asked, choice) for choice in row.choices]
    return [(item, int(place == row.label)) for place, item in enumerate(items)], items


def _tags(row: Row, task: Task, rng: Random) -> Made:
    assert isinstance(row, TagsRow)
    known = [place for place, tag in enumerate(row.tags) if tag != OTHER_TAG]
    chosen = sorted(rng.sample(known, min(TAGS_PER_ROW, len(known))))
    return [(Item(row.tokens, None, place), row.tags[place]) for place in chosen], [Item(row.tokens)]


def _span(row: Row, task: Task, rng: Random) -> Made:
    assert isinstance(row, SpanRow)
    whole = [Item(row.question, row.context)]
    if not row.answers:
        return [], whole
    start, end = row.answers[0].start, row.answers[0].start + len(row.answers[0].text)
    found = words(row.context, single=True)
    inside = [word.start for word in found if start <= word.start < end]
    outside = [word.start for word in found if word.end <= start or word.start >= end]
    chosen = [(place, 1) for place in sorted(rng.sample(inside, min(WORDS_PER_SIDE, len(inside))))]
    chosen += [(place, 0) for place in sorted(rng.sample(outside, min(WORDS_PER_SIDE, len(outside))))]
    return [(Item(row.question, row.context, place), label) for place, label in chosen], whole


def _without_labels(row: Row, task: Task, rng: Random) -> Made:
    if isinstance(row, BitextRow):
        return [], [Item(row.source), Item(row.target)]
    if isinstance(row, SentenceRow | TextRow):
        return [], [Item(row.text)]
    assert isinstance(row, QueryRow)
    return [], [Item(text) for text in (row.query, row.passage) if text]


def _n_choices(rows: Rows) -> int:
    first = rows[0]
    assert isinstance(first, ChoiceRow)
    return len(first.choices)


# By kind how items are made of a row, and how many there are at most.
MAKERS: dict[Kind, tuple[Callable[[Row, Task, Random], Made], Callable[[Rows], int]]] = {
    "pair": (_pair, lambda rows: 1),
    "choice": (_choice, _n_choices),
    "tags": (_tags, lambda rows: TAGS_PER_ROW),
    "span": (_span, lambda rows: 2 * WORDS_PER_SIDE),
    "bitext": (_without_labels, lambda rows: 2),
    "mining": (_without_labels, lambda rows: 1),
    "retrieval": (_without_labels, lambda rows: 2),
    "text": (_without_labels, lambda rows: 1),
}


def every_item(probe: Probe) -> Sequence[Item]:
    """Return every item of a probe once; they go through an encoder together."""
    return tuple(dict.fromkeys((*probe.items, *probe.texts)))
