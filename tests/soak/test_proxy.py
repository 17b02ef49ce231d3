"""The proxy of the soak does to requests what it is asked to."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.soak.proxy import Proxy, at_random, proxied


class Echo(BaseHTTPRequestHandler):
    """Server that answers with what it was sent."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append(body)
        self.send_response(201)
        self.send_header("X-Name", "value")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Echo.bodies = []
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with proxied(f"http://127.0.0.1:{server.server_address[1]}") as found:
            yield found
        server.shutdown()
        thread.join()


def sent(proxy: Proxy) -> tuple[int, str | None, bytes]:
    with urllib.request.urlopen(f"{proxy.uri}/a", data=b"body", timeout=60) as answer:
        return answer.status, answer.headers["X-Name"], answer.read()


def test_it_passes_requests_on_after_the_delay(proxy: Proxy) -> None:
    assert sent(proxy) == (201, "value", b"body")
    proxy.delay_s = 0.1
    began = time.monotonic()
    assert sent(proxy) == (201, "value", b"body")
    assert time.monotonic() - began >= 0.1
    assert proxy.heard == [("POST", "/a")] * 2


def test_it_drops_before_or_behind_the_server(proxy: Proxy) -> None:
    proxy.fault = "drop"
    with pytest.raises(http.client.RemoteDisconnected):
        sent(proxy)
    assert Echo.bodies == []
    proxy.fault = "lose"
    with pytest.raises(http.client.RemoteDisconnected):
        sent(proxy)
    assert Echo.bodies == [b"body"]


@pytest.mark.parametrize("code", ["500", "401"])
def test_it_refuses_in_the_place_of_the_server(proxy: Proxy, code: str) -> None:
    proxy.fault = lambda method, path: code if path == "/a" else "none"  # type: ignore[return-value]
    with pytest.raises(urllib.error.HTTPError, match=code):
        sent(proxy)
    assert Echo.bodies == []


def test_faults_at_random_are_the_same_for_a_seed() -> None:
    first, second = at_random(0.5, seed=1), at_random(0.5, seed=1)
    drawn = [first("GET", "/") for _ in range(200)]
    assert drawn == [second("GET", "/") for _ in range(200)]
    assert set(drawn) == {"none", "drop", "lose", "500", "401"}
