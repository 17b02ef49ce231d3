"""Rows that a limit drew for training are drawn again when they are compared with the rows that are scored."""

from __future__ import annotations

from pathlib import Path

from tests.recipes.small import tiny_config
from toolkit.composition import parse
from toolkit.composition.stages import plan
from toolkit.recipes.data import seen as comparing
from toolkit.recipes.session.session import Session
from toolkit.recipes.train import write
from toolkit.recipes.train.sources import sources_of
from toolkit.tasks import get_task


def test_the_rows_that_a_limited_card_names_are_found_again(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "train.limit=20", "train.total_examples=12", "train.seed=3")
    session = Session.open(config)
    [source] = sources_of(plan(parse("micro-pos"), holds=lambda entry: False)[-1], session)
    seen = write._seen(source, config.train)
    assert (seen.rows, seen.limit, seen.drawn_from, seen.seed) == (12, 20, 20, 3)
    drawn = get_task("micro-pos").rows("train", limit=20, seed=3).draw(12, seed=3)
    found = comparing._seen(seen, session)
    assert isinstance(found, comparing.Held) and drawn.fingerprint == seen.fingerprint == found.fingerprint
