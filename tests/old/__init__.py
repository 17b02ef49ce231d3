"""Files that release 0.1.0 wrote (`make.py`), as they must open with every later release of the same format."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import toolkit
from tests.old.backbone import NAME, make_backbone
from tests.old.make import SETTINGS
from toolkit.config import Config

OLD = Path(__file__).parent


def old_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Copy zoo, lock and store into a folder, make their backbone there, and work in it."""
    for name in ("zoo", "embeddings"):
        shutil.copytree(OLD / name, folder / name)
    shutil.copy(OLD / "zoo.lock", folder)
    make_backbone(folder / NAME)
    monkeypatch.chdir(folder)  # the cards name the backbone by a relative path
    return toolkit.configure(*SETTINGS, backbone=NAME, zoo="zoo", run_dir="runs")
