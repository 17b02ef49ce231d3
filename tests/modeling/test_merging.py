"""Merging as mathematics: identities, order, weights, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.composition import MERGES
from toolkit.errors import ToolkitError
from toolkit.modeling.merging import merge_tensors

SHAPES = {"down.weight": (4, 6), "down.bias": (4,), "up.weight": (6, 4)}


def adapter(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {key: rng.normal(size=shape).astype(np.float32) for key, shape in SHAPES.items()}


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def close(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.allclose(one[key], other[key], atol=1e-6) for key in one)


@pytest.mark.parametrize("method", MERGES)
@pytest.mark.parametrize("weights", [None, {"a": 0.25, "b": 0.75}])
@pytest.mark.parametrize("seed", range(5))
def test_merging_an_adapter_with_its_copy_is_the_adapter(method: str, weights: dict | None, seed: int) -> None:
    a = adapter(seed)
    assert close(merge_tensors({"a": a, "b": dict(a)}, method=method, weights=weights), a)


@pytest.mark.parametrize("method", MERGES)
@pytest.mark.parametrize("density", [1.0, 0.5, 0.1])
def test_the_order_of_the_members_changes_no_bit(method: str, density: float) -> None:
    members = {name: adapter(i) for i, name in enumerate("abcd")}
    weights = {"a": 0.1, "b": 0.7, "c": -0.3, "d": 1.0}
    one = merge_tensors(members, method=method, weights=weights, density=density)
    backwards = {name: members[name] for name in reversed(members)}
    assert same(merge_tensors(backwards, method=method, weights=weights, density=density), one)


def test_without_weights_members_count_alike() -> None:
    a, b, c = (adapter(i) for i in range(3))
    found = merge_tensors({"a": a, "b": b, "c": c})
    assert close(found, {key: (a[key] + b[key] + c[key]) / 3 for key in a})


def test_weights_that_are_given_are_taken_as_they_are() -> None:
    a, b = adapter(1), adapter(2)
    found = merge_tensors({"a": a, "b": b}, weights={"a": 1.0, "b": -0.5})
    assert close(found, {key: a[key] - 0.5 * b[key] for key in a})


def test_a_member_without_a_weight_counts_one_beside_others_that_have_one() -> None:
    a, b = adapter(1), adapter(2)
    found = merge_tensors({"a": a, "b": b}, weights={"a": None, "b": 2.0})
    assert close(found, {key: a[key] + 2 * b[key] for key in a})


def test_adding_and_taking_away_the_same_adapter_leaves_nothing() -> None:
    a = adapter(1)
    found = merge_tensors({"a": a, "b": dict(a)}, weights={"a": 1.0, "b": -1.0})
    assert not any(array.any() for array in found.values())


def test_ties_elects_the_heavier_sign_and_averages_those_who_agree() -> None:
    members = {name: {"w": np.array(values, np.float32)} for name, values in
               {"a": [4, -1, 1, 0], "b": [2, -3, -4, 0], "c": [-1, 1, -2, 5]}.items()}  # fmt: skip
    assert merge_tensors(members, method="ties")["w"].tolist() == [3, -2, -3, 5]


def test_ties_weighs_members_in_the_vote_and_in_the_mean() -> None:
    members = {"a": {"w": np.array([4.0])}, "b": {"w": np.array([-3.0])}, "c": {"w": np.array([1.0])}}
    assert merge_tensors(members, method="ties", weights={"a": 1, "b": 3, "c": 1})["w"].tolist() == [-3]
    assert merge_tensors(members, method="ties", weights={"a": 3, "b": 1, "c": 1})["w"].tolist() == [3.25]


def test_ties_keeps_the_largest_share_of_each_member() -> None:
    members = {"a": {"w": np.array([1.0, -5.0, 3.0, 0.5])}, "b": {"w": np.array([1.0, -5.0, 3.0, 0.5])}}
    assert merge_tensors(members, method="ties", density=0.5)["w"].tolist() == [0, -5, 3, 0]


def test_dare_drops_at_the_rate_and_keeps_the_expectation() -> None:
    ones = {"w": np.ones(20_000, np.float32)}
    found = merge_tensors({"a": ones, "b": ones}, method="dare", weights={"a": 1, "b": 0}, density=0.2)["w"]
    assert set(np.unique(found)) == {0.0, 5.0}
    assert (found > 0).mean() == pytest.approx(0.2, abs=0.01)
    assert found.mean() == pytest.approx(1.0, abs=0.06)


def test_dare_is_seeded_and_each_member_has_its_own_mask() -> None:
    a = adapter(1)
    members = {"a": a, "b": dict(a)}
    one = merge_tensors(members, method="dare", density=0.5, seed=1)
    assert same(merge_tensors(members, method="dare", density=0.5, seed=1), one)
    assert not same(merge_tensors(members, method="dare", density=0.5, seed=2), one)
    assert not close(one, merge_tensors(members, method="dare", density=0.5, weights={"a": 1, "b": 0}, seed=1))


@pytest.mark.parametrize("density", [0.0, -0.1, 1.01, float("nan")])
def test_a_density_outside_its_range_is_refused(density: float) -> None:
    with pytest.raises(ToolkitError, match=r"outside \(0, 1\]; write the share of weights to keep"):
        merge_tensors({"a": adapter(1), "b": adapter(2)}, method="ties", density=density)


def test_members_of_different_shape_are_refused() -> None:
    b = adapter(2) | {"down.bias": np.zeros(5, np.float32)}
    with pytest.raises(ToolkitError, match=r"'a' and 'b' cannot be merged: 'down.bias' is \(4,\) in one and \(5,\)"):
        merge_tensors({"a": adapter(1), "b": b})


def test_members_with_different_tensors_are_refused() -> None:
    b = adapter(2)
    del b["down.bias"]
    with pytest.raises(ToolkitError, match=r"only one of them has the tensor 'down.bias'"):
        merge_tensors({"a": adapter(1), "b": b})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    b = adapter(2)
    b["up.weight"][0, 0] = value
    with pytest.raises(ToolkitError, match=r"'up.weight' of 'b' holds NaN or infinite numbers"):
        merge_tensors({"a": adapter(1), "b": b})


def test_a_single_member_an_unknown_way_and_a_bad_weight_are_refused() -> None:
    with pytest.raises(ToolkitError, match="at least two members; found a"):
        merge_tensors({"a": adapter(1)})
    with pytest.raises(ToolkitError, match="No way to merge named 'soup'"):
        merge_tensors({"a": adapter(1), "b": adapter(2)}, method="soup")
    with pytest.raises(ToolkitError, match="The weight nan of 'a' is not finite"):
        merge_tensors({"a": adapter(1), "b": adapter(2)}, weights={"a": float("nan")})
