"""Windows and labels on real rows of every language that the mirror holds, with XLM-R's own vocabulary."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.features import features_of
from toolkit.tasks import get_task

pytestmark = pytest.mark.real_data


def visible(text: str) -> str:
    """Return a text without the characters that no tokenizer keeps: marks of direction, zero-width spaces."""
    return "".join(character for character in text if unicodedata.category(character) != "Cf").strip()


@pytest.mark.parametrize("limit", [20, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["squad", "xquad", "mlqa", "tydiqa"])
def test_every_answer_is_in_a_window_and_its_tokens_decode_to_it_but_for_the_rest_of_a_piece(
    name: str, limit: int, xlmr: Any, data_root: Path
) -> None:
    task = get_task(name)
    for language in task.reachable("score", data_root=data_root, has_pairs=task.crosses_languages):
        rows = list(task.rows("score", language, data_root=data_root, limit=limit))
        features = features_of(rows, "span", xlmr, max_length=128, stride=48)
        assert len(features) > len(rows)
        held = np.flatnonzero(features.labels[:, 0] > 0)
        # An answer longer than what two windows share may lie across both of them.
        short = {i for i, row in enumerate(rows) if len(xlmr.tokenize(row.answers[0].text)) < 40}
        assert short <= set(features.source_row[held].tolist()), language
        for window in held:
            row = rows[features.source_row[window]]
            (first, _), (_, last) = features.extra["char_spans"][window][features.labels[window]]
            answer = row.answers[0]
            assert visible(answer.text) in visible(row.context[first:last]), (language, row.id)
            before, after = row.context[first : answer.start], row.context[answer.start + len(answer.text) : last]
            # What is too much belongs to the piece in which the answer begins or ends.
            assert len(before) < 16 and len(after) < 16 and " " not in before + after, (language, row.id)


@pytest.mark.parametrize("name", ["udpos", "panx", "ccg"])
@pytest.mark.parametrize("label_piece", ["first", "content"])
def test_every_word_of_every_language_carries_its_tag_once(
    name: str, label_piece: str, xlmr: Any, data_root: Path
) -> None:
    task = get_task(name)
    for language in task.reachable("score", data_root=data_root):
        rows = list(task.rows("score", language, data_root=data_root, limit=60))
        features = features_of(rows, "tags", xlmr, max_length=48, label_piece=label_piece)
        seen: list[list[int]] = [[] for _ in rows]
        for item, row in enumerate(features.source_row):
            words = features.extra["words"][item]
            seen[row] += words[words >= 0].tolist()
        assert seen == [list(range(len(row.tokens))) for row in rows], language
        assert features.input_ids.lengths.max() <= 48
