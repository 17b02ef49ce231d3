"""Dev rows of a retrieval task: queries against the passages of all rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.metrics.test_ranking import plain_ranking
from toolkit.evaluation.evaluate import evaluate_rows
from toolkit.evaluation.scoring import Scoring
from toolkit.features import features_of
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.pooling import pool
from toolkit.tasks import QueryRow, get_task


def test_measures_are_those_of_a_plain_search_with_the_last_layers_vectors(
    tiny: Backbone, answering: Callable[[str], Circuit]
) -> None:
    rows = [row for row in get_task("micro-answers").rows("train", "en", limit=40) if isinstance(row, QueryRow)]
    rows.append(QueryRow("again", rows[0].query, rows[1].key, rows[0].passage))  # one passage, two keys
    circuit = answering("retrieval")
    features = features_of(rows, "retrieval", tiny.tokenizer)
    found = evaluate_rows(circuit, rows, features, scoring=Scoring(metric="map_at_20"))

    def vector(text: str) -> np.ndarray:
        ids = torch.tensor([tiny.tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            return pool(circuit.encode(ids, torch.ones_like(ids)), torch.ones_like(ids), "mean")[0].numpy()

    passages = list(dict.fromkeys(row.passage for row in rows))
    vectors = np.stack([vector(text) for text in passages])
    ranked, right = [], {}
    for number, row in enumerate(rows):
        closeness = np.round(vectors @ vector(row.query), 5)
        ranked.append(np.lexsort((np.arange(len(passages)), -closeness)).tolist())
        beside = {each.passage for each in rows if each.key == row.key}
        right[number] = {place for place, text in enumerate(passages) if text in beside}
    expected = plain_ranking(ranked, right, 20)
    assert list(found.measures.values()) == pytest.approx(list(expected), abs=0.02)
    assert list(found.measures) == ["map_at_20", "mrr_at_20"]
    assert found.n == len(found.answers) == 41
    assert set(found.answers[0]) <= set(passages)
