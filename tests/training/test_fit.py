from __future__ import annotations

import contextlib
import math
import os
import random
import signal
from dataclasses import replace
from functools import cache

import pytest
import torch

from toolkit.composition import parse
from toolkit.composition.stages import plan
from toolkit.errors import Interrupted, ToolkitError
from toolkit.features import features_of
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.tasks.rows import TagsRow
from toolkit.training import TaskData, Watch, fit, plan_run, saver
from toolkit.training.batches import plan_batches
from toolkit.training.checkpoint import FILE, load_checkpoint, save_checkpoint
from toolkit.training.seeding import derived_seed

PAIR = HeadSpec("pair", ("no", "yes"))
TAGS = HeadSpec("tags", ("A", "B", "C"))


@pytest.fixture(scope="module")
def tags(tiny):
    dice = random.Random(1)
    sentences = [[dice.choice("abc") * dice.randint(1, 4) for _ in range(dice.randint(2, 9))] for _ in range(32)]
    rows = [
        TagsRow(str(i), tuple(words), tuple("abc".index(word[0]) for word in words))
        for i, words in enumerate(sentences)
    ]
    return features_of(rows, "tags", tiny.tokenizer)


def stage_of(text):
    return plan(parse(text), holds=lambda entry: False)[-1]


def wired(tiny, text, spec=PAIR):
    stage = stage_of(text)
    heads = [part.name for part in stage.learn if part.kind == "head"]
    kinds = {name: TAGS if text.startswith("mix") and name == "b" else spec for name in heads}
    circuit = Circuit(tiny, stage.circuit, heads=kinds)
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():  # members that were trained before
        for part in circuit.parts:
            if part not in stage.learn:
                for parameter in circuit.parameters_of(part).values():
                    parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.1)
    return circuit, stage


def data_for(text, pairs, tags):
    if text.startswith("mix"):
        return [TaskData("a", pairs), TaskData("b", tags)]
    return [TaskData(text[-1], pairs)]


class Killed(Exception):
    pass


def kill():
    raise Killed


def press():
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def train(tiny, text, data, settings, *, stop_at=None, stop=kill, dev=None, **options):
    """Train one stage in a fresh circuit; `stop` is called in the middle of the step `stop_at`."""
    circuit, stage = wired(tiny, text)
    calls = 0

    def interrupt(module, args):
        nonlocal calls
        if module.training:
            calls += 1
            if stop_at is not None and calls == stop_at:
                stop()

    handles = [head.register_forward_pre_hook(interrupt) for head in circuit.heads.values()]
    with circuit:
        try:
            result = fit(circuit, stage.learn, data, train=settings, dev=dev and (lambda: dev(circuit)), **options)
        finally:
            for handle in handles:
                handle.remove()
        weights = {
            f"{part.kind} {part.name} {key}": torch.from_numpy(value)
            for part in stage.learn
            for key, value in circuit.tensors_of(part).items()
        }
    return weights, result


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def negative_norm(circuit):
    """A dev score that depends on the weights alone."""
    return -float(sum(parameter.detach().double().pow(2).sum() for parameter in circuit.heads.parameters()))


# -- resuming ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def uninterrupted(tiny, settings, pairs, tags, tmp_path_factory):
    """Per stage, the options of a run, its weights and its result."""

    @cache
    def run(text):
        options = {"settings": settings(eval_every=6), "dev": lambda circuit: len(str(torch.rand(3)))}
        folder = tmp_path_factory.mktemp("whole")
        return options, *train(tiny, text, data_for(text, pairs, tags), **options, checkpoint=folder)

    return run


# Each kind of stage; interrupted before the first checkpoint or after one, and in the first epoch or a later one.
@pytest.mark.parametrize(
    ("text", "stop_at"),
    [("a", 3), ("a", 10), ("fuse[a,b]/t", 10), ("mix[a,b]", 9)],
)
def test_a_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not(
    in_turn, tiny, uninterrupted, pairs, tags, tmp_path, text, stop_at
):
    data = data_for(text, pairs, tags)
    options, whole, result = uninterrupted(text)
    assert result.steps > 10
    with pytest.raises(Killed):
        train(tiny, text, data, **options, checkpoint=tmp_path / "cut", stop_at=stop_at)
    torch.rand(17)  # the generator of the next process stands elsewhere
    resumed, again = train(tiny, text, data, **options, checkpoint=tmp_path / "cut")
    assert again.resumed_at == max(step for step in (0, 4, 6, 8, 12) if step < stop_at)
    assert equal(resumed, whole)
    assert again.history == result.history
    assert (again.steps, again.examples, again.best_step) == (result.steps, result.examples, result.best_step)


