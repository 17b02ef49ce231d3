from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
import torch

from tests.training.test_fit import Killed, equal, kill, negative_norm, press, train
from tests.waiting import LIMIT_S
from toolkit.errors import Interrupted, ToolkitError
from toolkit.training import TaskData, Watch, saver
from toolkit.training.checkpoint import FILE, load_checkpoint, save_checkpoint
from toolkit.training.saver import CLOCK_RATIO, Saver


class Slow:
    """A disk that writes a checkpoint when it is let; `asked` has the steps that it was asked to write, `written` the others."""

    def __init__(self, monkeypatch):
        self.asked, self.written, self.may = [], [], threading.Event()
        monkeypatch.setattr(saver, "save_checkpoint", self.save)

    def save(self, folder, state, **options):
        self.asked.append(state["state"]["step"])
        assert self.may.wait(LIMIT_S)
        name = save_checkpoint(folder, state, **options)
        self.written.append(state["state"]["step"])
        return name


@pytest.fixture
def slow(monkeypatch):
    return Slow(monkeypatch)


def test_training_continues_while_a_checkpoint_is_written_and_what_is_due_meanwhile_waits(
    tiny, settings, pairs, tmp_path, slow
):
    data, options = (
        [TaskData("a", pairs)],
        {"settings": settings(eval_every=2, checkpoint_every=2), "dev": negative_norm},
    )
    whole, result = train(tiny, "a", data, **options)
    # Steps 2 (asked), 4 and 6 are due; the disk writes in step 8, so that the next is of step 8 or later.
    with pytest.raises(Killed):
        train(tiny, "a", data, **options, checkpoint=tmp_path, stop_at=8, stop=lambda: (slow.may.set(), kill()))
    assert slow.asked[0] == 2 and slow.written == [2] == slow.asked
    saved = load_checkpoint(tmp_path)
    assert saved["state"]["step"] == 2 and saved["state"]["history"] == [list(result.history[0])]
    resumed, again = train(tiny, "a", data, **options, checkpoint=tmp_path)
    assert again.resumed_at == 2 and again.history == result.history
    assert equal(resumed, whole)


@pytest.mark.parametrize("free", [0, None], ids=["no room for a copy", "a copy"])
def test_the_weights_change_when_they_are_copied_or_written(tiny, settings, pairs, tmp_path, monkeypatch, free):
    monkeypatch.setattr(saver, "free_memory", lambda: free)
    data, options = (
        [TaskData("a", pairs)],
        {"settings": settings(eval_every=2, checkpoint_every=1), "dev": negative_norm},
    )
    whole, _ = train(tiny, "a", data, **options)
    said = []
    for stop_at in (7, 5):
        with pytest.raises(Killed):
            train(tiny, "a", data, **options, checkpoint=tmp_path, stop_at=stop_at, watch=Watch(say=said.append))
    resumed, again = train(tiny, "a", data, **options, checkpoint=tmp_path)
    assert again.resumed_at > 1 and equal(resumed, whole)
    about = [one for one in said if "is not copied before it is written" in one]
    assert len(about) == (0 if free is None else 2)  # once in each run


def test_without_room_for_a_copy_an_update_waits_until_the_tensors_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(saver, "free_memory", lambda: 100)
    order, writing = [], threading.Event()

    def save(folder, state, *, best_file, when_read):
        assert state["weights"]["w"] is weight
        assert writing.wait(LIMIT_S)
        order.append("written")
        when_read()

    monkeypatch.setattr(saver, "save_checkpoint", save)
    weight = torch.zeros(100)
    found = Saver(tmp_path)
    found.start({"weights": {"w": weight}, "optimizer": {}, "best": None, "state": {"step": 1, "best_step": None}})
    threading.Timer(0.01, writing.set).start()
    found.release()
    order.append("updated")
    found.wait()
    assert order == ["written", "updated"] and found.saved_step == 1


