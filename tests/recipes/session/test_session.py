from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.recipes.small import tiny_config
from toolkit.composition import parse
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.session.backbones import FrozenBackbone, open_backbone
from toolkit.recipes.session.session import Session
from toolkit.tracking import NoTracker, Opening


class Recorder(NoTracker):
    """Keeps the runs by name, with the status of those that are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[str, str] = {}
        self._open: list[str] = []

    def start(self, opening: Opening) -> str:
        self.runs[opening.name] = "RUNNING"
        self._open.append(opening.name)
        return opening.name

    def close(self, status: str = "FINISHED") -> None:
        self.runs[self._open.pop()] = status

    def take_notes(self) -> list[str]:
        found, self.notes = self.notes, []
        return found


def test_a_session_with_another_configuration_has_its_zoo_and_shelf_and_keeps_tracker_and_reader(
    tmp_path: Path,
) -> None:
    session = Session.open(tiny_config(tmp_path), tracker=Recorder())
    config = session.config
    other = replace(config, zoo=tmp_path / "other", adapter=replace(config.adapter, kind="full"))
    changed = session.with_config(other)
    assert (changed.zoo.root, changed.shelf) == (tmp_path / "other", "tiny+full")
    assert (changed.tracker, changed.tell) == (session.tracker, session.tell)
    assert session.shelf == "tiny"


def test_a_run_is_finished_at_its_end_and_its_notes_are_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    tracker = Recorder()
    session = Session.open(tiny_config(tmp_path), tracker=tracker, say=said.append)
    with session.tracked("outer", experiment="e", tags={}, params={}):
        tracker.notes.append("MLflow is away.")
        with session.tracked("inner", experiment="e", tags={}, params={}):
            pass
    assert tracker.runs == {"outer": "FINISHED", "inner": "FINISHED"}
    assert said == ["MLflow is away."]


@pytest.mark.parametrize(
    ("fault", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "FAILED")]
)
def test_a_run_is_failed_or_killed_whatever_is_raised_in_it(
    tmp_path: Path, fault: type[BaseException], status: str
) -> None:
    said: list[str] = []
    tracker = Recorder()
    session = Session.open(tiny_config(tmp_path), tracker=tracker, say=said.append)
    tracker.notes.append("MLflow is away.")
    with pytest.raises(fault), session.tracked("run", experiment="e", tags={}, params={}):
        raise fault
    assert tracker.runs == {"run": status}
    assert said == ["MLflow is away."]


def test_a_frozen_backbone_is_loaded_once_and_another_one_takes_its_place() -> None:
    loaded: list[str | None] = []

    def load(name: str, precision: str, revision: str | None) -> Any:
        loaded.append(revision)
        return load_backbone(name, precision=precision)

    held = FrozenBackbone(load)
    first = held.lend("tiny", "fp32", None)
    assert held.lend("tiny", "fp32", None) is first
    assert held.lend("tiny", "fp32", "v2") is not first
    assert loaded == [None, "v2"]


def test_a_frozen_backbone_is_not_lent_while_a_circuit_is_wired_into_it(tmp_path: Path) -> None:
    session = Session.open(tiny_config(tmp_path))
    refused = pytest.raises(RuntimeError, match="still holds micro-nli, micro-qa, .* of a circuit that was not closed")
    with Circuit(open_backbone(session), parse("fuse[micro-nli,micro-qa]")), refused:
        open_backbone(session)
    open_backbone(session)
