"""The MLflow side: where it is and whether it answers; mlflow is imported in functions only."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import sqlite3
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROBE_S = 3.0
_MAKING_S = 120.0
RUN_S = 30
"""What the thread of a run has patience for: seconds of one answer."""
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def tracking_uri(uri: str | None = None, folder: Path = Path(".")) -> str:
    """Return the URI that a tracker opened with `uri` in `folder` writes to.

    Args:
        uri: a URI that was asked for; it goes before `MLFLOW_TRACKING_URI`.
        folder: working folder; without either URI the store is its `mlflow.db`.
    """
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or own_store(folder)


def own_store(folder: Path) -> str:
    """Return the URI of a working folder's own store."""
    return database_uri(Path(folder).resolve() / "mlflow.db")


def database_uri(path: Path) -> str:
    """Return the URI of a database file, which `local_path` and MLflow read as exactly that file.

    MLflow 3.17 makes the folder that `sqlite:///` names without unquoting it; of another spelling it leaves that to SQLAlchemy.

    Args:
        path: absolute.

    Example:
        >>> database_uri(Path("/home/me/mlflow.db")), database_uri(Path("/is 5% enough?/mlflow.db"))
        ('sqlite:////home/me/mlflow.db', 'sqlite+pysqlite:////is%205%25%20enough%3F/mlflow.db')
    """
    plain, quoted = str(path), quote(str(path))
    return f"sqlite:///{plain}" if plain == quoted else f"sqlite+pysqlite:///{quoted}"


def folder_uri(path: Path) -> str:
    """Return the URI of a folder of this machine."""
    return Path(path).resolve().as_uri()


def local_path(uri: str) -> Path | None:
    """Return the database file or folder of this machine that a URI names; None for a server and a database in memory.

    Example:
        >>> local_path("sqlite:////home/me/mlflow.db"), local_path("http://tracker:5000")
        (PosixPath('/home/me/mlflow.db'), None)
    """
    parts = urlsplit(uri)
    if parts.scheme.partition("+")[0] == "sqlite":
        path = unquote(uri.partition(":///")[2].partition("?")[0])
        return Path(path) if path and path != ":memory:" else None
    if parts.scheme in ("", "file"):
        return Path(unquote(parts.path)) if parts.scheme else Path(uri)
    return None


def shown(uri: str) -> str:
    """Return a URI fit for a screen or a file: without user and password.

    Example:
        >>> shown("https://me:secret@tracker.example:5000/mlflow")
        'https://tracker.example:5000/mlflow'
    """
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


def fault_of(uri: str, *, within_s: float = PROBE_S) -> str | None:
    """Return why the tracker at `uri` cannot be used, or None where it answers within some seconds.

    MLflow itself would try for minutes (120 s a request, several retries; a database ten times over).
    """
    answer: list[str | None] = [f"no answer within {within_s + 1:.0f} s"]

    def probe() -> None:
        try:
            answer[0] = _fault_of(uri, within_s)
        except Exception as fault:
            answer[0] = reason(fault, uri)

    # In a thread because the look-up of a host's name knows no timeout.
    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(within_s + 1)
    return answer[0]


def _fault_of(uri: str, within_s: float) -> str | None:
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme in ("http", "https"):
        port = parts.port or (443 if scheme == "https" else 80)
        return _http_fault(shown(uri), parts.hostname or "", port, within_s)
    if scheme == "sqlite":
        path = local_path(uri)
        return None if path is None else _sqlite_fault(path, within_s)
    if scheme in DATABASE_PORTS and parts.hostname:
        socket.create_connection((parts.hostname, parts.port or DATABASE_PORTS[scheme]), timeout=PROBE_S).close()
    return None


def _http_fault(uri: str, host: str, port: int, within_s: float) -> str | None:
    if not (urllib.request.getproxies().get(uri.partition(":")[0]) and not urllib.request.proxy_bypass(host)):
        socket.create_connection((host, port), timeout=PROBE_S).close()
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=within_s):
            return None
    except urllib.error.HTTPError as fault:
        # Whatever speaks HTTP is there (a log-in page, a server without /health); a gateway without its server is not.
        return f"HTTP {fault.code}" if fault.code in (502, 503, 504) else None
    except urllib.error.URLError as fault:
        # Certificates are MLflow's business (MLFLOW_TRACKING_INSECURE_TLS and its like).
        if isinstance(fault.reason, ssl.SSLError):
            return None
        raise


def _sqlite_fault(path: Path, within_s: float) -> str | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path, timeout=within_s)) as database:
            database.execute("BEGIN IMMEDIATE")  # asks for the write lock: readable is not enough
            database.execute("SELECT count(*) FROM sqlite_master")
            database.execute("ROLLBACK")
    except (OSError, sqlite3.Error) as fault:
        return reason(fault)
    return None


