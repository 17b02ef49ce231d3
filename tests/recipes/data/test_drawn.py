"""Rows that a limit drew for training are drawn again when they are compared with the rows that are scored."""

from __future__ import annotations

from pathlib import Path

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey


def test_the_rows_of_a_limited_card_are_found_again(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "train.limit=20", "train.total_examples=12", "train.seed=3")
    toolkit.train("micro-nli", config)
    [seen] = Zoo(config.zoo).get("micro-nli", "tiny").data_seen
    assert (seen.rows, seen.limit, seen.drawn_from, seen.seed) == (12, 20, 20, 3)
    drawn = toolkit.get_task("micro-nli").rows("train", limit=20, seed=3).draw(12, seed=3)
    assert drawn.fingerprint == seen.fingerprint
    assert "differ from the card's" not in toolkit.tasks_check("micro-nli", config).text
