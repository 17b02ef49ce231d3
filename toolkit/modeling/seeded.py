"""Weights that are drawn under a seed of their own, whatever the caller has drawn, and that leave its generators as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, name: str = "") -> Iterator[None]:
    """Run a block under its own seed, made from the run's seed and the name of what is initialised.

    Args:
        seed: of the run; without a name it is taken as it is.
        name: for example `head mnli`.
    """
    if name:
        digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
        seed = int.from_bytes(digest[:8], "little") >> 1
    # torch.manual_seed seeds the GPUs' generators as well, or has them seeded when they are first used.
    has_gpus = torch.cuda.is_initialized()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if has_gpus else ()):
        (torch.manual_seed if has_gpus else torch.default_generator.manual_seed)(seed)
        yield
