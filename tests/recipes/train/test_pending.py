"""A command that is killed behind the entry that it made: the next one completes the record and removes the checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

import toolkit
from tests.recipes.failing import FailingTracker
from tests.recipes.small import tiny_config
from toolkit.recipes.session.lease import leased_names
from toolkit.recipes.session.session import Session
from toolkit.recipes.train import merge, pending, stage
from toolkit.recipes.train.pending import FILE, Pending, complete
from toolkit.recipes.train.train import train
from toolkit.recipes.transfer.similarity import train_missing
from toolkit.tracking import NoTracker
from toolkit.zoo import Zoo

pytestmark = pytest.mark.journey


class Kept(FailingTracker):
    """Keeps what runs log."""

    def __init__(self) -> None:
        super().__init__()
        self.logged: list[tuple[str, int | None]] = []

    def log_metrics(self, values, step=None, *, at=None):
        self.logged += [(name, step) for name in values]

    log_artifact = NoTracker.log_artifact
    log_data = NoTracker.log_data
    log_text = NoTracker.log_text


class KilledError(BaseException):
    """Stands for SIGKILL: nothing behind it is done."""


def killed(*_, **__):
    raise KilledError


@pytest.fixture
def made(monkeypatch):
    """Names of the adapters that are recorded as made when a record is completed."""
    found = []
    monkeypatch.setattr(pending, "log_adapters", lambda _, cards, *, is_made: found.extend(card.name for card in cards))
    return found


def notes(folder: Path) -> list[Path]:
    return list((folder / "runs" / "checkpoints").glob(f"*/{FILE}"))


@pytest.mark.parametrize(("module", "name"), [(stage, "log_adapters"), (stage, "_put")])
def test_the_record_of_a_training_is_completed_and_its_checkpoint_removed(
    tmp_path, module, name, made, monkeypatch
) -> None:
    config = tiny_config(tmp_path)
    with monkeypatch.context() as patch:
        real = getattr(module, name)

        def behind(*asked, **more):
            if name == "_put":
                real(*asked, **more)
            raise KilledError

        patch.setattr(module, name, behind)
        with pytest.raises(KilledError):
            train("micro-nli", Session.open(config, tracker=Kept()))
    assert len(notes(tmp_path)) == 1
    tracker = Kept()
    assert train("micro-nli", Session.open(config, tracker=tracker)) == []
    assert tracker.status["train micro-nli"] == "FINISHED"
    assert made == ["micro-nli"]
    assert {"loss", "dev/micro-nli/accuracy/en"} <= {name for name, _ in tracker.logged}
    assert list((tmp_path / "runs" / "checkpoints").iterdir()) == []


def test_a_training_that_ends_leaves_no_note(tmp_path) -> None:
    toolkit.train("micro-nli", tiny_config(tmp_path))
    assert list((tmp_path / "runs" / "checkpoints").iterdir()) == []


@pytest.fixture
def merged(tmp_path, monkeypatch):
    """A merge that was killed when it was in the zoo, and not recorded."""
    config = tiny_config(tmp_path)
    train("micro-nli", Session.open(config, tracker=Kept()))
    train("micro-pos", Session.open(config, tracker=Kept()))
    with monkeypatch.context() as patch:
        patch.setattr(merge, "log_adapters", killed)
        with pytest.raises(KilledError):
            train("merge[micro-nli,micro-pos]", Session.open(config, tracker=Kept()))
    return config


def test_the_record_of_a_merge_is_completed_by_any_training(merged, made, tmp_path) -> None:
    tracker = Kept()
    train("micro-nli", Session.open(merged, tracker=tracker))
    assert tracker.status == {"merge merge[micro-nli,micro-pos]": "FINISHED"}
    assert made == ["merge[micro-nli,micro-pos]"]
    assert notes(tmp_path) == []


def test_what_another_command_is_making_is_left_to_it(merged, tmp_path) -> None:
    tracker = Kept()
    session = Session.open(merged, tracker=tracker)
    with leased_names(["merge[micro-nli,micro-pos]"], session):
        complete(session)
    assert (tracker.status, len(notes(tmp_path))) == ({}, 1)


def test_an_entry_that_was_not_put_keeps_its_checkpoints(merged, tmp_path) -> None:
    session = Session.open(merged, tracker=Kept())
    Zoo(merged.zoo).remove("merge[micro-nli,micro-pos]", session.shelf)
    complete(session)
    assert len(notes(tmp_path)) == 1


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"zoo": 3}', "\x00"])
def test_a_damaged_note_is_left_alone(tmp_path, text) -> None:
    folder = tmp_path / "runs" / "checkpoints" / "k"
    folder.mkdir(parents=True)
    (folder / FILE).write_text(text)
    complete(Session.open(tiny_config(tmp_path), tracker=Kept()))
    assert (folder / FILE).read_text() == text


def test_a_record_that_is_whole_is_not_made_again(tmp_path) -> None:
    config = tiny_config(tmp_path)
    tracker = Kept()
    session = Session.open(config, tracker=tracker)
    folder = tmp_path / "runs" / "checkpoints" / "k"
    folder.mkdir(parents=True)
    Pending(folder, "micro-nli").write(session)
    toolkit.train("micro-nli", config)
    assert folder.exists()  # before that the entry was not there
    complete(session)
    assert not folder.exists()
    assert tracker.status == {}


def test_similarity_completes_what_a_killed_training_left(tmp_path, made, monkeypatch) -> None:
    config = tiny_config(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "log_adapters", killed)
        with pytest.raises(KilledError):
            train("micro-nli", Session.open(config, tracker=Kept()))
    assert len(notes(tmp_path)) == 1
    assert train_missing(["micro-nli"], Session.open(config, tracker=Kept())) == []
    assert made == ["micro-nli"]
    assert list((tmp_path / "runs" / "checkpoints").iterdir()) == []
