"""The run of several stages: the command that continues finishes it, whatever is left to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.recipes.small import tiny_config
from tests.waiting import LIMIT_S
from toolkit.recipes.session.session import Session
from toolkit.recipes.train import train as journey
from toolkit.tracking import server

pytestmark = pytest.mark.journey
EXPRESSION = "micro-nli/micro-choice"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a command that is stopped wait for its records as long as a busy machine needs: they are looked at behind it."""
    monkeypatch.setattr("toolkit.tracking.delivery._STILL_STOPPED_S", LIMIT_S)


def statuses(folder: Path) -> dict[str, list[str]]:
    """Return the statuses of all runs by name."""
    client = server.connect(server.own_store(folder))
    found: dict[str, list[str]] = {}
    for run in client.search_runs([one.experiment_id for one in client.search_experiments()]):
        found.setdefault(run.info.run_name, []).append(run.info.status)
    return found


def interrupted(monkeypatch: pytest.MonkeyPatch, session: Session, name: str, number: int) -> None:
    """Train until a function of the journey is called for the n-th time, which Ctrl-C interrupts."""
    called: list[object] = []
    real = getattr(journey, name)

    def raising(*some: Any, **more: Any) -> Any:
        called.append(some)
        if len(called) == number:
            raise KeyboardInterrupt
        return real(*some, **more)

    with monkeypatch.context() as patch:
        patch.setattr(journey, name, raising)
        with pytest.raises(KeyboardInterrupt):
            journey.train(EXPRESSION, session)


def test_it_is_finished_where_one_stage_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config(tmp_path, "tracking.enabled=yes")
    interrupted(monkeypatch, Session.open(config), "run_stage", 2)
    whole = f"train {EXPRESSION}, 2 stages"
    assert statuses(tmp_path)[whole] == ["KILLED"]
    (card,) = journey.train(EXPRESSION, Session.open(config))
    assert card.name == EXPRESSION
    assert statuses(tmp_path) == {
        whole: ["FINISHED"],
        "train micro-nli": ["FINISHED"],
        f"train {EXPRESSION}": ["FINISHED"],
    }
    assert not list(Path(config.run_dir).rglob("*.json"))
    assert journey.train(EXPRESSION, Session.open(config)) == []
    assert len(statuses(tmp_path)[whole]) == 1


def test_it_is_finished_where_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config(tmp_path, "tracking.enabled=yes")
    session = Session.open(config)
    monkeypatch.setattr(session.tracker, "log_metrics", failing_after(session))
    with pytest.raises(KeyboardInterrupt):
        journey.train(EXPRESSION, session)
    whole = f"train {EXPRESSION}, 2 stages"
    assert statuses(tmp_path)[whole] == ["KILLED"]
    assert journey.train(EXPRESSION, Session.open(config)) == []
    assert statuses(tmp_path)[whole] == ["FINISHED"]


def failing_after(session: Session) -> Any:
    """Return a `log_metrics` that Ctrl-C interrupts when the scores of the whole run are logged, behind its last stage."""
    real = session.tracker.log_metrics

    def log_metrics(values: dict[str, float], step: int | None = None, **more: Any) -> None:
        is_of_stage = session.tracker.run_id != whole[0]
        if session.zoo.holds(EXPRESSION, session.shelf) and not is_of_stage:
            raise KeyboardInterrupt
        real(values, step, **more)

    whole: list[str] = []
    start = session.tracker.start

    def opened(opening: Any) -> None:
        start(opening)
        whole.append(session.tracker.run_id)

    session.tracker.start = opened  # type: ignore[method-assign]
    return log_metrics


def test_it_has_the_scores_of_its_last_stage_where_only_its_end_was_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tmp_path, "tracking.enabled=yes")
    interrupted(monkeypatch, Session.open(config), "_log_dev", 1)
    assert journey.train(EXPRESSION, Session.open(config)) == []
    client = server.connect(server.own_store(tmp_path))
    (run,) = client.search_runs(
        [one.experiment_id for one in client.search_experiments()],
        f"attributes.run_name = 'train {EXPRESSION}, 2 stages'",
    )
    assert run.info.status == "FINISHED"
    assert "dev/micro-choice/accuracy/en" in run.data.metrics
