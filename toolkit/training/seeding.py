"""Seeds: everything random in a run follows from one number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def derived_seed(seed: int, purpose: str) -> int:
    """Return a seed of its own for a `purpose` (`order`, `dropout`, ...), 63 bits.

    Example:
        >>> derived_seed(0, "order") != derived_seed(0, "dropout")
        True
    """
    return int.from_bytes(hashlib.sha256(f"{seed}:{purpose}".encode()).digest()[:8], "little") >> 1


@contextmanager
def own_generators() -> Iterator[None]:
    """Put torch's generators back at the end of the block: whatever it seeds and draws, the caller's draws stay the same."""
    before = rng_state()
    try:
        yield
    finally:
        restore_rng(before)


def rng_state() -> dict[str, torch.Tensor | list[torch.Tensor]]:
    """Return the state of every generator that a training step draws from."""
    state: dict[str, torch.Tensor | list[torch.Tensor]] = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_rng(state: dict[str, Any]) -> None:
    """Put the generators back to a `rng_state`."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        held, here = state["cuda"], torch.cuda.device_count()
        # Of other devices than those here, as where another number of processes continues: all draw what the first drew.
        torch.cuda.set_rng_state_all(held if len(held) == here else [held[0]] * here)