@pytest.mark.parametrize("place", ["in a step", "in a dev score", "twice in a step"])
def test_a_run_stopped_by_ctrl_c_keeps_its_last_step_and_ends_with_the_bits_of_one_that_was_not(
    in_turn, tiny, uninterrupted, pairs, tags, tmp_path, place
):
    options, whole, result = uninterrupted("a")
    data, cut = data_for("a", pairs, tags), dict(options)
    if place == "in a dev score":
        scores = iter([lambda: None, press])
        cut["dev"] = lambda circuit: (torch.rand(1), next(scores)(), options["dev"](circuit))[-1]
        at = saved = result.history[1][0]
    else:
        is_twice = place == "twice in a step"
        cut |= {"stop_at": 8, "stop": (lambda: (press(), press())) if is_twice else press}
        # The second one waits for nothing, so that the last regular checkpoint stays.
        at, saved = (7, 6) if is_twice else (8, 8)
    with pytest.raises(Interrupted) as stopped:
        train(tiny, "a", data, **cut, checkpoint=tmp_path)
    assert str(stopped.value) == (
        f"train stopped at step {at} of {result.steps}; its checkpoint of step {saved} is in {tmp_path}"
    )
    said = []
    watch = Watch(say=said.append)
    resumed, again = train(tiny, "a", data, **options, checkpoint=tmp_path, watch=watch)
    assert said == [f"train continues from step {saved} of {result.steps}, the checkpoint in {tmp_path}."]
    assert equal(resumed, whole)
    assert (again.history, again.best_step, again.resumed_at) == (result.history, result.best_step, saved)


def test_ctrl_c_before_the_first_checkpoint_promises_nothing(tiny, settings, pairs):
    with pytest.raises(Interrupted, match=r"^train stopped at step 0 of \d+, before its first checkpoint$"):
        train(tiny, "a", [TaskData("a", pairs)], settings(), stop_at=1, stop=press)


def test_a_run_interrupted_three_times_ends_with_the_same_bits(tiny, settings, pairs, tmp_path):
    data = [TaskData("t", pairs)]
    whole, _ = train(tiny, "fuse[a,b]/t", data, settings())
    for stop_at in (6, 3, 6):
        with pytest.raises(Killed):
            train(tiny, "fuse[a,b]/t", data, settings(), checkpoint=tmp_path, stop_at=stop_at)
    resumed, _ = train(tiny, "fuse[a,b]/t", data, settings(), checkpoint=tmp_path)
    assert equal(resumed, whole)


def test_how_often_is_saved_changes_no_bit(tiny, settings, pairs, tmp_path):
    data = [TaskData("a", pairs)]
    one, _ = train(tiny, "a", data, settings(checkpoint_every=1), checkpoint=tmp_path / "1")
    other, _ = train(tiny, "a", data, settings(checkpoint_every=100))
    assert equal(one, other)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tiny, settings, pairs):
    data = [TaskData("a", pairs)]
    first, again, other = (train(tiny, "a", data, settings(seed=seed))[0] for seed in (1, 1, 2))
    assert equal(first, again)
    assert not equal(first, other)


def test_the_best_weights_survive_an_interruption(in_turn, tiny, settings, pairs, tmp_path):
    data = [TaskData("a", pairs)]
    options = {"settings": settings(eval_every=2), "dev": negative_norm}  # the first score is the best
    whole, result = train(tiny, "a", data, **options)
    assert result.best_step == 2
    with pytest.raises(Killed):
        train(tiny, "a", data, **options, checkpoint=tmp_path, stop_at=8)
    resumed, again = train(tiny, "a", data, **options, checkpoint=tmp_path)
    assert again.resumed_at == 6
    assert again.best_step == 2
    assert equal(resumed, whole)


@pytest.mark.parametrize("fault", ["weights", "shape", "state", "keys"])
def test_a_checkpoint_of_another_run_or_version_is_one_sentence_and_changes_nothing(
    in_turn, tiny, settings, pairs, tmp_path, fault
):
    data = [TaskData("a", pairs)]
    with pytest.raises(Killed):
        train(tiny, "a", data, settings(), checkpoint=tmp_path, stop_at=6)
    saved = load_checkpoint(tmp_path)
    name = next(iter(saved["weights"]))
    if fault == "weights":
        saved["weights"]["head:other/out.bias"] = saved["weights"].pop(name)
    elif fault == "shape":
        saved["weights"][name] = saved["weights"][name][:1]
    elif fault == "state":
        saved["state"]["more"] = 1
    else:
        del saved["schedule"]
    save_checkpoint(tmp_path, saved)
    with pytest.raises(ToolkitError, match=r"is of a run in which other parts learn, .*; remove it to start"):
        train(tiny, "a", data, settings(), checkpoint=tmp_path)
    assert (tmp_path / FILE).is_file()


