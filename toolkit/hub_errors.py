"""Errors of the hub's libraries and of the network, each with its true cause and a clause that says it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

Cause = Literal[
    "absent", "revision", "file", "gated", "token", "limit", "server", "network", "cut", "script", "disk", "other"
]
# Causes that say what the hub holds: they stay until somebody changes the dataset, and another road may be taken.
LASTING: Final[tuple[Cause, ...]] = ("absent", "revision", "file", "script")
# Causes that may be over at the next try.
PASSING: Final[tuple[Cause, ...]] = ("cut", "server")
# What to do about rows that the hub does not have in parquet.
OWN_FILES: Final = (
    "put its rows into a mirror as parquet (--data-root DIR), or declare files of your own in a task file"
)
_LIBRARIES = ("huggingface_hub", "requests", "urllib3", "httpx", "httpcore", "datasets", "fsspec", "aiohttp", "hf_xet")
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM)


@dataclass(frozen=True)
class Trouble:
    """Why the hub did not give what was asked.

    Attributes:
        cause: one of a closed list.
        said: what was found, as a clause.
        way_out: what to do, as a clause.
        wait_s: seconds that the hub asks to wait; None: it says nothing of it.
    """

    cause: Cause
    said: str
    way_out: str
    wait_s: float | None = None


def trouble_of(error: BaseException) -> Trouble | None:
    """Return why a call of the hub's libraries failed, or None for an error that is neither theirs nor the network's.

    Example:
        >>> trouble_of(RuntimeError("Dataset scripts are no longer supported, but found x.py")).cause
        'script'
    """
    found = [trouble for each in _chain(error) if (trouble := _trouble(each)) is not None]
    return next((each for each in found if each.cause != "other"), found[0] if found else None)


def endpoint() -> str:
    """Return the hub's address: `HF_ENDPOINT`, else huggingface.co."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it came from."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _trouble(error: BaseException) -> Trouble | None:
    response = getattr(error, "response", None)
    if getattr(response, "status_code", None) is not None and _is_of(error, "HTTPError", "HTTPStatusError"):
        return _of_status(error, response)
    named = next((trouble for names, trouble in _BY_NAME if _is_of(error, *names)), None)
    if named is not None:
        return named
    text = " ".join(str(error).split())
    if "Dataset scripts are no longer supported" in text:
        return Trouble("script", "it holds only a loading script, which is never run", OWN_FILES)
    if "Consistency check failed" in text or "Data processing error" in text:
        return _CUT
    if isinstance(error, OSError) and error.errno in _DISK:
        where = f" ({error.filename})" if error.filename else ""
        return Trouble("disk", f"{error.strerror}{where}", "free space, or name another cache with HF_HOME")
    if isinstance(error, ConnectionError | TimeoutError):
        return _NETWORK
    if isinstance(error, OSError) or _is_from(error):
        return Trouble("other", text[:200].rstrip(".") or type(error).__name__, "try again later")
    return None


def _is_of(error: BaseException, *names: str) -> bool:
    """Return whether an error is of one of the libraries' classes; none of them is imported for it."""
    classes = [each for each in type(error).__mro__ if each.__module__.split(".")[0] in _LIBRARIES]
    return any(each.__name__ in names for each in classes)


def _is_from(error: BaseException) -> bool:
    return any(each.__module__.split(".")[0] in _LIBRARIES for each in type(error).__mro__)


