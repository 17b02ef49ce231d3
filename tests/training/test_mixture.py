"""Shares of a mixture: how often a task is seen, and how many of its rows make a fixed total."""

from __future__ import annotations

import itertools

import pytest

from toolkit.errors import ToolkitError
from toolkit.training.mixture import Mixture

SIZES = [4000, 700, 240]


@pytest.mark.parametrize(
    ("mixture", "rates"),
    [
        (Mixture(), [4000 / 4940, 700 / 4940, 240 / 4940]),
        (Mixture(cap=1000), [1000 / 1940, 700 / 1940, 240 / 1940]),
        (Mixture("equal"), [1 / 3, 1 / 3, 1 / 3]),
        (Mixture("temperature", temperature=1.0), [4000 / 4940, 700 / 4940, 240 / 4940]),
        (Mixture("temperature", temperature=2.0, cap=900), [30 / 71.9494, 26.4575 / 71.9494, 15.4919 / 71.9494]),
    ],
)
def test_rates_follow_the_formula(mixture: Mixture, rates: list[float]) -> None:
    assert mixture.rates(SIZES) == pytest.approx(rates, rel=1e-4)


def test_a_high_temperature_comes_near_to_equal() -> None:
    assert Mixture("temperature", temperature=1e6).rates(SIZES) == pytest.approx([1 / 3] * 3, abs=1e-5)


@pytest.mark.parametrize("kind", ["proportional", "equal", "temperature"])
@pytest.mark.parametrize("total", [3, 4, 10, 600, 601, 4939, 4940])
def test_shares_are_exactly_the_total_and_never_more_than_there_is(kind: str, total: int) -> None:
    shares = Mixture(kind).shares(SIZES, total=total)
    assert sum(shares) == total
    assert all(1 <= share <= size for share, size in zip(shares, SIZES, strict=True))


def test_what_a_small_task_lacks_is_shared_by_the_others_at_their_rates() -> None:
    assert Mixture("equal").shares(SIZES, total=1200) == [480, 480, 240]
    assert Mixture("equal").shares(SIZES, total=3000) == [2060, 700, 240]
    assert Mixture("equal").shares([240], total=100) == [100]


def test_a_tiny_rate_still_gives_one_row_and_the_total_stays() -> None:
    assert Mixture().shares([100_000, 1, 1], total=10) == [8, 1, 1]
    assert Mixture().counts([100_000, 1, 1], total=10) == [8, 1, 1]


@pytest.mark.parametrize("total", [2, 4941])
def test_a_total_that_cannot_be_made_is_refused(total: int) -> None:
    with pytest.raises(
        ToolkitError, match=rf"{total:,} examples in all .* 4,000 \+ 700 \+ 240 rows; expected 3 to 4,940"
    ):
        Mixture().shares(SIZES, total=total)


def test_shares_grow_with_the_total() -> None:
    every = [Mixture().shares(SIZES, total=total) for total in range(3, 4941, 61)]
    for smaller, larger in itertools.pairwise(every):
        assert sum(larger) > sum(smaller)
        assert all(b >= a - 1 for a, b in zip(smaller, larger, strict=True))
