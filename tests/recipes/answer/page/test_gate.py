"""Gate of the page: requests of its own pass, those of other sites do not, and nothing is loaded from elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from toolkit.recipes.answer.page.gate import Gate, Message


async def answer(scope: Message, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": b"well"})


def asked(gate: Gate, headers: dict[str, str], *, kind: str = "http", method: str = "GET") -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def receive() -> Message:
        raise AssertionError("a body is not read")

    scope = {"type": kind, "method": method, "headers": [(k.encode(), v.encode()) for k, v in headers.items()]}
    asyncio.run(gate(scope, receive, send))
    return sent


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LOCALHOST:8080", "127.0.0.2:1", "localhost"]
)
def test_its_own_requests_pass_with_a_policy(host: str) -> None:
    start, _ = asked(Gate(answer), {"host": host, "origin": f"http://{host}"})
    headers = dict(start["headers"])
    assert start["status"] == 200 and headers[b"x-own"] == b"1"
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'none'" in policy and f"ws://{host}" in policy and "frame-ancestors 'none'" in policy
    assert "http:" not in policy and "https:" not in policy


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8080"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "192.168.0.7:8080"},
        {"host": "127.0.0.1:8080", "origin": "http://evil.example"},
        {"host": "127.0.0.1:8080", "origin": "null"},
        {"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:9090"},
        {"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:8080.evil.example"},
        {"host": "[evil.example]:8080"},
        {},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_those_of_others_are_refused_in_a_sentence(headers: dict[str, str], kind: str) -> None:
    sent = asked(Gate(answer), headers, kind=kind)
    if kind == "websocket":
        assert [each["type"] for each in sent] == ["websocket.close"] and sent[0]["reason"].endswith(".")
    else:
        assert sent[0]["status"] == 403 and sent[1]["body"].decode().endswith(".\n")


def test_a_request_of_100_mb_is_refused_before_it_is_read() -> None:
    sent = asked(Gate(answer), {"host": "127.0.0.1", "content-length": str(10**8)}, method="POST")
    assert sent[0]["status"] == 405 and b"`xstilts predict`" in sent[1]["body"]


def test_a_server_for_other_machines_answers_at_its_addresses_and_names_and_at_no_other_name() -> None:
    gate = Gate(answer, names={"box.example"}, is_open=True)
    for host in ("192.168.0.7:8080", "box.example:8080", "[fe80::1]:8080", "localhost:8080"):
        assert asked(gate, {"host": host})[0]["status"] == 200
    assert asked(gate, {"host": "evil.example:8080"})[0]["status"] == 403


def test_what_is_no_request_passes() -> None:
    async def lifespan(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})

    assert asked(Gate(lifespan), {}, kind="lifespan") == [{"type": "lifespan.startup.complete"}]
