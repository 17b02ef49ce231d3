"""Download of a file by its URL: resumed where it stopped, checked while it arrives, and never visible before it is whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from toolkit.errors import SourceError

_TIMEOUT_S = 20.0
_TRIES = 4
_MOST_WAIT_S = 120.0
_BLOCK = 2**18


@dataclass(frozen=True)
class Content:
    """What is known of a file's content: its size in bytes, and a digest in hexadecimal (`sha256` or `md5`)."""

    size: int
    digest: str
    kind: str = "sha256"


def download(
    url: str,
    file: Path,
    content: Content | None = None,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Download a URL to a file, whole or not at all; what an interrupted download left is continued.

    A server that has too many requests (429), or is down for now (502, 503, 504), is asked again after the seconds that it
    names (`Retry-After`), four times in all.

    Args:
        url: `http` or `https`.
        file: where the whole file goes; until then its bytes are in `NAME.part` next to it.
        content: what the file must be; None: whatever the server says is its length.
        report: called with the bytes that are there and all bytes (0: unknown).

    Raises:
        SourceError: the server cannot be reached or refuses, or the file is another one.
    """
    host = urlsplit(url).netloc
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise SourceError(f"{url} is not an address of the web; expected http:// or https://, or a path.")
    part = file.with_name(f"{file.name}.part")
    for attempt in range(_TRIES):
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            _check(part, url, content, _receive(url, part, content, report))
            os.replace(part, file)
            return
        except _Again as again:
            if attempt == _TRIES - 1:
                raise SourceError(f"{url} did not arrive ({again.said}); the same command continues.") from None
            time.sleep(min(_MOST_WAIT_S, again.wait_s if again.wait_s is not None else 0.5 * 2**attempt))
        except urllib.error.HTTPError as error:
            raise SourceError(f"{host} answers with status {error.code} for {url}; correct the address.") from None
        except OSError as error:
            reason = getattr(error, "reason", None) or error.strerror or error
            if part.exists() and error.errno is not None and not isinstance(error, ConnectionError | TimeoutError):
                raise SourceError(f"{part} cannot be written ({reason}); free space or name another folder.") from None
            raise SourceError(
                f"{host} does not answer ({reason}); expected a network: the same command continues."
            ) from None


class _Again(Exception):
    """Something that may be over at the next try."""

    def __init__(self, said: str, wait_s: float | None = None) -> None:
        super().__init__(said)
        self.said = said
        self.wait_s = wait_s


def _receive(url: str, part: Path, content: Content | None, report: Callable[[int, int], None]) -> str:
    """Add to the part what it lacks; returns the digest of the whole, which is computed while the bytes arrive."""
    held = part.stat().st_size if part.is_file() else 0
    if content is not None and held > content.size:
        part.unlink()
        held = 0
    digest = _digest_of(part if held else None, content)
    if content is not None and held == content.size:
        return str(digest.hexdigest())
    # Never compressed: the length and the ranges are those of the file itself.
    headers = {"User-Agent": "xstilts", "Accept-Encoding": "identity"} | ({"Range": f"bytes={held}-"} if held else {})
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S) as answer:
            if held and answer.status != 206:  # the server does not know ranges
                held, digest = 0, _digest_of(None, content)
            total = held + int(answer.headers.get("Content-Length") or 0)
            with open(part, "ab" if held else "wb") as out:
                while block := answer.read(_BLOCK):
                    out.write(block)
                    digest.update(block)
                    held += len(block)
                    report(held, total)
        if held < total:
            raise _Again(f"the connection ended after {held:,} of {total:,} bytes")
    except urllib.error.HTTPError as error:
        if error.code == 416 and held:  # the part is longer than the file
            part.unlink()
            raise _Again("the file has changed") from None
        if error.code in (429, 502, 503, 504):
            raise _Again(f"status {error.code}", _seconds(error.headers)) from None
        raise
    except (http.client.IncompleteRead, ConnectionResetError, TimeoutError) as error:
        raise _Again(f"the connection broke: {error or type(error).__name__}") from None
    return str(digest.hexdigest())


def _digest_of(part: Path | None, content: Content | None) -> Any:
    digest = hashlib.new(content.kind if content is not None else "sha256")
    if part is not None:
        with open(part, "rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
    return digest


def _check(part: Path, url: str, content: Content | None, digest: str) -> None:
    if content is None or digest == content.digest:
        return
    size = part.stat().st_size
    part.unlink()
    raise SourceError(
        f"{url} is not the file that was published: it has {size:,} bytes of another {content.kind}; expected {content.size:,} "
        "bytes: try again later, or name a copy."
    )


def _seconds(headers: Any) -> float | None:
    try:
        return max(0.0, float(headers.get("Retry-After")))
    except (TypeError, ValueError):
        return None