def test_a_run_continues_from_a_checkpoint_as_release_0_1_0_laid_it_out(in_turn, tiny, settings, pairs, tmp_path):
    data, options = [TaskData("a", pairs)], {"settings": settings(eval_every=2), "dev": negative_norm}
    whole, result = train(tiny, "a", data, **options)
    with pytest.raises(Killed):
        train(tiny, "a", data, **options, checkpoint=tmp_path, stop_at=6)
    saved = load_checkpoint(tmp_path)
    assert sorted(saved) == ["best", "optimizer", "rng", "schedule", "state", "weights"]
    assert list(saved["state"]) == [
        "step", "examples", "seconds", "stale", "best_step", "best_score", "history", "losses",
    ]  # fmt: skip
    assert saved["weights"].keys() == saved["best"].keys()
    assert {name.split("/")[0] for name in saved["weights"]} == {"adapter:a", "head:a"}
    for path in tmp_path.iterdir():
        path.unlink()
    torch.save(saved, tmp_path / FILE)  # everything in one file
    resumed, again = train(tiny, "a", data, **options, checkpoint=tmp_path)
    assert again.resumed_at == 4 and again.best_step == result.best_step == 2
    assert equal(resumed, whole)


# -- learning --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a", "fuse[a,b]/t", "fuse[a,b]@t"])
def test_a_stage_learns_its_task(tiny, settings, tags, text):
    # A word's tag is its letter, which even a random encoder tells apart; chance is log 3 = 1.1.
    circuit, stage = wired(tiny, text, TAGS)
    with circuit:
        result = fit(circuit, stage.learn, [TaskData(text[-1], tags)], train=settings(total_steps=40, lr=2e-2))
    assert result.losses[0][1] > 0.3
    assert result.losses[-1][1] < 0.1


def test_the_backbone_and_the_frozen_members_are_bit_equal_after_training(tiny, settings, pairs):
    circuit, stage = wired(tiny, "fuse[a,b]/t")
    before = tiny.held_digest()
    frozen = {part: circuit.tensors_of(part) for part in stage.frozen}
    assert len(frozen) == 2
    with circuit:
        fit(circuit, stage.learn, [TaskData("t", pairs)], train=settings(weight_decay=0.1))
        for part, tensors in frozen.items():
            assert all((circuit.tensors_of(part)[key] == tensors[key]).all() for key in tensors)
        assert not any(parameter.requires_grad for parameter in circuit.parameters())
        assert not circuit.training
    assert tiny.held_digest() == before


def test_the_value_matrix_is_drawn_to_the_identity_at_every_step(tiny, settings, pairs):
    apart = {}
    for name, rate in (("free", 0.0), ("drawn", 2e-2)):
        circuit, stage = wired(tiny, "fuse[a,b]@t")
        fusion = next(part for part in stage.learn if part.kind == "fusion")
        values = [p for key, p in circuit.parameters_of(fusion).items() if key.endswith("value.weight")]
        with circuit:
            with torch.no_grad():
                for value in values:
                    value.mul_(3.0)
            fit(circuit, stage.learn, [TaskData("t", pairs)], train=settings(fusion_lr=rate, epochs=2.0, grad_clip=0.0))
            apart[name] = sum(float((value - torch.eye(32)).pow(2).sum()) for value in values)
    assert apart["drawn"] < 0.95 * apart["free"]


def test_the_loss_that_is_reported_is_the_mean_over_the_rows_of_the_batch(tiny, settings, pairs):
    batch_size = 8
    planned = plan_batches([pairs], batch_size=batch_size, seed=derived_seed(3, "order") % 2**32, epochs=1.0)
    _, items = planned.batches[0]
    batch = {key: torch.from_numpy(value) for key, value in pairs.collate(items).items()}
    with Circuit(tiny, parse("a"), heads={"a": replace(PAIR, dropout=0.0)}) as circuit:
        with torch.inference_mode():
            expected = torch.nn.functional.cross_entropy(circuit(batch), batch["labels"]).item()
        one_step = settings(total_steps=1, backbone_dropout=0.0, batch_size=batch_size)
        result = fit(circuit, stage_of("a").learn, [TaskData("a", pairs)], train=one_step)
    assert result.losses == ((1, pytest.approx(expected, rel=1e-5)),)


