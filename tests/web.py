"""A server of files on this machine, with the faults of servers on request."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Site:
    """Files by path, and faults.

    Attributes:
        files: path (with its leading `/`) -> content.
        asked: the ranges that were asked for, by path; empty: the whole file.
        refused: status and `Retry-After` of the next answers.
        cut: the next answer ends after so many bytes.
        knows_ranges: whether it sends parts of files.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[int, str | None]] = field(default_factory=list)
    cut: int | None = None
    knows_ranges: bool = True


@contextmanager
def serve(site: Site) -> Iterator[str]:
    """Answer requests in the background; yields the address."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            path, asked = self.path.split("?")[0], self.headers.get("Range") or ""
            site.asked.append((path, asked))
            if site.refused:
                status, wait = site.refused.pop(0)
                return self.say(status, b"no", {"Retry-After": wait} if wait else {})
            if path not in site.files:
                return self.say(404, b"not here", {})
            data, found = site.files[path], re.fullmatch(r"bytes=(\d+)-", asked)
            if found is None or not site.knows_ranges:
                return self.say(200, data, {})
            if int(found[1]) >= len(data):
                return self.say(416, b"", {})
            part = data[int(found[1]) :]
            return self.say(206, part, {"Content-Range": f"bytes {found[1]}-{len(data) - 1}/{len(data)}"})

        def say(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            end, site.cut = (site.cut, None) if status < 300 else (None, site.cut)
            self.wfile.write(data[:end])
            if end is not None and end < len(data):
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