_RETRY = (
    "run the same command where there is a network, or fill a mirror there (`xstilts tasks fetch TASK --out DIR`) and name it "
    "with --data-root DIR; tasks of the built-in micro-world, such as micro-nli, need neither"
)
_NETWORK = Trouble("network", "the hub does not answer from here", _RETRY)
_CUT = Trouble("cut", "the download was cut off", "run the same command again: it continues where it stopped")
_TOKEN = Trouble(
    "token",
    "the hub refuses the token, which has expired or was revoked",
    "log in again (`hf auth login`), or unset HF_TOKEN",
)
_ABSENT = Trouble(
    "absent", "the hub has no such id, or it is private", "correct the id, or log in with `hf auth login` or HF_TOKEN"
)
_STRANGER = Trouble(
    "server",
    "what answers at the hub's address is not the hub",
    "log in to the network if it asks for it, and correct or unset HF_ENDPOINT",
)
_ADDRESS = Trouble("network", "HF_ENDPOINT is not an address", "write it as https://HOST, or unset it")
# Before the names of what they inherit from.
_BY_NAME: Final[tuple[tuple[tuple[str, ...], Trouble], ...]] = (
    (("HFValidationError",), Trouble("absent", "it is not an id of the hub", "expected ORG/NAME")),
    (("OfflineModeIsEnabled",), _NETWORK),
    (("JSONDecodeError", "InvalidJSONError"), _STRANGER),
    (("MissingSchema", "InvalidSchema", "InvalidURL", "LocationParseError", "UnsupportedProtocol"), _ADDRESS),
    (("ProxyError",), Trouble("network", "the proxy does not answer", "correct HTTPS_PROXY, or unset it")),
    (("SSLError",), Trouble("network", "the hub's certificate is not accepted", "correct REQUESTS_CA_BUNDLE or HF_ENDPOINT")),
    (("ChunkedEncodingError", "ContentDecodingError", "IncompleteRead", "RemoteProtocolError", "ProtocolError"), _CUT),
    (("Timeout", "TimeoutException"), Trouble("network", "the hub does not answer in time", _RETRY)),
    (("ConnectionError", "TransportError", "NewConnectionError", "NameResolutionError"), _NETWORK),
    (("DatasetNotFoundError",), _ABSENT),
    (("DataFilesNotFoundError", "EmptyDatasetError"), Trouble("file", "it holds no files of rows", OWN_FILES)),
)  # fmt: skip


def _of_status(error: BaseException, response: Any) -> Trouble:
    status = int(response.status_code)
    headers = response.headers
    request = getattr(response, "request", None)
    has_token = bool(request is not None and request.headers.get("Authorization"))
    if _is_of(error, "GatedRepoError"):
        if has_token:
            return Trouble("gated", "it is gated, and your account has no access", "ask for access on its page")
        return Trouble("gated", "it is gated", "accept its terms on its page and log in (`hf auth login` or HF_TOKEN)")
    if status == 401 and has_token:
        return _TOKEN
    if _is_of(error, "RevisionNotFoundError"):
        return Trouble("revision", "it has no such revision", "correct `revision` in the task file, or the pin")
    if _is_of(error, "EntryNotFoundError"):
        return Trouble("file", "it has no such file", "correct the task")
    if _is_of(error, "DisabledRepoError"):
        return Trouble("absent", "access to it is disabled on the hub", "expected another id")
    if _is_of(error, "RepositoryNotFoundError"):
        return _ABSENT
    if status == 429:
        wait = _seconds(headers)
        said = "the hub takes no more requests from here for now" + ("" if wait is None else f" (wait {wait:.0f} s)")
        return Trouble("limit", said, "run the same command later, or with HF_TOKEN, which raises the limit", wait)
    if status in (401, 403):
        return Trouble("token", f"the hub refuses access ({status})", "log in with `hf auth login` or HF_TOKEN")
    if status >= 500:
        return Trouble("server", f"the hub has a fault of its own ({status})", "run the same command later")
    return Trouble("other", f"the hub answers {status}", "correct HF_ENDPOINT if it is set")


def _seconds(headers: Any) -> float | None:
    """Return the seconds to wait that an answer states: `Retry-After`, or `t=` of `RateLimit`."""
    limit = dict(part.strip().split("=", 1) for part in (headers.get("RateLimit") or "").split(";") if "=" in part)
    for text in (headers.get("Retry-After"), limit.get("t")):
        try:
            return float(json.loads(text or ""))
        except (TypeError, ValueError):
            continue
    return None
