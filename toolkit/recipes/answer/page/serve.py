"""Server of the page: listens on this machine, answers until it is stopped, and lets go of the models."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import cache
from importlib.util import find_spec
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.progress import Say
from toolkit.recipes.answer.page.desk import Desk
from toolkit.recipes.answer.page.gate import Gate, is_loopback
from toolkit.recipes.session.listening import listen, url_of

PACKAGE = "nicegui"
_END_S = 5  # for requests under way when the server is stopped


def require_package() -> None:
    """Raise a ToolkitError where the library of the page is not installed."""
    if find_spec(PACKAGE) is None:
        raise ToolkitError(
            f"The page needs the package {PACKAGE}, which is not installed; run `pip install 'xstilts[page]'`."
        )


def serve(desk: Desk, chosen: Sequence[str], *, host: str, port: int, tell: Say) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Args:
        desk: answers; its models are closed at the end.
        chosen: compositions that are chosen at first.
        host, port: to listen on; port 0: one that is free.
        tell: gets the address, and a sentence where other machines reach it.

    Raises:
        ToolkitError: the library is not installed, or nothing can listen there.
    """
    require_package()
    with closing(listen(host, port)) as door:
        address = url_of(host, door.getsockname()[1])
        site = _site()
        site.build = _builder(desk, chosen)
        is_open = not is_loopback(host)
        names = {host, socket.gethostname(), socket.getfqdn()} if is_open else set()

        def begun() -> None:
            if is_open:
                tell(
                    f"Everybody who reaches this machine can ask at port {door.getsockname()[1]}, without a password; `--host 127.0.0.1` keeps it "
                    "to this machine."
                )
            tell(f"{address}/  (Ctrl-C ends the page)")

        server = _server(Gate(site.app, names=names, is_open=is_open), begun)
        try:
            with suppress(KeyboardInterrupt):
                server.run(sockets=[door])
        finally:
            desk.close()


def _builder(desk: Desk, chosen: Sequence[str]) -> Callable[[], None]:
    from toolkit.recipes.answer.page.look import Look

    def build() -> None:
        Look(desk, chosen)

    return build


class _Site:
    """NiceGUI's application, of which a process has one: what it shows is replaced for each `serve`."""

    def __init__(self) -> None:
        from fastapi import FastAPI
        from nicegui import core, ui

        self.build: Callable[[], None] = lambda: None
        self.app: Any = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        ui.run_with(
            self.app,
            root=lambda: self.build(),
            title="xstilts: try compositions",
            favicon=_ICON,
            dark=None,
            language="en-US",
            tailwind=False,
            show_welcome_message=False,
        )
        core.app.config.socket_io_js_transports = ["websocket"]


@cache
def _site() -> _Site:
    return _Site()


def _server(app: Gate, begun: Callable[[], None]) -> Any:
    import uvicorn

    class Server(uvicorn.Server):
        """Says when it answers."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                begun()

    return Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            loop="asyncio",
            timeout_graceful_shutdown=_END_S,
        )
    )


_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M4 5h16v10H9l-5 4z" fill="#0f6b57"/></svg>'
)
