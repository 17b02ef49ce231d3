"""A fixed number of training rows, whatever the number of sources."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import cli
import toolkit
from tests.recipes.small import TRAINED, tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.tasks import get_task
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey

MIX = "mix[micro-nli.en,micro-nli.sw,micro-nli.de]"


def tensors(config: Config, entry: str) -> list[np.ndarray]:
    zoo = Zoo(config.zoo)
    card = zoo.get(entry, "tiny")
    return [array for file in sorted(card.files) for _, array in sorted(zoo.tensors(card, file).items())]


def test_one_source_and_three_see_as_many_rows_and_the_card_says_which(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "train.total_examples=15", "train.mixture=equal")
    said: list[str] = []
    (three,) = toolkit.train(MIX, config, say=said.append)
    (one,) = toolkit.train("micro-nli.sw", config)
    assert [seen.rows for seen in three.data_seen] == [5, 5, 5]
    assert [seen.rows for seen in one.data_seen] == [15]
    assert three.recipe["steps"] == one.recipe["steps"]
    assert three.recipe["train"]["total_examples"] == 15
    assert any(f"15 examples in all: 5 of {TRAINED} rows of micro-nli.de, 5 of" in each for each in said)
    # What the card says is enough to draw the same rows again.
    for seen in three.data_seen:
        rows = get_task(seen.task).rows("train", seen.language, limit=seen.drawn_from)
        assert rows.draw(seen.rows, seed=seen.seed).fingerprint == seen.fingerprint


def test_an_interrupted_run_goes_on_with_the_same_rows_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = ("train.total_examples=40", "train.mixture=temperature", "train.checkpoint_every=2", "train.batch_size=4")
    whole, cut = (tiny_config(tmp_path / name, *sets) for name in ("whole", "cut"))
    toolkit.train(MIX, whole)
    loop = import_module("toolkit.training.loop").Loop
    real = loop.step

    def stop(self: Any, **asked: Any) -> Any:
        if self.state.counters.step == 2:  # its checkpoint is under way
            raise KeyboardInterrupt
        return real(self, **asked)

    monkeypatch.setattr(loop, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        toolkit.train(MIX, cut)
    monkeypatch.setattr(loop, "step", real)
    said: list[str] = []
    toolkit.train(MIX, cut, say=said.append)
    assert any("continued from step 2" in each for each in said)
    pairs = list(zip(tensors(whole, MIX), tensors(cut, MIX), strict=True))
    assert pairs and all(np.array_equal(a, b) for a, b in pairs)


def test_another_total_is_another_stage_and_goes_on_from_no_checkpoint_of_it(tmp_path: Path) -> None:
    cards = []
    for total in (20, 24):
        config = tiny_config(tmp_path / str(total), f"train.total_examples={total}")
        cards += toolkit.train("micro-nli", config)
    assert cards[0].digest != cards[1].digest


def test_more_examples_than_there_are_rows_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(
        ToolkitError, match=rf"200 examples in all were asked for, of {TRAINED} \+ {TRAINED} \+ {TRAINED} rows"
    ):
        toolkit.train(MIX, tiny_config(tmp_path, "train.total_examples=200"))
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").rglob("*.pt"))


def test_the_option_of_the_command_is_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Config] = []
    monkeypatch.setattr(
        "toolkit.recipes.train.train.train", lambda expr, session, **_: asked.append(session.config) or []
    )
    for words in (["train", MIX], ["fuse", "micro-nli", "micro-pos", "--target", "micro-qa"]):
        found = CliRunner().invoke(cli.main, [*words, "--total-examples", "7", "--backbone", "tiny"])
        assert found.exit_code == 0, found.output
    assert [config.train.total_examples for config in asked] == [7, 7]
    assert CliRunner().invoke(cli.main, ["train", MIX, "--total-examples", "0"]).exit_code == 2
