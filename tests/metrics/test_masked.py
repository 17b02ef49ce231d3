from __future__ import annotations

import math

import pytest

from toolkit.metrics import MAIN, masked
from toolkit.results.score import Score, printed


def test_the_perplexity_of_a_uniform_guess_is_the_size_of_the_vocabulary() -> None:
    found = masked([0, 1, 2], [2, 1, 0], [math.log(250_002)] * 3)
    assert found["perplexity"] == pytest.approx(250_002)
    assert found[MAIN["masked"]] == pytest.approx(1 / 3)


def test_a_loss_that_rounding_made_negative_is_a_perplexity_of_1_and_a_huge_one_is_a_number() -> None:
    assert masked([1], [1], [-1e-9])["perplexity"] == 1.0
    assert math.isfinite(masked([1], [2], [1e6])["perplexity"])


def test_each_gold_piece_needs_a_guess_and_a_loss() -> None:
    with pytest.raises(ValueError, match="1 losses for 2 gold"):
        masked([1, 2], [1, 2], [0.5])


def test_a_perplexity_is_a_score_and_is_printed_as_it_is() -> None:
    score = Score("text", "sw", "perplexity", 41.5, n=3, composition="text.sw", seed=0)
    assert printed(score.metric, score.value) == 41.5
    for metric, value in (("perplexity", 0.5), ("perplexity", math.inf), ("masked_accuracy", 1.5)):
        with pytest.raises(ValueError, match="a score is"):
            Score("text", "sw", metric, value, n=3, composition="text.sw", seed=0)
