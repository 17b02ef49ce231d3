"""Corpora that are mined for pairs of translations, with their vectors: their lines are numbers, in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.embeddings import Vectors
from toolkit.errors import DataError
from toolkit.metrics import weighted_f1
from toolkit.nameless import Numbers, let_go
from toolkit.progress import Report
from toolkit.recipes.score.encoding import Encoder, Reading
from toolkit.retrieval import Gold, Lines, Mined, Pairs, SearchSettings, mine, search, sweep
from toolkit.retrieval.gold import Curve
from toolkit.retrieval.held import parts, rows_where, zeros
from toolkit.tasks import SentenceRow
from toolkit.tasks.task import Rows
from toolkit.texts import Texts, arranged, found_in

Encoded = dict[tuple[int, str], Vectors]


@dataclass(frozen=True)
class Corpus:
    """One side: a line's number is the place of its id among all ids.

    Attributes:
        ids: sorted.
        texts: distinct, sorted: how lines are ordered in a file then changes not even the rounding.
        places: int64 [L], the place of each line's text.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    places: np.ndarray

    @classmethod
    def of(cls, ids: Iterable[str], texts: Iterable[str]) -> Corpus:
        """Sort lines by their ids, each another one."""
        by_id, by_text = arranged(ids), arranged(texts)
        places = zeros((len(by_id.distinct),), np.int64)
        numbers, held = (_whole(each.places) for each in (by_id, by_text))
        for part in parts(len(numbers)):
            places[numbers[part]] = held[part]
            let_go(places, numbers, held)
        return cls(by_id.distinct, by_text.distinct, places)

    def vectors(self, encoded: Vectors, lines: np.ndarray) -> Vectors:
        """Return the vectors of some lines, of those of the distinct texts."""
        return encoded.take(self.places[lines])


@dataclass(frozen=True)
class Corpora:
    """Two corpora with their vectors; each distinct text is encoded once.

    Attributes:
        sides: source and target.
        vectors: of either side's texts, by layer and pooling.
        gold: the right pairs of lines.
    """

    sides: tuple[Corpus, Corpus]
    vectors: tuple[Encoded, Encoded]
    gold: Gold

    def mined(self, reading: Reading, settings: SearchSettings, report: Report) -> Mined:
        """Return the candidates of a reading."""
        duplicates = reading.protocol.duplicates
        lines = [Lines.of(side.places, duplicates=duplicates) for side in self.sides]
        x, y = (
            side.vectors(encoded[reading.wanted], own.lines) if duplicates == "keep" else encoded[reading.wanted]
            for side, encoded, own in zip(self.sides, self.vectors, lines, strict=True)
        )
        return mine(lines[0], lines[1], x, y, protocol=reading.protocol, settings=settings, report=report)

    def curve(self, found: Mined) -> Curve:
        """Return precision and recall of what was mined, at every cut."""
        return sweep(found, self.gold)

    def named(self, pairs: Pairs) -> Iterator[tuple[str, str, float]]:
        """Yield the ids of pairs of lines, and their score."""
        for part in parts(len(pairs)):
            some = pairs[part]
            columns = (each.tolist() for each in (some.sources, some.targets, some.scores))
            for source, target, score in zip(*columns, strict=True):
                yield self.sides[0].ids[source], self.sides[1].ids[target], score
            let_go(pairs.sources, pairs.targets, pairs.scores)

    def gold_search(self, reading: Reading) -> dict[str, float]:
        """Return the weighted F1 of 1-best by cosine among the sentences of the gold pairs."""
        n, (source, target) = len(self.gold), self.sides
        sources, right = zeros((n,), np.int64), zeros((n,), np.int64)
        # One row for each sentence, so that a sentence with two translations is one class.
        is_right = zeros((len(target.ids),), np.uint8)
        for part in parts(n):
            sources[part], right[part] = self.gold.columns(part)
            is_right[right[part]] = 1
            let_go(sources, right, is_right, self.gold.keys)
        lines = rows_where(is_right, lambda values: values > 0)
        for part in parts(n):
            right[part] = np.searchsorted(lines, right[part])
            let_go(right)
        x, y = (
            side.vectors(encoded[reading.wanted], own)
            for side, encoded, own in zip((source, target), self.vectors, (sources, lines), strict=True)
        )
        found = search(x, y, 1, both=False, settings=SearchSettings(index="Flat")).forward.rows[:, 0]
        return weighted_f1(found, right)


def corpora_of(rows: Rows, encoder: Encoder) -> Corpora:
    """Return the corpora of one language's rows.

    Raises:
        DataError: no gold pair is among these lines.
    """
    sides, gold = _read(rows)
    if not len(gold):
        raise DataError(
            f"{rows.origin}: no gold pair is among the {rows.drawn.limit} lines drawn of either side; expected at least one: "
            f"set retrieve.limit to {rows.least_limit()} or more."
            if rows.drawn
            else f"{rows.origin}: there is no gold pair; expected at least one."
        )
    what = f"{rows.task.name} {rows.language} {rows.split}"
    encoder.ahead([side.texts for side in sides], what)
    vectors: list[Encoded] = []
    for side, noun, language in zip(sides, ("source", "target"), (rows.language, "en"), strict=True):
        encoder.turn_to(language)
        vectors.append(encoder.of_distinct(side.texts, f"{what}: {noun}"))
    return Corpora(sides, (vectors[0], vectors[1]), gold)


def _read(rows: Rows) -> tuple[tuple[Corpus, Corpus], Gold]:
    """Read the rows once: both sides, and the gold pairs whose target is among the lines."""
    ids, texts = (Texts(), Texts()), (Texts(), Texts())
    owners, others = Texts(), Texts()  # of each gold pair
    for row in rows:
        if isinstance(row, SentenceRow):
            side = row.side == "target"
            ids[side].append(row.id)
            texts[side].append(row.text)
            for other in row.translations:
                owners.append(row.id)
                others.append(other)
    source, target = (Corpus.of(ids[side], texts[side]) for side in (0, 1))
    first, second = (_lines(each, side) for each, side in ((owners, source), (others, target)))
    known = rows_where(second, lambda lines: lines >= 0)
    return (source, target), Gold.of(first[known], second[known])


def _lines(ids: Texts, side: Corpus) -> np.ndarray:
    """Return the number of each id's line, int64; -1 where the side does not have it."""
    sought = arranged(ids)
    lines, places = _whole(Numbers(found_in(side.ids, sought.distinct)).whole()), _whole(sought.places)
    found = zeros((len(ids),), np.int64)
    for part in parts(len(found)):
        found[part] = lines[places[part]]
        let_go(found, lines, places)
    return found


def _whole(numbers: memoryview) -> np.ndarray:
    return np.frombuffer(numbers, np.int64) if len(numbers) else np.zeros(0, np.int64)
