"""Files of a hub dataset, downloaded whole or not at all into the hub's own cache, and compared with what the hub lists."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from toolkit.errors import SourceError
from toolkit.hub import prepare_hub
from toolkit.hub_errors import LASTING, PASSING, trouble_of

_BLOCK = 2**20
_TRIES = 3
_PAUSE_S = 0.5
_LONGEST_WAIT_S = 20.0
_Found = TypeVar("_Found")


class Withheld(SourceError):
    """A dataset that the hub does not have, does not show, or holds otherwise: no other dataset is concerned."""


@dataclass(frozen=True)
class HubFile:
    """A file as the hub lists it: path, bytes, Git's name of its content, and the SHA-256 of one in the large storage."""

    path: str
    size: int
    blob_id: str
    sha256: str | None = None


def hub_api(endpoint: str | None) -> Any:
    """Return the client of the hub at an address; None: `HF_ENDPOINT`, else huggingface.co."""
    if endpoint is None:
        prepare_hub()
        endpoint = os.environ.get("HF_ENDPOINT") or None
    from huggingface_hub import HfApi

    return HfApi(endpoint=None if endpoint is None else endpoint.rstrip("/"))


def persisting(call: Callable[[], _Found]) -> _Found:
    """Return what a call of the hub's library returns, with another try after what may pass: a cut, a fault, a short wait."""
    for left in reversed(range(_TRIES)):
        try:
            return call()
        except Exception as error:
            trouble = trouble_of(error)
            wait = None if trouble is None else trouble.wait_s
            is_short = wait is not None and wait <= _LONGEST_WAIT_S
            if not left or trouble is None or not (trouble.cause in PASSING or is_short):
                raise
            time.sleep(wait if is_short and wait is not None else _PAUSE_S * (_TRIES - left))
    raise AssertionError("the last try returns or raises")


def unreachable(repo: str, revision: str | None, error: Exception) -> Exception:
    """Return the sentence for what the hub's library or the network raised; a fault of ours stays what it is."""
    trouble = trouble_of(error)
    if trouble is None:
        return error
    at = f" at revision {revision}" if revision else ""
    kind = Withheld if trouble.cause in (*LASTING, "gated", "cut", "other") else SourceError
    return kind(f"The hub's dataset {repo}{at} cannot be read: {trouble.said}; {trouble.way_out}.")


def cached_file(api: Any, repo: str, commit: str, told: HubFile) -> Path:
    """Return a file of a dataset in the hub's own cache, downloaded if it is not there, whole or not at all.

    Raises:
        SourceError: the hub cannot be reached, or the file does not fit its checksum twice.
    """
    from huggingface_hub import try_to_load_from_cache

    held = try_to_load_from_cache(repo, told.path, revision=commit, repo_type="dataset")
    if isinstance(held, str) and Path(held).stat().st_size == told.size:
        return Path(held)

    def fetched(is_forced: bool) -> Path:
        return Path(_download(api, repo, commit, told.path, force_download=is_forced or isinstance(held, str)))

    return _whole(repo, told, fetched)


def _download(api: Any, repo: str, commit: str, path: str, **more: Any) -> str:
    def call() -> str:
        return str(api.hf_hub_download(repo, path, repo_type="dataset", revision=commit, **more))

    try:
        return persisting(call)
    except Exception as error:
        raise unreachable(f"{repo} ({path})", None, error) from error


def _whole(repo: str, told: HubFile, fetched: Callable[[bool], Path]) -> Path:
    for is_forced in (False, True):
        file = fetched(is_forced)
        if is_whole(file, told, None):
            return file
        file.unlink(missing_ok=True)
    raise Withheld(
        f"{repo}/{told.path} arrived twice with another content than the hub states; expected {told.size:,} bytes of "
        "its checksum: try again later, or another endpoint."
    )


def is_whole(file: Path, told: HubFile, known: Mapping[str, Any] | None) -> bool:
    """Return whether a file is the one that the hub lists, and the one in the record, by all that they say of it."""
    try:
        if not file.is_file() or file.stat().st_size != told.size:
            return False
        if told.sha256 is not None:
            return bool(sha256_of(file) == told.sha256)
        return bool((known is None or sha256_of(file) == known["sha256"]) and _blob_id(file) == told.blob_id)
    except OSError:
        return False


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return _digest(file, hashlib.sha256())


def _blob_id(file: Path) -> str:
    """Git's name of a file's content, which the hub gives for files that are not in its large storage."""
    return _digest(file, hashlib.sha1(f"blob {file.stat().st_size}\0".encode()))


def _digest(file: Path, digest: Any) -> str:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return str(digest.hexdigest())
