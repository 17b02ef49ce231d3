"""Search each sentence's translation among all of the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from toolkit.config import Config
from toolkit.embeddings import Vectors
from toolkit.metrics import retrieval_accuracy, weighted_f1
from toolkit.nameless import let_go
from toolkit.recipes.score.encoding import Encoder, Reading
from toolkit.recipes.score.searched import Found, Search
from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score
from toolkit.retrieval import SearchSettings, search
from toolkit.retrieval.held import gathered, parts, zeros
from toolkit.tasks import BitextRow
from toolkit.tasks.task import Rows
from toolkit.texts import Arranged, arranged


def search_bitexts(asked: Search) -> Found:
    """Score the pairs of every language."""
    encoder = Encoder(asked.circuit, asked.session, asked.readings)
    for reading in asked.readings:
        asked.announce(f"{reading.head()} {reading.protocol.for_bitext()} {encoder.tail()}")
    found = Found()
    every: Iterable[Rows] = asked.rows()
    if asked.session.staff is not None:  # a language is one shard or two: all of them keep more processes busy
        every = list(every)
        pairs = [_Pairs.of(rows) for rows in every]
        encoder.ahead([side.distinct for each in pairs for side in (each.targets, each.sources)], asked.target.name)
    for rows in every:
        place = partial(asked.predictions_file, rows)
        found.add(rows, score_bitext(rows, asked.readings, encoder, asked.session.config, place))
    return found


def score_bitext(
    rows: Rows, asked: Sequence[Reading], encoder: Encoder, config: Config, file_of: Callable[[Reading], Path]
) -> list[tuple[Reading, Score]]:
    """Score every reading of one language's pairs, and write what each sentence found, in the order of the rows.

    Args:
        rows: pairs, perturbed or not; `config.noise.apply` says what was done to them.
        asked: the readings.
        encoder: of the circuit.
        file_of: the file for what a reading found.
    """
    settings, task, language = config.retrieve, rows.task, rows.language
    pairs = _Pairs.of(rows)
    # In the texts' own order: of repeated sentences the same copy is then found however the lines are ordered.
    encoder.turn_to("en")
    english = encoder.of_distinct(pairs.targets.distinct, f"{task.name} {language}: en")
    encoder.turn_to(language)
    foreign = encoder.of_distinct(pairs.sources.distinct, f"{task.name} {language}: {language}")
    scored = []
    for reading in asked:
        protocol = reading.protocol
        sides = (
            pairs.taken(english[reading.wanted], pairs.targets),
            pairs.taken(foreign[reading.wanted], pairs.sources),
        )
        directions = {"en": [sides], "xx": [sides[::-1]], "both": [sides, sides[::-1]]}[protocol.queries]
        measure = weighted_f1 if protocol.metric == "weighted_f1" else retrieval_accuracy
        values, recalls, hits, nearest = [], [], zeros((len(pairs),), np.float64), np.zeros(0, np.int64)
        for queries, corpus in directions:
            found = search(
                queries,
                corpus,
                1,
                both=False,
                settings=SearchSettings(settings.index, settings.memory, settings.threads),
            )
            rows_found = found.forward.rows[:, 0]
            ((metric, value),) = measure(rows_found, np.arange(len(pairs))).items()
            values.append(value)
            recalls.append(found)
            for part in parts(len(pairs)):
                hits[part] += (rows_found[part] == np.arange(part.start, part.stop)) / len(directions)
            let_go(rows_found, hits)
            nearest = rows_found if not len(nearest) else nearest
        worst = min(recalls, key=lambda found: found.recall)
        write_predictions(
            pairs.predictions(rows, nearest, hits, by_target=protocol.queries == "xx"),
            file_of(reading),
        )
        words = f"{reading.head()} {protocol.for_bitext()} {worst.words} {encoder.tail()}"
        system = encoder.system(words, config, language, "en")
        own = Score.of(rows, {metric: sum(values) / len(values)}, len(pairs), system)
        scored += [(reading, score) for score in own]
    return scored


@dataclass(frozen=True)
class _Pairs:
    """The sentences of a bitext, each once, and the order in which its pairs are searched.

    Attributes:
        targets, sources: sentences of either side.
        order: int64 [N], rows in the order of their target, and then of their source.
    """

    targets: Arranged
    sources: Arranged
    order: np.ndarray

    @classmethod
    def of(cls, rows: Rows) -> _Pairs:
        """Read the rows once for each side, so that they are never all in memory."""
        targets = arranged(row.target for row in rows if isinstance(row, BitextRow))
        sources = arranged(row.source for row in rows if isinstance(row, BitextRow))
        order, done, places = zeros((len(targets.places),), np.int64), 0, (_places(sources), _places(targets))
        for _, some in gathered(places[1], len(targets.distinct)):
            order[done : done + len(some)] = some[np.lexsort((places[0][some], places[1][some]))]
            done += len(some)
            let_go(order, *places)
        return cls(targets, sources, order)

    def __len__(self) -> int:
        return len(self.order)

    def taken(self, vectors: Vectors, side: Arranged) -> Vectors:
        """Return the vectors of a side's distinct sentences as those of the pairs, in their order."""
        taken, places = zeros((len(self),), np.int64), _places(side)
        for part in parts(len(self)):
            taken[part] = places[self.order[part]]
            let_go(taken, places, self.order)
        return vectors.take(taken)

    def predictions(
        self, rows: Rows, nearest: np.ndarray, outcomes: np.ndarray, *, by_target: bool
    ) -> Iterator[Prediction]:
        """Yield what each sentence found, in the order of the rows.

        Args:
            nearest: int64 [N], the pair that was found for each one (-1, of an approximate index: none).
            outcomes: float [N].
            by_target: whether the English sentences are what was sought.
        """
        side = self.targets if by_target else self.sources
        place = zeros((len(self),), np.int64)
        for part in parts(len(self)):
            place[self.order[part]] = np.arange(part.start, part.stop)
            let_go(place, self.order)
        every = (row for row in rows if isinstance(row, BitextRow))
        for part in parts(len(self)):
            own = place[part]
            found, values = nearest[own], outcomes[own].tolist()
            # The row of an answer; of none (-1) the last one, which is not looked at.
            answers = _places(side)[self.order[found]].tolist()
            for row, near, answer, value in zip(islice(every, len(own)), found.tolist(), answers, values, strict=True):
                gold = row.target if by_target else row.source
                yield Prediction(row.id, gold, side.distinct[answer] if near >= 0 else "", value)
            let_go(place, nearest, outcomes, side.places, self.order)


def _places(side: Arranged) -> np.ndarray:
    return np.frombuffer(side.places, np.int64) if len(side.places) else np.zeros(0, np.int64)
