r"""One adapter from the weights of several: pure functions on state dicts, `{tensor name: array}`.

An adapter is what is added to a frozen encoder, so its weights themselves are its task vector, and with zeros it adds nothing.
With members W_i, weights w_i and density d, for each tensor:

    merge   sum_i w_i W_i
    ties    keep the d largest of each |W_i|; elect the sign of sum_i w_i W_i at each place; there the mean
            sum w_i W_i / sum |w_i| over the members whose w_i W_i has the elected sign and was kept
    dare    drop each weight of a member with probability 1 - d, divide what is left by d; then as `merge`

Without any weight `merge` and `dare` take 1 / N each. Weights that are given are taken as they are and need not sum to one:
`merge[a:1,b:-0.5]` moves a's weights away from b's. A negative weight acts on the weights, not on the function: a bottleneck is a
product of two matrices, so -1 times its weights is not -1 times its output. Where some members have a weight, the others have 1.

Members are taken in the order of their names, so that their order in the text changes no bit.

Sources: Ilharco et al. 2023, *Editing Models with Task Arithmetic*; Yadav et al. 2023, *TIES-Merging*; Yu et al. 2024, *Language
Models are Super Mario* (DARE); Chronopoulou et al. 2023, *AdapterSoup*.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import numpy as np

from toolkit.composition import MERGES, MergeMethod
from toolkit.errors import ToolkitError

Array = np.ndarray
Tensors = Mapping[str, Array]


def merge_tensors(
    members: Mapping[str, Tensors],
    *,
    method: MergeMethod = "merge",
    weights: Mapping[str, float | None] | None = None,
    density: float = 1.0,
    seed: int = 0,
) -> dict[str, Array]:
    """Return the merged weights, float32, computed in float64.

    Args:
        members: state dicts by the members' names; equal keys and shapes, finite.
        method: `merge`, `ties` or `dare`.
        weights: by member; None: see above.
        density: share of each tensor that `ties` keeps and `dare` does not drop, in (0, 1]; `merge` ignores it.
        seed: of `dare`; what is dropped depends on it, the member's name and the tensor's name alone.

    Raises:
        ToolkitError: members that differ in keys or shapes, numbers that are not finite, a density outside (0, 1].

    Example:
        >>> merge_tensors({"a": {"w": np.array([1.0, 2.0])}, "b": {"w": np.array([3.0, -2.0])}})["w"].tolist()
        [2.0, 0.0]
        >>> merge_tensors({"a": {"w": np.array([1.0, 2.0])}, "b": {"w": np.array([3.0, -2.0])}}, method="ties")["w"].tolist()
        [2.0, 0.0]
    """
    if method not in MERGES:
        raise ToolkitError(f"No way to merge named '{method}'. Known: {', '.join(MERGES)}.")
    if not 0.0 < density <= 1.0:
        raise ToolkitError(
            f"The density {density!r} is outside (0, 1]; write the share of weights to keep, such as 0.5."
        )
    _check_members(members)
    share = member_weights(tuple(members), weights or {}, method=method)
    order = sorted(members)
    merged = {}
    for key in members[order[0]]:
        arrays = {name: np.asarray(members[name][key], np.float64) for name in order}
        if method == "dare" and density < 1.0:
            arrays = {name: _dropped(array, density, f"{seed} {name} {key}") for name, array in arrays.items()}
        if method == "ties":
            found = _elected([_trimmed(arrays[name], density) for name in order], [share[name] for name in order])
        else:
            found = np.asarray(sum(share[name] * arrays[name] for name in order))
        merged[key] = np.asarray(found, np.float32)
    return merged


def member_weights(
    names: tuple[str, ...], given: Mapping[str, float | None], *, method: MergeMethod = "merge"
) -> dict[str, float]:
    """Return the number each member is multiplied with.

    Example:
        >>> member_weights(("a", "b"), {}), member_weights(("a", "b"), {"b": -0.5}), member_weights(("a", "b"), {}, method="ties")
        ({'a': 0.5, 'b': 0.5}, {'a': 1.0, 'b': -0.5}, {'a': 1.0, 'b': 1.0})
    """
    if method != "ties" and all(given.get(name) is None for name in names):
        return {name: 1.0 / len(names) for name in names}
    found = {}
    for name in names:
        weight = given.get(name)
        found[name] = 1.0 if weight is None else float(weight)
        if not math.isfinite(found[name]):
            raise ToolkitError(f"The weight {weight!r} of '{name}' is not finite; write a number such as 0.5.")
    return found


def _check_members(members: Mapping[str, Tensors]) -> None:
    if len(members) < 2:
        raise ToolkitError(f"Merging needs at least two members; found {', '.join(members) or 'none'}.")
    first, *others = members
    for name in others:
        differing = sorted(members[first].keys() ^ members[name].keys())
        if differing:
            raise ToolkitError(
                f"'{first}' and '{name}' cannot be merged: only one of them has the tensor '{differing[0]}'; merge adapters of "
                "one shape."
            )
        for key, array in members[name].items():
            if array.shape != members[first][key].shape:
                raise ToolkitError(
                    f"'{first}' and '{name}' cannot be merged: '{key}' is {members[first][key].shape} in one and {array.shape} "
                    "in the other; merge adapters of one shape."
                )
    for name, tensors in members.items():
        for key, array in tensors.items():
            if not np.isfinite(array).all():
                raise ToolkitError(f"'{key}' of '{name}' holds NaN or infinite numbers; train or pull '{name}' again.")


def _dropped(array: Array, density: float, seed: str) -> Array:
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little"))
    return np.where(rng.random(array.shape) < density, array / density, 0.0)


def _trimmed(array: Array, density: float) -> Array:
    """Keep the largest numbers by magnitude, at least one; of equal ones the earlier."""
    n_kept = max(1, round(density * array.size))
    if n_kept >= array.size:
        return array
    kept = np.argsort(-np.abs(array), axis=None, kind="stable")[:n_kept]
    found = np.zeros_like(array)
    found.flat[kept] = array.flat[kept]
    return found


def _elected(arrays: list[Array], weights: list[float]) -> Array:
    weighted = np.stack([weight * array for weight, array in zip(weights, arrays, strict=True)])  # [A, ...]
    sign = np.sign(weighted.sum(0))
    agrees = (np.sign(weighted) == sign) & (weighted != 0)
    share = np.abs(np.array(weights)).reshape(-1, *[1] * (weighted.ndim - 1))
    total = (agrees * share).sum(0)
    return np.where(total > 0, (weighted * agrees).sum(0) / np.where(total > 0, total, 1.0), 0.0)