def test_what_the_passes_of_a_step_will_take_again_is_not_free(tmp_path, monkeypatch):
    freed, said = iter([60, 10_000]), []
    monkeypatch.setattr(saver, "free_memory", lambda: 108)
    monkeypatch.setattr(saver, "freed_since_peak", lambda: next(freed))
    found = Saver(tmp_path)
    found.say = said.append
    for step in (1, 2):  # 24 bytes, half of what is left; the second peak has the copy in it, and is not asked for
        found.start(content(step))
        found.wait()
    assert said == []
    monkeypatch.setattr(saver, "free_memory", lambda: 107)
    found.start(content(3))
    found.wait()
    assert len(said) == 1 and "24 bytes of 47 bytes free memory" in said[0]


def test_where_memory_is_used_up_while_it_is_copied_the_tensors_themselves_are_written(tmp_path, monkeypatch):
    def full(value, *, of_tensors):
        if of_tensors:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return copied(value, of_tensors=of_tensors)

    copied = saver._copied
    monkeypatch.setattr(saver, "_copied", full)
    found = Saver(tmp_path)
    found.start(content(3))
    found.wait()
    assert load_checkpoint(tmp_path)["state"]["step"] == 3


def content(step, *, best=None, best_step=None):
    return {
        "weights": {"w": torch.full((5,), float(step))},
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}},
        "best": best,
        "state": {"step": step, "best_step": best_step, "history": [[1, 0.5]]},
    }


def test_what_is_not_a_tensor_is_copied_before_training_continues(tmp_path, slow):
    found, given = Saver(tmp_path), content(1)
    found.start(given)
    given["state"]["history"].append([2, 0.7])
    given["state"]["step"] = 2
    slow.may.set()
    found.wait()
    assert load_checkpoint(tmp_path)["state"] == {"step": 1, "best_step": None, "history": [[1, 0.5]]}


# -- faults ----------------------------------------------------------------------------------------------------------------


def full(folder, state, **options):
    raise ToolkitError(f"The checkpoint in {folder} could not be written (No space left on device); free space.")


def test_a_checkpoint_that_cannot_be_written_ends_the_run_at_its_next_step(
    in_turn, tiny, settings, pairs, tmp_path, monkeypatch
):
    monkeypatch.setattr(saver, "save_checkpoint", full)
    steps = []
    with pytest.raises(ToolkitError, match=r"could not be written \(No space left"):
        train(
            tiny, "a", [TaskData("a", pairs)], settings(), checkpoint=tmp_path,
            stop_at=6, stop=lambda: steps.append("the step after the next"),
        )  # fmt: skip
    assert steps == []


def test_a_last_checkpoint_that_cannot_be_written_ends_the_run_at_its_end(
    tiny, settings, pairs, tmp_path, monkeypatch, slow
):
    monkeypatch.setattr(saver, "save_checkpoint", lambda *args, **options: (slow.may.wait(LIMIT_S), full(*args)))
    last = 12
    with pytest.raises(ToolkitError, match=r"could not be written \(No space left"):
        train(
            tiny, "a", [TaskData("a", pairs)], settings(total_steps=last), checkpoint=tmp_path,
            stop_at=last, stop=slow.may.set,
        )  # fmt: skip


def test_a_fault_of_ours_while_a_checkpoint_is_written_keeps_its_traceback(
    in_turn, tiny, settings, pairs, tmp_path, monkeypatch
):
    def broken(folder, state, **options):
        return state["nothing"]

    monkeypatch.setattr(saver, "save_checkpoint", broken)
    with pytest.raises(KeyError, match="nothing"):
        train(tiny, "a", [TaskData("a", pairs)], settings(), checkpoint=tmp_path)


