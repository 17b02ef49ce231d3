"""Search each sentence's translation among all of the other side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from toolkit.config import Config
from toolkit.metrics import retrieval_accuracy, weighted_f1
from toolkit.recipes.score.encoding import Encoder, Reading
from toolkit.recipes.score.searched import Found, Search
from toolkit.results.predictions import Prediction, write_predictions
from toolkit.results.score import Score
from toolkit.retrieval import SearchSettings, search
from toolkit.tasks import BitextRow
from toolkit.tasks.task import Rows


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
    # In the texts' own order: of repeated sentences the same copy is then found however the lines are ordered.
    pairs = sorted((row for row in rows if isinstance(row, BitextRow)), key=lambda row: (row.target, row.source))
    english = encoder([pair.target for pair in pairs], f"{task.name} {language}: en")
    foreign = encoder([pair.source for pair in pairs], f"{task.name} {language}: {language}")
    scored = []
    for reading in asked:
        protocol, sides = reading.protocol, (english[reading.wanted], foreign[reading.wanted])
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
        texts = [pair.target if protocol.queries == "xx" else pair.source for pair in pairs]
        predictions = {
            # -1, of an approximate index that found nothing, is not a row.
            pair.id: Prediction(pair.id, text, texts[row] if row >= 0 else "", float(hit) / len(directions))
            for pair, text, row, hit in zip(pairs, texts, nearest, hits, strict=True)
        }
        write_predictions([predictions[row.id] for row in rows], file_of(reading))
        system = encoder.system(f"{reading.head()} {protocol.for_bitext()} {worst.words} {encoder.tail()}", config)
        own = Score.of(rows, {metric: sum(values) / len(values)}, len(pairs), system)
        scored += [(reading, score) for score in own]
    return scored
