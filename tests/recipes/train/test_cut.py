"""`train.batch_size=auto`: shares of a step's batch that fit into memory, which change no weights."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import toolkit
from tests.recipes.small import tiny_config
from tests.several import Several
from tests.training.test_split import circuit_of
from toolkit.composition import parse
from toolkit.composition.stages import plan
from toolkit.config import TrainConfig
from toolkit.errors import ToolkitError
from toolkit.features import features_of
from toolkit.modeling.backbone import load_backbone
from toolkit.ranks import Ranks
from toolkit.recipes.train import cut
from toolkit.recipes.train.auto import in_shares, with_shares
from toolkit.recipes.train.cut import Batches, first_that_fits, fits, found_shares
from toolkit.recipes.train.settings import learning_settings, whole_settings
from toolkit.tasks.rows import PairRow
from toolkit.training import TaskData
from toolkit.zoo import Zoo

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tiny():
    return load_backbone("tiny", precision="fp32", device=CPU)


@pytest.fixture(scope="module")
def pairs(tiny):
    rows = [PairRow(str(i), "abc " * (1 + i % 7), "b", i % 2) for i in range(48)]
    return features_of(rows, "pair", tiny.tokenizer)


def settings(**changes):
    given = {"lr": 1e-2, "fusion_lr": 1e-2, "epochs": 1.0, "batch_size": "auto", "effective_batch": 16}
    return TrainConfig(**given | changes)


@pytest.mark.parametrize(
    ("given", "processes", "shares"),
    [
        ({"batch_size": 8}, 1, 1),
        ({"batch_size": 8, "accumulate": 3}, 2, 3),
        ({"batch_size": 8, "effective_batch": 32}, 1, 4),
        ({"batch_size": 8, "effective_batch": 32, "accumulate": 4}, 1, 4),
        ({"batch_size": 8, "effective_batch": 33}, 2, 3),
        ({"batch_size": 64, "effective_batch": 33}, 1, 1),
    ],
)
def test_the_shares_of_a_step_follow_from_its_rows(given, processes, shares):
    assert in_shares(TrainConfig(**given), processes=processes).accumulate == shares


def test_settings_that_contradict_each_other_are_one_sentence():
    with pytest.raises(
        ToolkitError, match=r"train.batch_size=auto finds train.accumulate itself, and was given 2; leave it out"
    ):
        in_shares(TrainConfig(batch_size="auto", accumulate=2))
    with pytest.raises(ToolkitError, match=r"takes 4 shares of train.batch_size=8, and train.accumulate is 2; leave"):
        in_shares(TrainConfig(batch_size=8, effective_batch=32, accumulate=2))


def test_the_key_of_a_stage_has_the_rows_of_a_step_however_they_are_said_or_cut(tmp_path):
    stage = plan(parse("micro-nli"), holds=lambda entry: False)[-1]

    def key(*sets, processes=1):
        config = tiny_config(tmp_path, *sets)
        return learning_settings(stage, config, ["pair"], processes=processes)

    whole = key("train.batch_size=32")
    same = [
        key("train.batch_size=auto"),
        key("train.batch_size=auto", "train.effective_batch=32", processes=4),
        key("train.batch_size=4", "train.effective_batch=32", processes=2),
        key("train.batch_size=8", "train.accumulate=2", processes=2),
    ]
    assert all(one == whole for one in same)
    assert key("train.batch_size=auto", "train.effective_batch=48") != whole
    found = with_shares(in_shares(TrainConfig(batch_size="auto")), 4)
    assert whole_settings(found) == whole_settings(TrainConfig())
    assert (found.batch_size, found.accumulate, found.rows_of_step(1)) == (8, 4, 32)


def test_shares_double_until_one_is_enough_or_a_share_is_one_row(pairs):
    batches = Batches.of([TaskData("a", pairs)], settings(), processes=2)
    cuts = list(batches.cuts())
    assert cuts == [2**i for i in range(len(cuts))] and cuts[-1] * 2 >= batches.items.max()
    tokens = [int(batches.tokens(n).max()) for n in cuts]
    assert tokens == sorted(tokens, reverse=True) and tokens[-1] == pairs.lengths.max()
    assert first_that_fits(iter([1, 2, 4]), lambda n: n >= 2) == 2
    assert first_that_fits(iter([1, 2, 4]), lambda n: False) == 4


def test_on_a_cpu_fewer_tokens_at_a_time_fit_into_less_memory(tiny, pairs, monkeypatch):
    circuit, stage, head = circuit_of(tiny, "a", "pair")
    with circuit:
        found = []
        for free in (2**40, 64_000_000, 0):  # of the second, products take 50 MB by themselves
            monkeypatch.setattr(cut, "free_memory", lambda free=free: free)
            found.append(found_shares(circuit, stage.learn, [TaskData(head, pairs)], settings(), Ranks()))
        most = list(Batches.of([TaskData(head, pairs)], settings(), processes=1).cuts())[-1]
        assert found[0] == 1 < found[1] < found[2] == most


class Small:
    """A device whose memory holds passes over so many tokens with gradients; then it says so as CUDA does."""

    def __init__(self, circuit, tokens):
        self.circuit, self.tokens, self.tried = circuit, tokens, []
        self.hook = circuit.encoder.register_forward_pre_hook(self.look, with_kwargs=True)

    def look(self, module, args, kwargs):
        size = kwargs["input_ids"].numel()
        self.tried.append(size)
        if size > self.tokens:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_on_a_gpu_the_largest_share_is_tried_and_halved_and_leaves_nothing_behind(tiny, pairs, monkeypatch):
    circuit, stage, head = circuit_of(tiny, "a", "pair")
    data = [TaskData(head, pairs)]
    with circuit:
        before, weights = torch.get_rng_state(), [circuit.tensors_of(part) for part in stage.learn]
        batches = Batches.of(data, settings(), processes=1)
        most = int(batches.tokens(4).max())
        small = Small(circuit, most)
        tried = []

        def enough(n):
            tried.append(n)
            return fits(circuit, stage.learn, data, settings(), n, int(batches.tokens(n).argmax()))

        assert first_that_fits(batches.cuts(), enough) == 4
        assert tried == [1, 2, 4] and max(small.tried[-4:]) == most
        assert torch.equal(torch.get_rng_state(), before)
        assert all(parameter.grad is None for parameter in circuit.parameters()) and not circuit.training
        for part, held in zip(stage.learn, weights, strict=True):
            for name, tensor in circuit.tensors_of(part).items():
                np.testing.assert_array_equal(tensor, held[name])
        small.hook.remove()
        fault = circuit.encoder.register_forward_pre_hook(lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fits(circuit, stage.learn, data, settings(), 4, 0)
        fault.remove()


def test_all_processes_take_the_shares_of_the_smallest(monkeypatch):
    from toolkit.recipes.train import others

    monkeypatch.setattr(others, "found_shares", lambda *_: 2)
    ranks = SimpleNamespace(broadcast=lambda message: None, gather=lambda own: [own, 8, 1])
    assert others.shares_of_all([], [], settings(), SimpleNamespace(ranks=ranks)) == 8


@pytest.mark.journey
def test_what_was_found_is_said_and_on_the_card_and_learns_what_the_whole_batch_learns(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(cut, "free_memory", lambda: 3_000_000)
    said: list[str] = []
    toolkit.train("micro-nli", tiny_config(tmp_path / "auto", "train.batch_size=auto"), say=said.append)
    toolkit.train("micro-nli", tiny_config(tmp_path / "whole", "train.batch_size=32"))
    (ours,), (theirs,) = (Zoo(tmp_path / name / "zoo").list("tiny") for name in ("auto", "whole"))
    recipe = ours.recipe["train"]
    assert recipe["effective_batch"] == 32 and recipe["accumulate"] > 1
    assert recipe["batch_size"] == -(-32 // recipe["accumulate"])
    line = next(line for line in said if line.startswith("train.batch_size=auto: "))
    assert f"{recipe['batch_size']} rows of mean length at a time" in line
    assert f"a step of 32 is taken in {recipe['accumulate']} shares" in line
    for file in ours.files:
        found, expected = (Zoo(tmp_path / n / "zoo").tensors(c, file) for n, c in (("auto", ours), ("whole", theirs)))
        for name, tensor in expected.items():
            np.testing.assert_allclose(found[name], tensor, atol=1e-5)
    # Held, and asked for again with numbers: the same recipe.
    plan_text = toolkit.plan("micro-nli", tiny_config(tmp_path / "auto", "train.batch_size=32")).text
    assert "differs" not in plan_text and "batch 32" in plan_text


@pytest.mark.journey
def test_two_processes_agree(tmp_path: Path) -> None:
    words = [
        "train", "micro-nli", "--backbone", "tiny", "--precision", "fp32", "--zoo", tmp_path / "zoo",
        *(part for one in ("train.batch_size=auto", "train.effective_batch=16", "train.limit=32", "train.epochs=1",
                           f"run_dir={tmp_path / 'runs'}", "train.eval_limit=8", "tracking.enabled=no")
          for part in ("--set", one)),
    ]  # fmt: skip
    main, other = Several(words).ended()
    assert (main[0], other[0]) == (0, 0), main[2] + other[2]
    assert "a step of 16 is taken in one share in each of 2 processes" in main[2]
    (card,) = Zoo(tmp_path / "zoo").list("tiny")
    assert card.recipe["train"]["batch_size"] == 8 and card.recipe["train"]["effective_batch"] == 16
