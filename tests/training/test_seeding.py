from __future__ import annotations

import torch

from toolkit.training.seeding import derived_seed, restore_rng, rng_state


def test_seeds_differ_by_purpose_and_by_run_and_repeat():
    seeds = {derived_seed(run, purpose) for run in range(50) for purpose in ("order", "dropout 0", "dropout 1")}
    assert len(seeds) == 150
    assert derived_seed(3, "order") == derived_seed(3, "order")
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_restored_generator_draws_the_same_numbers():
    state = rng_state()
    first = torch.rand(5)
    torch.rand(100)
    restore_rng(state)
    assert torch.equal(torch.rand(5), first)
