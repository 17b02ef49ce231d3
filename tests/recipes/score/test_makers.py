"""Every journey that makes scores says of them all that their rows know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.config import Config
from toolkit.tasks.task import Rows

Scored = Iterable[Any]


def trained_on_dev(config: Config) -> Scored:
    return toolkit.train("micro-nli", config)[0].scores


def evaluated(config: Config) -> Scored:
    toolkit.train("micro-nli", config)
    return toolkit.evaluate("micro-nli", config, task="micro-nli", languages="de").scores


def retrieved(task: str) -> Callable[[Config], Scored]:
    return lambda config: toolkit.retrieve("backbone", config, task=task, languages="de").scores


MAKERS: dict[str, Callable[[Config], Scored]] = {
    "a stage on its dev rows": trained_on_dev,
    "an evaluation": evaluated,
    "a search in a bitext": retrieved("micro-bitext"),
    "mining": retrieved("micro-mining"),
    "a search in a pool": retrieved("micro-answers"),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_scores_carry_all_that_their_rows_know(maker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Rows.__init__

    def known(rows: Rows, *args: Any, **more: Any) -> None:
        whole(rows, *args, **more)
        rows.revision = f"lab/{rows.task.name}@c0ffee"

    monkeypatch.setattr(Rows, "__init__", known)
    config = tiny_config(tmp_path, "retrieve.limit=300")
    scores = list(MAKERS[maker](replace(config, train=replace(config.train, limit=16))))
    assert scores
    for score in scores:
        assert score.revision == f"lab/{score.task}@c0ffee"
        assert (score.backbone, score.is_generated) == ("tiny", True)
        assert score.fingerprint and score.split and score.protocol and score.language
