"""The hub, where it cannot be reached."""

from __future__ import annotations

import logging
import socket
import sys

import pytest

from toolkit import hub


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch):
    for name in ("HF_HUB_OFFLINE", "HF_ENDPOINT", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    hub.is_hub_reachable.cache_clear()
    yield
    hub.is_hub_reachable.cache_clear()


def test_a_listening_endpoint_is_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert hub.is_hub_reachable()


def test_a_closed_port_is_not_and_the_libraries_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    hub.prepare_hub()
    assert sys.modules["huggingface_hub.constants"].HF_HUB_OFFLINE is True
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # undone with the test


def test_the_tries_of_the_library_are_not_logged_unless_its_log_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("huggingface_hub.utils._http")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(hub, "_set_offline", lambda is_off: None)
    before = log.level
    try:
        log.setLevel(logging.WARNING)
        monkeypatch.setenv("HF_HUB_VERBOSITY", "info")
        hub.prepare_hub()
        assert log.isEnabledFor(logging.WARNING)
        monkeypatch.delenv("HF_HUB_VERBOSITY")
        hub.prepare_hub()
        assert not log.isEnabledFor(logging.WARNING)
    finally:
        log.setLevel(before)


def test_offline_mode_is_honoured_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("asked the network"))
    assert not hub.is_hub_reachable()


def test_behind_a_proxy_the_hub_counts_as_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert hub.is_hub_reachable()
