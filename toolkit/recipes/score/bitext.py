"""Search each sentence's translation among all of the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from toolkit.config import Config
from toolkit.embeddings import Vectors
from toolkit.metrics import retrieval_accuracy, weighted_f1
from toolkit.recipes.score.encoding import Encoder, Reading
from toolkit.recipes.score.searched import Found, Search
from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score
from toolkit.retrieval import SearchSettings, search
from toolkit.tasks import BitextRow
from toolkit.tasks.task import Rows
from toolkit.texts import Arranged, arranged


def search_bitexts(asked: Search) -> Found:
    """Score the pairs of every language."""
    encoder = Encoder(asked.circuit, asked.session, asked.readings)
    for reading in asked.readings:
        asked.announce(f"{reading.head()} {reading.protocol.for_bitext()} {encoder.tail()}")
    found = Found()
    for rows in asked.rows():
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
    english = encoder.of_distinct(pairs.targets.distinct, f"{task.name} {language}: en")
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
        values, recalls, hits, nearest = [], [], np.zeros(len(pairs)), np.zeros(0, np.int64)
        for queries, corpus in directions:
            found = search(
                queries,
                corpus,
                1,
                both=False,
                settings=SearchSettings(settings.index, settings.memory, settings.threads),
            )
            ((metric, value),) = measure(found.forward.rows[:, 0], np.arange(len(pairs))).items()
            values.append(value)
            recalls.append(found)
            hits += found.forward.rows[:, 0] == np.arange(len(pairs))
            nearest = found.forward.rows[:, 0] if not len(nearest) else nearest
        worst = min(recalls, key=lambda found: found.recall)
        write_predictions(
            pairs.predictions(rows, nearest, hits / len(directions), by_target=protocol.queries == "xx"),
            file_of(reading),
        )
        system = encoder.system(f"{reading.head()} {protocol.for_bitext()} {worst.words} {encoder.tail()}", config)
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
        return cls(targets, sources, np.lexsort((_places(sources), _places(targets))))

    def __len__(self) -> int:
        return len(self.order)

    def taken(self, vectors: Vectors, side: Arranged) -> Vectors:
        """Return the vectors of a side's distinct sentences as those of the pairs, in their order."""
        return vectors.take(_places(side)[self.order])

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
        place = np.empty(len(self), np.int64)
        place[self.order] = np.arange(len(self))
        for number, row in enumerate(row for row in rows if isinstance(row, BitextRow)):
            found = int(nearest[place[number]])
            answer = side.distinct[side.places[self.order[found]]] if found >= 0 else ""
            gold = row.target if by_target else row.source
            yield Prediction(row.id, gold, answer, float(outcomes[place[number]]))


def _places(side: Arranged) -> np.ndarray:
    return np.frombuffer(side.places, np.int64) if len(side.places) else np.zeros(0, np.int64)
