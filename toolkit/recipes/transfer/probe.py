"""What is looked at of a task: some of its training rows as items, with the labels that they carry."""

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
    ChoiceRow,
    PairRow,
    QueryRow,
    SentenceRow,
    SpanRow,
    TagsRow,
    Task,
    get_task,
    training_task,
)
from toolkit.tasks.rows import OTHER_TAG, Row
from toolkit.tasks.task import Rows

# Words of one sentence that become items: more of them from fewer sentences would be cheaper, but alike.
TAGS_PER_ROW = 4
# Words of one context inside the answer, and outside. A context is long, so that each is made use of.
WORDS_PER_SIDE = 3


@dataclass(frozen=True)
class Probe:
    """Some rows of a task, as items.

    Attributes:
        items: those that carry a label; of a task without labels those of `texts`.
        labels: int64 [N], of `items`; None where the task has none.
        texts: one item a row (of a choice task one a choice): the whole of what a reader sees.
        rows: what they were made from.
    """

    items: tuple[Item, ...]
    labels: np.ndarray | None
    texts: tuple[Item, ...]
    rows: Rows


def task_name(text: str) -> Name:
    """Return the task, with its language, that `mnli` or `udpos.tr` names.

    Raises:
        ToolkitError: a composition of several names, or no such task.
    """
    composition = parse(text)
    (leaf, *others) = composition.leaves() or (None,)
    if leaf is None or others or str(composition) != str(leaf):
        raise ToolkitError(
            f"'{text}' is no task; similarity is asked of tasks by their names, such as mnli or udpos.tr."
        )
    get_task(leaf.name)
    return leaf


def probe_rows(text: str, data_root: Path | None) -> Rows:
    """Return the rows that describe a task: those that train it, or without such the ones it is tuned or scored on.

    Rows of the second kind (translations, corpora, queries) are read without their answers.
    """
    ref = task_name(text)
    task = training_task(get_task(ref.name))
    split = next(split for split in ("train", "dev", "score") if split in task.splits)
    language = ref.language
    if language is None and task.train_language not in task.languages:
        language = task.reachable(split, data_root=data_root)[0]
    return task.rows(split, language, data_root=data_root)


def probe_items(text: str, *, limit: int, seed: int = 0, data_root: Path | None = None) -> Probe:
    """Return up to `limit` items of a task with their labels, the same for the same rows and seed.

    A pair is an item with its relation; a question beside each of its choices an item, right or wrong; of a tagged
    sentence up to four words with their tags; of a context up to three words inside the answer and three outside.

    Args:
        text: a task, `mnli`, or its rows in a language, `udpos.tr`.
        limit: items.
        seed: which rows and words are drawn.
        data_root: mirror that is looked at first.

    Example:
        >>> probe = probe_items("micro-nli", limit=3)
        >>> len(probe.items), probe.labels.shape, probe.items == probe.texts
        (3, (3,), True)
    """
    rows = probe_rows(text, data_root)
    maker, per_row = MAKERS[rows.task.kind]
    if rows.task.kind == "choice":
        first = rows[0]
        assert isinstance(first, ChoiceRow)
        per_row = len(first.choices)
    wanted = -(-limit // per_row)
    while True:
        drawn = rows.draw(min(wanted, len(rows)), seed=seed)
        items: list[Item] = []
        labels: list[int] = []
        texts: dict[Item, None] = {}
        for row in drawn:
            made, whole = maker(row, rows.task, Random(f"{seed} {row.id}"))
            texts |= dict.fromkeys(whole)
            items += [item for item, _ in made]
            labels += [label for _, label in made]
        if not items or len(items) >= limit or len(drawn) == len(rows):
            break
        # Short answers and short sentences give fewer words; a larger draw holds the rows of the smaller one.
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
    if isinstance(row, SentenceRow):
        return [], [Item(row.text)]
    assert isinstance(row, QueryRow)
    return [], [Item(text) for text in (row.query, row.passage) if text]


# How items are made of a row of each kind, and how many there are at most.
MAKERS: dict[str, tuple[Callable[[Row, Task, Random], Made], int]] = {
    "pair": (_pair, 1),
    "choice": (_choice, 1),
    "tags": (_tags, TAGS_PER_ROW),
    "span": (_span, 2 * WORDS_PER_SIDE),
    "bitext": (_without_labels, 2),
    "mining": (_without_labels, 1),
    "retrieval": (_without_labels, 2),
}


def every_item(probe: Probe) -> Sequence[Item]:
    """Return every item of a probe once: what goes through an encoder together."""
    return tuple(dict.fromkeys((*probe.items, *probe.texts)))
