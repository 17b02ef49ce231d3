"""Layers of an encoder that hold no adapter."""

from __future__ import annotations

from toolkit.config.encoder import AdapterConfig
from toolkit.errors import ToolkitError


def left_out(shape: AdapterConfig, n_layers: int) -> list[int]:
    """Return the layers, counted from 0, that hold no adapter.

    Raises:
        ToolkitError: none would hold one.

    Example:
        >>> left_out(AdapterConfig(leave_out_lower=0.25, leave_out_upper=0.25), 12)
        [0, 1, 2, 9, 10, 11]
        >>> len(left_out(AdapterConfig(leave_out_upper=0.25), 24)), left_out(AdapterConfig(leave_out_upper=1), 24)
        (6, [23])
    """
    lower, upper = (_number(share, n_layers) for share in (shape.leave_out_lower, shape.leave_out_upper))
    if lower + upper >= n_layers:
        raise ToolkitError(
            f"adapter.leave_out_lower {shape.leave_out_lower:g} and adapter.leave_out_upper {shape.leave_out_upper:g} leave none "
            f"of {n_layers} layers an adapter; lower one of them."
        )
    return [*range(lower), *range(n_layers - upper, n_layers)]


def _number(said: float, n_layers: int) -> int:
    """Return a number of layers that is given as such, or as a share below 1."""
    if said < 1:
        return round(said * n_layers)
    if said != int(said):
        raise ToolkitError(
            f"{said:g} layers without an adapter were asked for; expected a share below 1, or a whole number of layers."
        )
    return int(said)
