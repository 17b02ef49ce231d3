from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.printed import config_of
from toolkit.config import Config
from toolkit.config.command import command
from toolkit.config.convert import declared
from toolkit.config.keys import value_of
from toolkit.config.load import load

CHANGED = Config(
    data_root=Path("/mnt/the mirror"),
    zoo=Path("it's a zoo"),
    task_files=(Path("one.yaml"), Path("the other.yaml")),
    run_dir=Path("runs $HOME"),
    cache_gib=0.5,
    fusion="reference",
)


def test_a_command_reads_back_as_the_configuration_that_it_was_made_of() -> None:
    config = replace(
        CHANGED,
        backbone=replace(CHANGED.backbone, name="embedded", precision="fp32"),
        adapter=replace(CHANGED.adapter, kind="full"),
        train=replace(CHANGED.train, seed=3, lr=1e-05, limit=400, epochs=2.0),
        tracking=replace(CHANGED.tracking, enabled=False),
    )
    assert config_of(command("train", "fuse[mnli,squad]/x'quad", config=config)) == config


def test_what_a_command_does_not_read_is_left_out() -> None:
    config = replace(Config(), eval=replace(Config().eval, limit=5))
    assert command("train", "mnli", config=config) == "xstilts train mnli --backbone xlm-roberta-large"
    printed = command("eval", "mnli", "--task", "xnli", config=config, sections=("eval",))
    assert config_of(printed) == config


@pytest.mark.parametrize("key", [key for key in declared() if key not in ("tracking.experiment", "tracking.parent")])
def test_every_setting_can_be_part_of_a_command(key: str) -> None:
    config = load(sets=[f"{key}={_other(key)}"])
    sections = (key.rpartition(".")[0],)
    assert config_of(command("train", "mnli", config=config, sections=sections)) == config
    assert shlex.split(command("train", "mnli", config=config, sections=sections))[:3] == ["xstilts", "train", "mnli"]


def _other(key: str) -> Any:
    """Return a legal value of a setting that is not the default."""
    default = value_of(Config(), key)
    setting = declared()[key]
    tries: list[Any] = [*setting.choices, "false", "true", 3, 64, 0.25, 0.5, 16, "swap:0.1", "/some where", "mnli"]
    for value in tries:
        try:
            config = load(sets=[f"{key}={value}"])
        except Exception:  # not a value of this setting
            continue
        if value_of(config, key) != default:
            return value
    raise AssertionError(f"no other value of {key}")
