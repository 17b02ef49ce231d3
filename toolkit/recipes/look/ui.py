"""Journey `ui`: MLflow's page on the runs of a folder or of a server, opened on a view of the scores."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.recipes.look import guard
from toolkit.recipes.look.pictures import Pictures
from toolkit.recipes.session.listening import listen
from toolkit.tracking import view
from toolkit.tracking.server import connect, fault_of, local_path, own_store, reason, shown, tracking_uri, waits
from toolkit.tracking.spool import NAME, is_left, spooled, sync_command

_START_S = 120.0


def open_ui(folder: Path, *, host: str, port: int, tell: Callable[[str], None]) -> int:
    """Serve MLflow's page until Ctrl-C ends it, or name the page of a server that runs already; draw scores meanwhile.

    Args:
        folder: holds `mlflow.db`; `MLFLOW_TRACKING_URI` goes before it.
        host, port: to listen on.
        tell: gets what there is to open.

    Returns:
        The exit code: 0 after Ctrl-C, else that of MLflow's server.

    Raises:
        ToolkitError: there is no record of runs, it cannot be read, or the port is taken. Nothing is created.
    """
    uri = tracking_uri(None, folder)
    _require_runs(uri, folder)
    if why := fault_of(uri):
        raise ToolkitError(
            f"MLflow at {shown(uri)} cannot be used ({why}); check the address, or name a --folder with runs."
        )
    is_server = uri.startswith(("http://", "https://"))
    if not is_server:
        listen(host, port).close()
    try:
        with waits(timeout_s=10, retries=1):
            client = connect(uri)
            found = view.prepare(client)
    except Exception as fault:
        raise ToolkitError(
            f"MLflow at {shown(uri)} cannot be read ({reason(fault, uri)}); check what it holds."
        ) from None
    at = shown(uri).rstrip("/") if is_server else f"http://{host}:{port}"
    if is_server:
        _say(found, at, tell)
        with suppress(KeyboardInterrupt), Pictures(client) as pictures:
            pictures.wait()
        return 0
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", host, "--port", str(port)]
    command += ["--uvicorn-opts", "--log-level warning"]  # without a line for each request
    command += ["--workers", "1"]  # one reader: MLflow's default of four takes a minute to start on a small machine
    try:
        with _running(command) as server:
            _wait(server, f"http://{host}:{port}")
            if server.poll() is None:
                _say(found, at, tell)
                tell(f"Runs of {shown(uri)}; Ctrl-C ends the server.")
                if waiting := sum(map(is_left, spooled(folder))):
                    what = "1 run waits" if waiting == 1 else f"{waiting} runs wait"
                    tell(f"{what} in {folder / NAME}; `{sync_command(folder)}` uploads.")
            with Pictures(client):
                return server.wait()
    except KeyboardInterrupt:
        return 0


@contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, and end it with all that it started when the block ends, or when this process is killed."""
    # MLflow's jobs are evaluations by language models, which nothing here starts.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", **os.environ}
    server = subprocess.Popen(
        [sys.executable, guard.__file__, *command],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=sys.stderr,
        start_new_session=True,
    )
    try:
        yield server
    finally:
        assert server.stdin is not None
        with suppress(OSError):
            server.stdin.close()
        try:
            server.wait(3 * guard.END_S)
        except subprocess.TimeoutExpired:
            server.kill()


def _require_runs(uri: str, folder: Path) -> None:
    """Raise where a database is a file that does not exist: looking must not make one."""
    path = local_path(uri)
    if path is None or path.exists():
        return
    if uri != own_store(folder):
        raise ToolkitError(f"There is no database {path}, which MLFLOW_TRACKING_URI names; correct or unset it.")
    if not folder.exists():
        raise ToolkitError(f"There is no folder {folder}; name the one in which you trained with --folder.")
    if not folder.is_dir():
        raise ToolkitError(f"{folder} is not a folder; name the one that holds mlflow.db with --folder.")
    raise ToolkitError(f"There is no {path}, so no runs to show; name the folder in which you trained with --folder.")


def _say(found: list[view.Shown], at: str, tell: Callable[[str], None]) -> None:
    if not found:
        tell(f"{at}/  (no runs yet)")
    for one in found:
        tell(f"{at}{one.path}  {one.name}, {one.n_runs} {'run' if one.n_runs == 1 else 'runs'}")


def _wait(server: subprocess.Popen[bytes], at: str) -> None:
    """Wait until the server answers, so that the address can be opened when it is shown; or until it has ended."""
    end = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{at}/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