def test_gradients_are_clipped_to_the_norm_that_is_set(tiny, settings, pairs, monkeypatch):
    norms = []
    clip = torch.nn.utils.clip_grad_norm_

    def spy(parameters, largest, *args, **kwargs):
        before = clip(parameters, largest, *args, **kwargs)
        norms.append((float(before), float(torch.stack([p.grad.norm() for p in parameters]).norm())))
        return before

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", spy)
    train(tiny, "a", [TaskData("a", pairs)], settings(total_steps=4, grad_clip=0.01))
    assert len(norms) == 4
    for before, after in norms:
        assert after == pytest.approx(min(before, 0.01), rel=1e-3)
    assert max(before for before, _ in norms) > 0.01


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_the_generators_of_the_caller_are_left_as_they_were(tiny, settings, pairs, is_interrupted):
    torch.manual_seed(5)
    random.seed(5)
    before, drawn = torch.get_rng_state(), random.getstate()
    with pytest.raises(Killed) if is_interrupted else contextlib.nullcontext():
        train(tiny, "a", [TaskData("a", pairs)], settings(total_steps=3), stop_at=2 if is_interrupted else None)
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == drawn


# -- choosing ------------------------------------------------------------------------------------------------------------


def scripted(scores):
    """A dev score that is read from a list, and the weights that stood at each."""
    given, held = iter(scores), []

    def dev(circuit):
        held.append({name: p.detach().clone() for name, p in circuit.heads.named_parameters()})
        return next(given)

    return dev, held


@pytest.mark.parametrize(("scores", "best"), [([0.1, 0.9, 0.5], 1), ([0.9, 0.9, 0.5], 0), ([0.1, 0.2, 0.3], 2)])
def test_the_best_weights_are_kept_and_of_equal_ones_the_earliest(tiny, settings, pairs, scores, best):
    dev, held = scripted(scores)
    weights, result = train(tiny, "a", [TaskData("a", pairs)], settings(total_steps=9, eval_every=3), dev=dev)
    assert [step for step, _ in result.history] == [3, 6, 9]
    assert [score for _, score in result.history] == scores
    assert (result.best_step, result.best_score) == (3 * (best + 1), scores[best])
    kept = {key.removeprefix("head a "): value for key, value in weights.items() if key.startswith("head")}
    assert kept
    for key, value in kept.items():
        assert torch.equal(value, held[best][f"part:a.{key}"])


def test_without_a_dev_score_the_last_weights_stay(tiny, settings, pairs):
    _, result = train(tiny, "a", [TaskData("a", pairs)], settings(total_steps=5))
    assert (result.best_step, result.best_score, result.history) == (None, None, ())
    assert result.steps == 5


def test_patience_counts_scores_without_gain_and_then_stops(tiny, settings, pairs):
    dev, _ = scripted([0.5, 0.4, 0.6, 0.6, 0.1, 0.9])
    _, result = train(tiny, "a", [TaskData("a", pairs)], settings(total_steps=12, eval_every=2, patience=2), dev=dev)
    assert [score for _, score in result.history] == [0.5, 0.4, 0.6, 0.6, 0.1]
    assert result.steps == 10
    assert result.best_step == 6


def test_a_score_is_made_once_an_epoch_and_at_the_end_unless_said_otherwise(tiny, settings, pairs):
    dev, _ = scripted([0.1] * 10)
    _, result = train(tiny, "a", [TaskData("a", pairs)], settings(epochs=2.5), dev=dev)
    per_epoch = result.steps / 2.5
    assert len(result.history) == 3
    assert [step for step, _ in result.history] == pytest.approx([per_epoch, 2 * per_epoch, result.steps], abs=1)


@pytest.mark.parametrize(("epochs", "patience"), [(2.5, 0), (3.0, 1), (0.5, 0)])
def test_total_steps_score_choose_and_stop_as_the_epochs_that_come_to_as_many(tiny, settings, pairs, epochs, patience):
    data, scores = [TaskData("a", pairs)], [0.3, 0.2, 0.1]
    total = len(plan_run(data, settings(epochs=epochs)).batches)
    by_epochs, by_steps = (
        train(tiny, "a", data, settings(**asked, patience=patience), dev=scripted(scores)[0])
        for asked in ({"epochs": epochs}, {"total_steps": total})
    )
    assert len(by_epochs[1].history) == (2 if patience else math.ceil(epochs))
    assert by_steps[1].history == by_epochs[1].history
    assert by_steps[1].best_step == by_epochs[1].best_step == by_epochs[1].history[0][0]
    assert equal(by_steps[0], by_epochs[0])


