"""Corpora that are mined for pairs of translations, with their vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.embeddings import Vectors
from toolkit.errors import DataError
from toolkit.metrics import weighted_f1
from toolkit.progress import Report
from toolkit.recipes.score.encoding import Encoder, Reading
from toolkit.retrieval import Index, Mined, SearchSettings, Side, mine
from toolkit.tasks import SentenceRow
from toolkit.tasks.task import Rows

Encoded = dict[tuple[int, str], Vectors]


@dataclass(frozen=True)
class Corpora:
    """Two corpora with their vectors; each distinct text is encoded once.

    Attributes:
        lines: ids and texts of the source side, and of the target side.
        places: each text's row in the vectors of its side.
        vectors: of either side, by layer and pooling.
        gold: the right pairs of ids.
    """

    lines: tuple[dict[str, str], dict[str, str]]
    places: tuple[dict[str, int], dict[str, int]]
    vectors: tuple[Encoded, Encoded]
    gold: frozenset[tuple[str, str]]

    @classmethod
    def encoded(
        cls,
        lines: tuple[dict[str, str], dict[str, str]],
        gold: frozenset[tuple[str, str]],
        encoder: Encoder,
        rows: Rows,
    ) -> Corpora:
        places: list[dict[str, int]] = []
        vectors: list[Encoded] = []
        what = f"{rows.task.name} {rows.language} {rows.split}"
        encoder.ahead([sorted(set(side.values())) for side in lines], what)
        for side, noun, language in zip(lines, ("source", "target"), (rows.language, "en"), strict=True):
            encoder.turn_to(language)
            # In the texts' own order: how lines are ordered in a file then changes not even the rounding.
            texts = sorted(set(side.values()))
            places.append({text: at for at, text in enumerate(texts)})
            vectors.append(encoder(texts, f"{what}: {noun}"))
        return cls(lines, (places[0], places[1]), (vectors[0], vectors[1]), gold)

    def mined(self, reading: Reading, settings: SearchSettings, report: Report) -> Mined:
        """Return the candidates of a reading."""
        protocol = reading.protocol
        source, target = (
            Side.of(list(each), list(each.values()), duplicates=protocol.duplicates) for each in self.lines
        )
        x, y = (
            vectors[reading.wanted].take([places[text] for text in side.texts])
            for side, places, vectors in zip((source, target), self.places, self.vectors, strict=True)
        )
        return mine(
            source,
            target,
            x,
            y,
            protocol=protocol,
            settings=settings,
            report=report,
        )

    def gold_search(self, reading: Reading) -> dict[str, float]:
        """Return the weighted F1 of 1-best by cosine among the sentences of the gold pairs."""
        pairs = sorted(self.gold)
        # One row for each sentence, so that a sentence with two translations is one class.
        targets = sorted({target for _, target in pairs})
        x, y = (
            vectors[reading.wanted][[places[lines[id]] for id in ids]]
            for ids, lines, places, vectors in zip(
                ([source for source, _ in pairs], targets), self.lines, self.places, self.vectors, strict=True
            )
        )
        index = Index(x.shape[1])
        index.add(y)
        _, found = index.search(x, k=1)
        rows = {target: row for row, target in enumerate(targets)}
        return weighted_f1(found[:, 0], np.array([rows[target] for _, target in pairs]))


def corpora_of(rows: Rows, encoder: Encoder) -> Corpora:
    """Return the corpora of one language's rows.

    Raises:
        DataError: no gold pair is among these lines.
    """
    lines: tuple[dict[str, str], dict[str, str]] = ({}, {})
    translations: list[tuple[str, str]] = []
    for row in rows:
        if isinstance(row, SentenceRow):
            side = lines[row.side == "target"]
            side[row.id] = row.text
            translations += [(row.id, other) for other in row.translations]
    gold = frozenset(pair for pair in translations if pair[1] in lines[1])
    if not gold:
        raise DataError(
            f"{rows.origin}: no gold pair is among the {rows.drawn.limit} lines drawn of either side; expected at least one: "
            f"set retrieve.limit to {rows.least_limit()} or more."
            if rows.drawn
            else f"{rows.origin}: there is no gold pair; expected at least one."
        )
    return Corpora.encoded(lines, gold, encoder, rows)
