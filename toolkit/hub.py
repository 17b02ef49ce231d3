"""Reachability of the Hugging Face Hub, tested once and briefly."""

from __future__ import annotations

import logging
import os
import socket
import sys
from functools import lru_cache
from urllib.parse import urlsplit

TIMEOUT_S = 3.0


@lru_cache(maxsize=1)
def is_hub_reachable() -> bool:
    """Return whether the hub's host takes a connection; behind a proxy it is taken to be reachable.

    A library left to itself retries for the better part of a minute, and says so on every line.
    """
    if is_offline():
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    port = endpoint.port or (443 if endpoint.scheme == "https" else 80)
    try:
        socket.create_connection((endpoint.hostname or "", port), timeout=TIMEOUT_S).close()
    except OSError:
        return False
    return True


def prepare_hub() -> None:
    """Let the hub's libraries use their caches only, at once, if the hub cannot be reached; they try again without a word."""
    if not os.environ.get("HF_HUB_VERBOSITY"):  # two lines of log for each try; what fails in the end is one sentence
        logging.getLogger("huggingface_hub.utils._http").setLevel(logging.ERROR)
    if is_hub_reachable():
        return
    os.environ["HF_HUB_OFFLINE"] = "1"  # for those that are not imported yet; the others have read it already
    _set_offline(True)


def restore_hub() -> None:
    """Let the hub's libraries be on line again, as far as the environment lets them, after `prepare_hub`."""
    _set_offline(is_offline())


def is_offline() -> bool:
    """Return whether the environment asks for no network (`HF_HUB_OFFLINE`)."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _set_offline(is_off: bool) -> None:
    for module, name in (
        ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
        ("transformers.utils.hub", "_is_offline_mode"),
        ("datasets.config", "HF_HUB_OFFLINE"),
    ):
        if module in sys.modules:
            setattr(sys.modules[module], name, is_off)
    if "huggingface_hub.utils" in sys.modules:
        sys.modules["huggingface_hub.utils"].reset_sessions()
