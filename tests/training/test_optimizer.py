from __future__ import annotations

import pytest
import torch
from torch import nn

from toolkit.training.optimizer import build_optimizer, linear_schedule

CPU = torch.device("cpu")


def parameters():
    return {
        "adapter:a/layer.0.adapter_down.0.weight": nn.Parameter(torch.ones(2, 3)),
        "adapter:a/layer.0.adapter_down.0.bias": nn.Parameter(torch.ones(2)),
        "fusion:f/layer.0.value.weight": nn.Parameter(torch.ones(3, 3)),
        "fusion:f/layer.0.query.bias": nn.Parameter(torch.ones(3)),
        "head:t/out.weight": nn.Parameter(torch.ones(4, 3)),
        "head:t/out.bias": nn.Parameter(torch.ones(4)),
    }


def rates(learn, optimizer):
    names = {id(parameter): name for name, parameter in learn.items()}
    return {
        names[id(p)]: (group["lr"], group["weight_decay"]) for group in optimizer.param_groups for p in group["params"]
    }


def build(learn, weight_decay=0.1):
    return build_optimizer(learn, lr=1e-3, fusion_lr=1e-4, weight_decay=weight_decay, device=CPU)


def test_fusions_learn_at_their_own_rate_and_only_matrices_outside_them_decay():
    learn = parameters()
    assert rates(learn, build(learn)) == {
        "adapter:a/layer.0.adapter_down.0.weight": (1e-3, 0.1),
        "adapter:a/layer.0.adapter_down.0.bias": (1e-3, 0.0),
        "fusion:f/layer.0.value.weight": (1e-4, 0.0),
        "fusion:f/layer.0.query.bias": (1e-4, 0.0),
        "head:t/out.weight": (1e-3, 0.1),
        "head:t/out.bias": (1e-3, 0.0),
    }


def test_every_parameter_is_in_exactly_one_group():
    learn = parameters()
    held = [id(p) for group in build(learn).param_groups for p in group["params"]]
    assert sorted(held) == sorted(map(id, learn.values()))


def test_an_adapter_whose_task_is_called_fusion_learns_like_an_adapter():
    learn = {
        "adapter:fusion/x.weight": nn.Parameter(torch.ones(2, 2)),
        "head:fusion-x/out.bias": nn.Parameter(torch.ones(2)),
    }
    assert {rate for rate, _ in rates(learn, build(learn)).values()} == {1e-3}


def test_a_step_is_adamws():
    learn = parameters()
    own = {name: nn.Parameter(p.detach().clone()) for name, p in learn.items()}
    optimizer = build(learn)
    plain = torch.optim.AdamW(
        [
            {"params": [own[name]], "lr": lr, "weight_decay": decay}
            for name, (lr, decay) in rates(learn, optimizer).items()
        ]
    )
    for seed in range(3):
        rng = torch.Generator().manual_seed(seed)
        for name, parameter in learn.items():
            parameter.grad = torch.randn(parameter.shape, generator=rng)
            own[name].grad = parameter.grad.clone()
        optimizer.step()
        plain.step()
    for name, parameter in learn.items():
        assert torch.allclose(parameter, own[name], atol=1e-7)


def factors(total, warmup):
    learn = parameters()
    optimizer = build(learn)
    schedule = linear_schedule(optimizer, total_steps=total, warmup_ratio=warmup)
    out = []
    for _ in range(total):
        out.append(optimizer.param_groups[0]["lr"] / 1e-3)
        optimizer.step()
        schedule.step()
    return out, optimizer.param_groups[0]["lr"] / 1e-3


def test_the_rate_rises_over_the_warm_up_and_falls_to_zero_after_the_last_step():
    found, after = factors(10, 0.2)
    assert found == pytest.approx([0.5, 1.0, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert after == 0.0


def test_without_warm_up_the_first_step_has_the_whole_rate():
    found, after = factors(4, 0.0)
    assert found == pytest.approx([1.0, 0.75, 0.5, 0.25])
    assert after == 0.0


@pytest.mark.parametrize("total", [1, 2, 3, 7])
@pytest.mark.parametrize("warmup", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_no_step_of_a_short_run_is_without_a_rate(total, warmup):
    found, _ = factors(total, warmup)
    assert all(0 < factor <= 1 for factor in found)
    assert max(found) == 1.0


def test_all_groups_follow_one_schedule():
    optimizer = build(parameters())
    schedule = linear_schedule(optimizer, total_steps=10, warmup_ratio=0.1)
    for _ in range(4):
        optimizer.step()
        schedule.step()
    shares = {group["lr"] / group["initial_lr"] for group in optimizer.param_groups}
    assert len(shares) == 1
