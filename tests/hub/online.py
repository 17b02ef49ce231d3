"""A process that takes the stand-in for the hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.utils
import pytest

from tests.hub.repos import Hub
from tests.hub.server import serve
from toolkit.hub import is_hub_reachable
from toolkit.tasks.road import road


@contextmanager
def online(hub: Hub, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[str]:
    """Serve a hub, and let this process ask it, with caches in a folder of the test; yields the address."""
    with serve(hub) as address:
        for name in ("XSTILTS_DATA", "HF_HUB_OFFLINE", "HF_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("XSTILTS_CACHE", str(folder / "cache"))
        constants = huggingface_hub.constants
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HOME", str(folder / "hf"))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hf" / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "hf" / "token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        forget()
        yield address
    forget()


def forget() -> None:
    """Forget what this process knows of the hub."""
    is_hub_reachable.cache_clear()
    road._look_up.cache_clear()
    huggingface_hub.utils.reset_sessions()
