"""Proxy in front of a real MLflow server: it delays requests, drops them, or answers 500 and 401 in the server's place.

    python -m tests.soak.proxy --delay 1.0 --folder /tmp/tracker

starts a server and the proxy, and prints the address for `MLFLOW_TRACKING_URI`.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

from tests.waiting import wait_until

Fault = Literal["none", "drop", "lose", "500", "401"]
"""What happens to a request: it is answered; cut off unheard; cut off after the server heard it; or refused."""

_PER_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass
class Proxy:
    """Proxy that is serving; its attributes may be set while it does.

    Attributes:
        uri: address, for `MLFLOW_TRACKING_URI`.
        delay_s: seconds that each request waits before the server hears it.
        fault: what happens to each request; a function is asked with the method and path of each.
        heard: method and path of the requests so far, in the order of their arrival.
    """

    uri: str
    delay_s: float = 0.0
    fault: Fault | Callable[[str, str], Fault] = "none"
    heard: list[tuple[str, str]] = field(default_factory=list)

    def fault_of(self, method: str, path: str) -> Fault:
        """Return what happens to a request."""
        return self.fault if isinstance(self.fault, str) else self.fault(method, path)


def at_random(share: float, *, seed: int) -> Callable[[str, str], Fault]:
    """Return a choice of faults for `Proxy.fault`: a share of the requests gets one of them, each as often as the others."""
    rng = random.Random(seed)
    faults: tuple[Fault, ...] = ("drop", "lose", "500", "401")
    return lambda method, path: rng.choice(faults) if rng.random() < share else "none"


@contextmanager
def proxied(upstream: str, *, delay_s: float = 0.0) -> Iterator[Proxy]:
    """Serve a proxy of an `http://host:port` while the block runs."""
    host, _, port = upstream.removeprefix("http://").rstrip("/").partition(":")
    proxy = Proxy("", delay_s)

    class Handler(_Handler):
        server_at = (host, int(port))
        to = proxy

    server = _Server(("127.0.0.1", 0), Handler)
    proxy.uri = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: who asked may be killed at any moment."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_at: tuple[str, int]
    to: Proxy

    def _answer(self) -> None:
        body = self._body()
        self.to.heard.append((self.command, self.path))
        time.sleep(self.to.delay_s)
        fault = self.to.fault_of(self.command, self.path)
        if fault == "drop":
            self._cut_off()
        elif fault in ("500", "401"):
            self._send(int(fault), [("Content-Type", "text/plain")], b"answered by the proxy")
        else:
            status, headers, content = self._ask(body)
            if fault == "lose":
                self._cut_off()
            else:
                self._send(status, headers, content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.server_at, timeout=600)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _PER_CONNECTION}
        headers["Host"] = "{}:{}".format(*self.server_at)  # MLflow refuses names that it does not know
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except OSError:  # the server is not there
            return 502, [], b""
        finally:
            connection.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = b""
        while length := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(length)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return found

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        with suppress(OSError):  # who asked may be gone
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in (*_PER_CONNECTION, "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    def _cut_off(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Serve a real MLflow server on a database and artifacts in `folder` while the block runs; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", "sqlite:///server.db", "--artifacts-destination", "artifacts"]
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    at = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(at), f"an answer of MLflow at {at}", process=server, every_s=0.2)
        yield at
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):  # the whole group: it starts processes
            with suppress(ProcessLookupError):
                os.killpg(server.pid, number)
            with suppress(subprocess.TimeoutExpired):
                server.wait(5)


def _answers(at: str) -> bool:
    try:
        with urllib.request.urlopen(f"{at}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="of each request")
    parser.add_argument(
        "--faults", type=float, default=0.0, metavar="SHARE", help="of the requests that are not answered"
    )
    parser.add_argument("--folder", type=Path, required=True, help="of the server's database and artifacts")
    given = parser.parse_args()
    with mlflow_server(given.folder) as at, proxied(at, delay_s=given.delay) as proxy:
        if given.faults:
            proxy.fault = at_random(given.faults, seed=0)
        print(f"direct {at}  proxy {proxy.uri}", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
