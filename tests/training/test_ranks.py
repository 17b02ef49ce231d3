"""Two processes that train one stage together."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from tests.several import Several
from tests.waiting import wait_until
from toolkit.zoo import Zoo


def words(folder: Path, expression: str, *sets: str) -> list[object]:
    every = (*sets, f"run_dir={folder / 'runs'}", "train.batch_size=8", "train.eval_limit=8", "tracking.enabled=no")
    return [
        "train", expression, "--backbone", "tiny", "--precision", "fp32", "--zoo", folder / "zoo",
        *(part for one in every for part in ("--set", one)),
    ]  # fmt: skip


@pytest.mark.journey
def test_two_processes_make_one_entry_from_both_halves_of_the_rows(tmp_path: Path) -> None:
    several = Several(words(tmp_path, "mix[micro-nli,micro-pos]", "train.limit=32", "train.epochs=2"))
    main, other = several.ended()
    assert (main[0], other[0]) == (0, 0), main[2] + other[2]
    (card,) = Zoo(tmp_path / "zoo").list("tiny")
    Zoo(tmp_path / "zoo").verify(card)
    assert main[1].startswith("mix[micro-nli,micro-pos]")
    assert other[1:] == ("", "")  # only the first speaks
    assert card.recipe["processes"] == 2 and card.recipe["train"]["batch_size"] == 8
    assert "up to those of 16 rows of mean length, 8 in each of 2 processes; the learning rate is as given" in main[2]
    assert not list((tmp_path / "runs").rglob("checkpoint.pt"))


@pytest.mark.journey
def test_two_processes_learn_what_one_learns_that_takes_the_halves_of_a_batch_one_after_the_other(
    tmp_path: Path,
) -> None:
    settings = ("train.limit=32", "train.epochs=2")
    two = Several(words(tmp_path / "two", "mix[micro-nli,micro-pos]", *settings)).ended()
    one = Several(words(tmp_path / "one", "mix[micro-nli,micro-pos]", *settings, "train.accumulate=2"), count=1).ended()
    assert [code for code, _, _ in (*two, *one)] == [0, 0, 0], [*two, *one]
    (ours,), (theirs,) = (Zoo(tmp_path / name / "zoo").list("tiny") for name in ("two", "one"))
    assert ours.recipe["steps"] == theirs.recipe["steps"]
    for file in ours.files:
        found, expected = (
            Zoo(tmp_path / name / "zoo").tensors(card, file) for name, card in (("two", ours), ("one", theirs))
        )
        for name, tensor in expected.items():
            np.testing.assert_allclose(found[name], tensor, atol=1e-6)


@pytest.mark.slow
def test_two_processes_that_are_stopped_leave_one_checkpoint_and_one_continues_it(tmp_path: Path) -> None:
    sets = ("train.limit=400", "train.epochs=10", "train.checkpoint_every=1000")
    several = Several(words(tmp_path, "micro-nli", *sets))
    first, second = several.processes
    wait_until(lambda: list((tmp_path / "runs").rglob("checkpoint.pt")), "a checkpoint", process=first)
    second.send_signal(signal.SIGTERM)
    ended = several.ended()
    assert [code for code, _, _ in ended] == [130, 143], ended
    said = [line for _, _, err in ended for line in err.splitlines() if "stopped at step" in line]
    assert len(said) == 1 and said[0].startswith("Interrupted: train micro-nli stopped at step ")
    stopped = said[0].split("stopped at step ")[1].split(" of ")[0]
    assert f"its checkpoint of step {stopped} is in" in said[0] and "None" not in said[0]
    ((code, _, err),) = Several(words(tmp_path, "micro-nli", *sets, "train.accumulate=2"), count=1).ended()
    assert code == 0 and f"train micro-nli continues from step {stopped} of " in err, err