def test_of_a_fault_in_training_and_one_in_writing_the_first_is_said(tiny, settings, pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(saver, "save_checkpoint", lambda *args, **options: full(*args))
    with pytest.raises(Killed):
        train(tiny, "a", [TaskData("a", pairs)], settings(), checkpoint=tmp_path, stop_at=5)


# -- stops -----------------------------------------------------------------------------------------------------------------


def test_a_stop_waits_for_the_checkpoint_that_is_being_written_and_then_saves_its_own_step(
    tiny, settings, pairs, tmp_path, slow
):
    data = [TaskData("a", pairs)]
    whole, result = train(tiny, "a", data, settings())
    with pytest.raises(Interrupted, match=f"stopped at step 7 of {result.steps}; its checkpoint of step 7 is in"):
        train(tiny, "a", data, settings(), checkpoint=tmp_path, stop_at=7, stop=lambda: (press(), slow.may.set()))
    assert slow.written == [4, 7]
    resumed, again = train(tiny, "a", data, settings(), checkpoint=tmp_path)
    assert again.resumed_at == 7 and equal(resumed, whole)


def test_a_second_ctrl_c_leaves_the_last_checkpoint_that_is_whole(tiny, settings, pairs, tmp_path, slow):
    with pytest.raises(Interrupted, match="stopped at step 6 of .* its checkpoint of step 4 is in"):
        train(
            tiny, "a", [TaskData("a", pairs)], settings(), checkpoint=tmp_path,
            stop_at=7, stop=lambda: (slow.may.set(), press(), press()),
        )  # fmt: skip
    assert load_checkpoint(tmp_path)["state"]["step"] == 4


# -- the clock -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "took", "passed", "is_over"),
    [(60, 0, 61, True), (60, 0, 59, False), (60, 7, 69, False), (60, 7, 71, True), (0, 0, 1e6, False), (0, 7, 1e6, False)],
)  # fmt: skip
def test_the_clock_waits_ten_times_as_long_as_a_checkpoint_takes(tmp_path, monkeypatch, seconds, took, passed, is_over):
    assert CLOCK_RATIO == 10
    now = [1000.0]
    monkeypatch.setattr(saver, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    found = Saver(tmp_path)

    def save(folder, state, **options):
        now[0] += took

    monkeypatch.setattr(saver, "save_checkpoint", save)
    found.start(content(1))
    found.wait()
    now[0] += passed
    assert found.is_over(seconds) is is_over
    assert not Saver(None).is_over(seconds)


def test_the_clock_rests_while_a_checkpoint_is_written(tmp_path, monkeypatch, slow):
    now = [0.0]
    monkeypatch.setattr(saver, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    found = Saver(tmp_path)
    found.start(content(1))
    now[0] = 1e6
    assert found.is_busy and not found.is_over(60)
    slow.may.set()
    found.wait()


# -- the best weights --------------------------------------------------------------------------------------------------------


def best_files(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("best*")}


def test_the_best_weights_are_written_when_they_are_found_and_not_again(in_turn, tmp_path):
    found, best = Saver(tmp_path), {"w": torch.arange(5.0)}
    found.start(content(2, best=best, best_step=2))
    found.wait()
    (first,) = written = best_files(tmp_path)
    assert torch.load(tmp_path / FILE, weights_only=True)["best"] == first
    for step in (3, 4):
        found.start(content(step, best=best, best_step=2))
        found.wait()
    assert best_files(tmp_path) == written
    again = Saver(tmp_path)  # of the next process
    again.resumed(load_checkpoint(tmp_path)["state"])
    again.start(content(5, best=best, best_step=2))
    again.wait()
    assert best_files(tmp_path) == written
    again.start(content(6, best={"w": torch.ones(5)}, best_step=6))
    again.wait()
    (second,) = best_files(tmp_path)
    assert second != first
    assert torch.equal(load_checkpoint(tmp_path)["best"]["w"], torch.ones(5))


def test_after_the_step_of_the_best_weights_they_are_not_copied_once_more(tmp_path, monkeypatch):
    monkeypatch.setattr(saver, "free_memory", lambda: 2 * 4)  # the moments, of which there is one number
    monkeypatch.setattr(saver, "freed_since_peak", lambda: 0)
    said, best = [], {"w": torch.zeros(1000)}
    found = Saver(tmp_path)
    found.say = said.append
    found.start({**content(1, best=best, best_step=1), "weights": best})
    found.wait()
    assert said == []
    found.start({**content(2, best=best, best_step=1), "weights": {"w": torch.ones(1000)}})
    found.wait()
    assert len(said) == 1 and "takes 3.9 KiB (4,004 bytes) of 8 bytes free memory" in said[0]
    assert torch.equal(load_checkpoint(tmp_path)["weights"]["w"], torch.ones(1000))
