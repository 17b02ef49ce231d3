"""Entries of 0.1.0 whose limits took the first rows: what is said of them, and which rows they are compared with."""

from __future__ import annotations

from tests import PROJECT
from toolkit.recipes.train.held import recipe_of
from toolkit.tasks import get_task
from toolkit.zoo import Zoo


def test_the_recipe_of_an_old_entry_says_that_its_rows_were_the_first_ones() -> None:
    card = Zoo(PROJECT / "tests" / "old" / "zoo").get("micro-nli", "minute-b45eda1e")
    assert "the first 32 rows of micro-nli en" in recipe_of(card)
    [seen] = card.data_seen
    assert get_task("micro-nli").rows("train")[:32].fingerprint == seen.fingerprint
    assert get_task("micro-nli").rows("train", limit=32).fingerprint != seen.fingerprint
