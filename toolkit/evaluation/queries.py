"""Evaluation of a retrieval task's dev rows: each query searches the passages of all rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from toolkit.evaluation.scoring import Evaluation
from toolkit.features.collate import Features
from toolkit.features.ragged import Ragged
from toolkit.metrics import TOP, ranking
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import embed
from toolkit.progress import Report
from toolkit.retrieval import Index
from toolkit.tasks.rows import QueryRow, Row


def score_queries(
    circuit: Circuit,
    rows: Sequence[Row],
    features: Features,
    *,
    head: str,
    batch_size: int,
    what: str,
    report: Report,
) -> Evaluation:
    """Return the measures, and as answers the passages that each query found, best first.

    The pool is the distinct passages of the rows; right for a query are those of the rows with its key. Vectors are pooled
    from the last layer as the head's training does.
    """
    places: dict[str, int] = {}
    of_key: dict[str, dict[int, None]] = {}
    first: list[int] = []
    queries_of = cast(Sequence[QueryRow], rows)
    for number, row in enumerate(queries_of):
        if row.passage not in places:
            places[row.passage] = len(first)
            first.append(number)
        of_key.setdefault(row.key, {})[places[row.passage]] = None
    sides = []
    for ids in (features.extra["queries"], Ragged.of([features.input_ids[number].tolist() for number in first])):
        sentences = Features(kind="bitext", input_ids=ids, source_row=np.arange(len(ids)), n_rows=len(ids))
        depth, pooling = circuit.backbone.n_layers, circuit.spec_of(head).pooling
        sides.append(
            embed(circuit, sentences, layer=depth, pooling=pooling, batch_size=batch_size, what=what, report=report)
        )
    queries, passages = sides
    index = Index(passages.shape[1])
    index.add(passages)
    _, found = index.search(queries, k=min(TOP, len(passages)))
    right = [(number, place) for number, row in enumerate(queries_of) for place in of_key[row.key]]
    asking, answering = zip(*right, strict=True)
    texts = list(places)
    answers = [[texts[place] for place in row if place >= 0] for row in found.tolist()]
    return Evaluation(ranking(found, asking, answering), answers, [])
