"""Rows that cannot be had are found before a backbone is downloaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.recipes.small import tiny_config
from toolkit.errors import SourceError
from toolkit.recipes.score.retrieve import retrieve
from toolkit.recipes.session import backbones
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.train import train


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(backbones, "download_checkpoint", lambda *args, **options: pytest.fail("downloaded"))
    config = tiny_config(tmp_path, f"data_root={tmp_path}")
    return Session.open(replace(config, backbone=replace(config.backbone, name="xlm-roberta-large")))


def test_of_training(session: Session) -> None:
    with pytest.raises(SourceError, match="dataset nyu-mll/glue cannot be read"):
        train("mnli", session)


@pytest.mark.parametrize("languages", ["de", "all"])
def test_of_scoring(session: Session, languages: str) -> None:
    with pytest.raises(SourceError, match="dataset google/xtreme cannot be read"):
        retrieve("backbone", session, task="tatoeba", languages=languages)
