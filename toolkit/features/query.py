"""Features of queries with the passages that answer them: two sequences an item, each with its own length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.features.collate import Features
from toolkit.features.sentence import sentence_features
from toolkit.tasks.rows import QueryRow


def query_features(rows: Sequence[QueryRow], tokenizer: Any, *, max_length: int, query_length: int) -> Features:
    """Tokenise each row as `<s> query </s>` and `<s> passage </s>`.

    The passages are the items' own sequences; the queries are in `extra["queries"]`, a Ragged of as many rows, and the rows'
    keys as numbers in `extra["keys"]`, int64 [N], equal where one passage answers both.

    Args:
        max_length: tokens of a passage, special ones included.
        query_length: tokens of a query.
    """
    rows = list(rows)
    queries = sentence_features([row.query for row in rows], tokenizer, max_length=query_length)
    passages = sentence_features([row.passage for row in rows], tokenizer, max_length=max_length)
    numbers: dict[str, int] = {}
    keys = [numbers.setdefault(row.key, len(numbers)) for row in rows]
    return Features(
        kind="retrieval",
        input_ids=passages.input_ids,
        source_row=np.arange(len(rows)),
        n_rows=len(rows),
        # A row may lose text on either side; counted by the longer loss, which is nearly always the passage's.
        n_truncated=max(queries.n_truncated, passages.n_truncated),
        extra={"queries": queries.input_ids, "keys": np.array(keys, np.int64)},
    )