def may_have_open_runs(uri: str) -> bool:
    """Whether a tracker may have runs that are open; of a database file this is looked up without MLflow."""
    path = local_path(uri)
    if path is None or not uri.startswith("sqlite"):
        return path is None
    if not path.is_file():
        return False
    with contextlib.closing(sqlite3.connect(path, timeout=PROBE_S)) as database:
        return database.execute("SELECT 1 FROM runs WHERE status = 'RUNNING' LIMIT 1").fetchone() is not None


def reason(fault: BaseException, uri: str = "") -> str:
    """Return a fault's first line, short and without credentials."""
    if isinstance(fault, urllib.error.URLError) and isinstance(fault.reason, BaseException):
        fault = fault.reason
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror  # without the path, which the sentence around it has
    fault = _of_database(fault)
    first = (str(fault).strip() or type(fault).__name__).splitlines()[0]
    if "ConnectionPool(" in first:  # three lines of urllib3's insides, and always this
        first = "it stopped answering"
    if secret := urlsplit(uri).netloc.rpartition("@")[0]:
        first = first.replace(f"{secret}@", "")
    return first if len(first) <= 160 else first[:159] + "…"


def _of_database(fault: BaseException) -> BaseException:
    """Return the database's own fault that SQLAlchemy and MLflow have wrapped in theirs, or the fault itself."""
    inner: BaseException | None = fault
    while inner is not None and not isinstance(inner, sqlite3.Error):
        inner = inner.__cause__ or inner.__context__
    return inner or fault


def is_refusal(fault: BaseException) -> bool:
    """Return whether the tracker is there and will never take this event, so that keeping it for later is useless."""
    return getattr(fault, "error_code", None) in (
        "INVALID_PARAMETER_VALUE",
        "BAD_REQUEST",
        "MALFORMED_REQUEST",
        "ENDPOINT_NOT_FOUND",
    )


@contextlib.contextmanager
def waits(*, timeout_s: int, retries: int) -> Iterator[None]:
    """Bound MLflow's HTTP requests inside the block; what the user has set in the environment stays."""
    before = {name: os.environ.get(name) for name in _bounds(0, 0)}
    ours = _bounds(timeout_s, retries)
    os.environ.update({name: ours[name] for name, value in before.items() if value in (None, _OF_A_RUN[name])})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _bounds(timeout_s: int, retries: int) -> dict[str, str]:
    return {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(timeout_s),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(retries),
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
        "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
        # A server that asks for a minute's patience gets it from `sync`, not from a run.
        "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    }


_OF_A_RUN = _bounds(RUN_S, 1)


def load(uri: str) -> None:
    """Import what a client of `uri` needs, and bound its requests for the whole process: threads share an environment."""
    # Nothing in toolkit/ prints, and nothing of a run is sent anywhere but to the tracker.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for name, value in _OF_A_RUN.items():
        os.environ.setdefault(name, value)
    import mlflow.entities

    if urlsplit(uri).scheme.partition("+")[0] in ("sqlite", *DATABASE_PORTS):
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
    for noisy in ("mlflow.store", "alembic"):  # faults are raised as well, and said in one sentence
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


def connect(uri: str) -> MlflowClient:
    """Return a client; the first one of a process takes some seconds, the first one of a new database some more."""
    load(uri)
    from mlflow import MlflowClient

    path = local_path(uri) if uri.startswith("sqlite") else None
    if path is not None:
        with _alone(path):
            if not _has_experiments(path):
                _make_tables(uri, path)
    return MlflowClient(tracking_uri=uri)


def _has_experiments(path: Path) -> bool:
    with (
        contextlib.closing(sqlite3.connect(path, timeout=RUN_S)) as database,
        contextlib.suppress(sqlite3.DatabaseError),
    ):
        return bool(database.execute("SELECT count(*) FROM experiments").fetchone()[0])
    return False


def _make_tables(uri: str, path: Path) -> None:
    """Make a database's tables and its first experiment.

    MLflow 3.17 writes the place of that experiment, by default in the working folder, into a statement of SQL as it is: a quote
    in the folder's name ends the statement. A URI has none.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(uri, folder_uri(path.parent / "mlartifacts"))  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time make a database's tables, or change them to those of another release of MLflow.

    The lock is that of the database's folder, so that it leaves no file. A file system without locks has none.
    """
    if not path.parent.is_dir():
        yield
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        end = time.monotonic() + _MAKING_S
        while time.monotonic() < end:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
            except OSError:
                break
        yield
    finally:
        os.close(folder)
