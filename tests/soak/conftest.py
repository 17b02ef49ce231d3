"""One small world for all tests of the soak: to train its zoo takes most of their time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.soak.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("soak") / "world"
    found = World(root)
    found.prepare()
    yield found
    shutil.rmtree(root, ignore_errors=True)
