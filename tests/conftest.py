"""Fixtures and markers that every test shares. No test reaches a network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import PROJECT
from tests.recipes.small import FUSED, tiny_config
from toolkit.config import Config

# Before any library reads them: nothing may try the hub, and two workers share two cores.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("MLFLOW_TRACKING_URI", None)

MIRROR = Path(os.environ.pop("XSTILTS_DATA", "") or PROJECT.parent / "shared" / "data" / "hub")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "slow" in item.keywords and not config.getoption("--run-slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --run-slow"))
        if "gpu" in item.keywords:
            import torch

            if not torch.cuda.is_available():
                item.add_marker(pytest.mark.skip(reason="needs a GPU"))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The mirror of real rows; the test is skipped where there is none."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of real rows: set XSTILTS_DATA (looked in {MIRROR})")
    return MIRROR


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, so that zoo, runs and MLflow store of a test are its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A zoo with two intermediates, a stack, and a fusion under a target, on the tiny backbone; for reading only."""
    import toolkit

    config = tiny_config(tmp_path_factory.mktemp("trained"))
    toolkit.train(FUSED, config)
    toolkit.train("micro-nli/micro-pos", config)
    return config