def test_dev_scores_are_made_in_evaluation_mode_and_do_not_disturb_training(tiny, settings, pairs):
    modes = []

    def dev(circuit):
        modes.append((circuit.training, circuit.encoder.training))
        return 0.0

    data, changes = [TaskData("a", pairs)], {"total_steps": 6, "eval_every": 1}
    train(tiny, "a", data, settings(**changes), dev=dev)
    assert modes == [(False, False)] * 6
    # The best of equal scores is the first, so the last weights are compared through a rising score.
    rising = iter(range(100))
    scored, _ = train(tiny, "a", data, settings(**changes), dev=lambda circuit: float(next(rising)))
    plain, _ = train(tiny, "a", data, settings(total_steps=6))
    assert equal(scored, plain)


def test_scores_are_handed_out_as_they_are_made(tiny, settings, pairs):
    dev, _ = scripted([0.1, 0.3])
    heard = []
    train(
        tiny,
        "a",
        [TaskData("a", pairs)],
        settings(total_steps=4, eval_every=2),
        dev=dev,
        watch=Watch(on_score=lambda *x: heard.append(x)),
    )
    assert heard == [(2, 0.1), (4, 0.3)]


# -- reports and faults ------------------------------------------------------------------------------------------------------


def test_the_last_report_says_that_all_steps_are_done(tiny, settings, pairs):
    reports = []
    _, result = train(
        tiny, "a", [TaskData("a", pairs)], settings(total_steps=5), watch=Watch("train a", reports.append)
    )
    assert (reports[-1].what, reports[-1].done, reports[-1].total) == ("train a", 5, 5)
    assert reports[-1].figures.keys() == {"loss", "examples/s"}
    assert result.examples_per_s > 0
    assert result.peak_memory_bytes > 10_000_000


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(
    in_turn, tiny, settings, pairs, tmp_path, value
):
    circuit, stage = wired(tiny, "a")

    def spoil(module, args, out):
        return out * value if module.training and (tmp_path / FILE).is_file() else out

    handle = circuit.heads["part:a"].register_forward_hook(spoil)
    with (
        circuit,
        pytest.raises(ToolkitError, match=r"The loss of 'a' is (nan|inf) at step 4; lower --set train.lr \(now 0.01\)"),
    ):
        fit(circuit, stage.learn, [TaskData("a", pairs)], train=settings(), checkpoint=tmp_path)
    handle.remove()
    saved = load_checkpoint(tmp_path)
    assert saved["state"]["step"] == 4
    assert all(torch.isfinite(weight).all() for weight in saved["weights"].values())


def test_settings_that_are_still_auto_are_a_bug(tiny, settings, pairs):
    with pytest.raises(AssertionError, match="resolved before training"):
        train(tiny, "a", [TaskData("a", pairs)], settings(lr="auto"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_size": 8}, "--set train.batch_size=4 --set train.accumulate=2 takes the same steps in less memory, and --set train.recompute=true keeps"),
        ({"batch_size": 6, "accumulate": 3, "recompute": True}, "--set train.batch_size=3 --set train.accumulate=6 takes"),
        ({"batch_size": 1}, "'a'; --set train.recompute=true keeps about a fifth of it a token; a checkpoint"),
        ({"batch_size": 1, "recompute": True}, "lower --set train.max_length, or take a smaller --backbone"),
    ],
)  # fmt: skip
def test_a_step_that_does_not_fit_into_memory_names_what_takes_less(tiny, settings, pairs, changes, said):
    def full():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with pytest.raises(ToolkitError, match="does not hold step 2 of 'a'; ") as caught:
        train(
            tiny, "a", [TaskData("a", pairs)], settings(**changes), stop_at=changes.get("accumulate", 1) + 1, stop=full
        )
    assert said in str(caught.value)


def test_recomputation_changes_no_bit(tiny, settings, pairs):
    data = [TaskData("t", pairs)]
    one, other = (train(tiny, "fuse[a,b]/t", data, settings(recompute=way))[0] for way in (False, True))
    assert equal(one, other)


@pytest.mark.parametrize(("seconds", "saves"), [(1e-9, 5), (0, 0)])
def test_slow_steps_are_saved_by_the_clock_unless_it_is_off(
    in_turn, tiny, settings, pairs, tmp_path, monkeypatch, seconds, saves
):
    monkeypatch.setattr(saver, "CLOCK_RATIO", 0)
    monkeypatch.setattr(saver, "save_checkpoint", lambda folder, state, **_: saved.append(state))
    saved = []
    train(
        tiny,
        "a",
        [TaskData("a", pairs)],
        settings(total_steps=6, checkpoint_every=100, checkpoint_s=seconds),
        checkpoint=tmp_path,
    )
    assert len(saved) == saves
