"""The files under configs/: each loads, and each opens with the command that runs it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests import PROJECT
from toolkit.composition import parse
from toolkit.config import Config, load

ROOT = PROJECT
# configs/task declares tasks, configs/sweep grids and configs/pins.yaml commits: no configurations (tests/tasks/test_declare.py,
# test_sweep_ready.py, test_fetch.py).
FILES = sorted(path for path in ROOT.glob("configs/*/*.yaml") if path.parent.name not in ("task", "sweep"))
PROMISED = [
    "adapter/full",
    "adapter/seq_bn",
    "backbone/embedded",
    "backbone/tiny",
    "backbone/xlm-roberta-base",
    "backbone/xlm-roberta-large",
    "eval/default",
    "retrieve/layer14",
    "retrieve/tatoeba",
    "train/adapter",
    "train/fusion",
    "train/jiant",
    "train/language",
]


def named(name: str) -> Config:
    return load(ROOT / "configs" / f"{name}.yaml")


def test_the_promised_files_are_there() -> None:
    names = {path.relative_to(ROOT / "configs").with_suffix("").as_posix() for path in FILES}
    assert set(PROMISED) <= names


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_loads(path: Path) -> None:
    assert isinstance(load(path), Config)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_opens_with_the_command_that_runs_it(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# xstilts ")
    command = shlex.split(first.removeprefix("# xstilts "))
    assert ["--config", path.relative_to(ROOT).as_posix()] == command[command.index("--config") :][:2]
    assert str(parse(command[1])) == command[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_backbone_is_the_large_one_except_in_the_backbone_files(path: Path) -> None:
    expected = path.stem if path.parent.name == "backbone" else "xlm-roberta-large"
    assert load(path).backbone.name == expected


def test_the_hyper_parameters_are_the_published_ones() -> None:
    jiant, adapter, fusion = named("train/jiant"), named("train/adapter"), named("train/fusion")
    assert (jiant.adapter.kind, jiant.train.lr, jiant.train.epochs, jiant.train.batch_size) == ("full", 1e-5, 2.0, 32)
    assert (jiant.train.max_length, jiant.train.warmup_ratio, jiant.train.grad_clip) == (256, 0.1, 1.0)
    assert (adapter.adapter.kind, adapter.train.lr) == ("seq_bn", 1e-4)
    assert (fusion.train.lr, fusion.train.fusion_lr) == (1e-4, 5e-5)
    assert named("adapter/full").adapter.kind == "full"
    assert named("backbone/embedded").train.lr == 5e-4
    assert (named("retrieve/layer14").retrieve.layer, named("retrieve/tatoeba").retrieve.layer) == (14, None)
