"""Two colleagues with two zoos: push, pull, lock, evaluate, and the numbers are the same to the last bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import toolkit
from tests.recipes.small import FUSED
from toolkit.config import Config
from toolkit.errors import ZooError
from toolkit.zoo import Zoo
from toolkit.zoo.lock import make_lock, write_lock
from toolkit.zoo.share.share import pull, push

pytestmark = pytest.mark.journey


def test_a_colleague_gets_the_same_numbers_to_the_last_bit_or_a_refusal(trained: Config, folder: Path) -> None:
    mine, theirs = Zoo(trained.zoo), Zoo(folder / "theirs")
    lock = folder / "zoo.lock"
    write_lock(make_lock(mine, FUSED, "tiny"), lock)
    push(mine, mine.get(FUSED, "tiny"), str(folder / "place"))
    pull(theirs, str(folder / "place"), FUSED)
    colleague = replace(trained, zoo=theirs.root, run_dir=folder / "runs")
    own = replace(trained, run_dir=folder / "own")
    asked = {"task": "micro-choice", "languages": "en,de", "lock": lock}
    expected = [score.value for score in toolkit.evaluate(FUSED, own, **asked).scores]
    assert [score.value for score in toolkit.evaluate(FUSED, colleague, **asked).scores] == expected
    retrieved = {"task": "micro-bitext", "languages": "de", "lock": lock}
    assert (
        toolkit.retrieve("micro-nli", colleague, **retrieved).scores[0].value
        == toolkit.retrieve("micro-nli", own, **retrieved).scores[0].value
    )
    with pytest.raises(ZooError, match="does not name 'micro-nli/micro-pos'"):
        toolkit.evaluate("micro-nli/micro-pos", own, task="micro-pos", languages="en", lock=lock)
    with pytest.raises(ZooError, match="cannot vouch"):
        toolkit.retrieve("backbone", own, **retrieved)
    # Training on top of what is pinned is fine; training what is pinned is not.
    with pytest.raises(ZooError, match="pins 'micro-nli', which would be trained here"):
        toolkit.train("micro-nli", colleague, lock=lock, retrain=True)
    made = toolkit.train("micro-nli/micro-pos", colleague, lock=lock)
    assert made[0].digest == mine.get("micro-nli/micro-pos", "tiny").digest
    with pytest.raises(ZooError, match="does not name 'micro-nli/micro-pos'"):
        toolkit.train("micro-nli/micro-pos/micro-qa", colleague, lock=lock)
