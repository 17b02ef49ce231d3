"""Gate of a local page: who may ask, by the headers `Host` and `Origin`; and what a browser may load, by a policy.

A page of another site can make a browser send requests to this machine, also under a name of that site's own that it lets
lead here. Both show in these headers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_REFUSED = 1008  # the code of a websocket that breaks a rule


class Gate:
    """Lets requests through that a page of this server sends, and refuses the others with a sentence.

    Args:
        app: what answers.
        names: hosts by which the server may be called; loopback addresses always are.
        is_open: whether it listens to other machines, which call it by any of its addresses (numbers, not names).
    """

    def __init__(self, app: App, *, names: Collection[str] = (), is_open: bool = False) -> None:
        self.app = app
        self._names = {*LOOPBACK, *(name.lower() for name in names)}
        self._is_open = is_open

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        why = self.refusal(headers, method=scope.get("method", "GET"))
        if why and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _REFUSED, "reason": why})
        elif why:
            kind = (b"content-type", b"text/plain; charset=utf-8")
            status = 405 if "only read" in why else 403
            await send({"type": "http.response.start", "status": status, "headers": [kind, (b"connection", b"close")]})
            await send({"type": "http.response.body", "body": f"{why}\n".encode()})
        else:
            await self.app(scope, receive, _with_policy(send, headers.get("host", "")))

    def refusal(self, headers: Mapping[str, str], *, method: str = "GET") -> str:
        """Return why a request is refused, or nothing.

        Example:
            >>> gate = Gate(None)
            >>> gate.refusal({"host": "localhost:8080", "origin": "http://localhost:8080"})
            ''
            >>> gate.refusal({"host": "evil.example:8080"})
            'This page answers at its own address and not at evil.example:8080.'
            >>> gate.refusal({"host": "127.0.0.1:8080", "origin": "http://evil.example"})
            'This page answers itself and not http://evil.example.'
        """
        host = headers.get("host", "")
        if not self._is_own(_name_of(host)):
            return f"This page answers at its own address and not at {host or 'a request without a host'}."
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
            return f"This page answers itself and not {origin}."
        if method not in ("GET", "HEAD"):
            return "This page is only read: send GET, or ask `xstilts predict` and the server of MLflow for answers."
        return ""

    def _is_own(self, name: str) -> bool:
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._is_open or address.is_loopback


def is_loopback(host: str) -> bool:
    """Return whether only programs of this machine reach a host.

    Example:
        >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "myhost")]
        [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _name_of(host: str) -> str:
    """Return the name in a header `Host`, without the port and without the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _with_policy(send: Send, host: str) -> Send:
    """Return what sends responses with a policy: nothing is loaded from elsewhere, and no other page shows this one."""
    policy = (
        "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    more = [
        (b"content-security-policy", policy.encode("latin-1")),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
    ]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return sent
