"""A server on this machine that answers what `huggingface_hub` asks of the hub: enough to write, list and read a repository."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class Hub:
    """Repositories by name: path -> bytes; `commits` counts, `meanwhile` runs before a commit is taken."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, bytes]] = {}
        self.commits = 0
        self.meanwhile = lambda: None
        self.lock = threading.Lock()

    @property
    def head(self) -> str:
        return hashlib.sha1(str(self.commits).encode()).hexdigest()


@contextmanager
def serve(hub: Hub) -> Iterator[str]:
    """Answer requests in the background; yields the address for `HF_ENDPOINT`."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def say(self, body: Any, status: int = 200, **headers: str) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def do_POST(self) -> None:
            path, data = urlsplit(self.path).path, self.body()
            if path == "/api/repos/create":
                asked = json.loads(data)
                name = f"{asked['organization']}/{asked['name']}"
                is_there = name in hub.repos
                hub.repos.setdefault(name, {})
                self.say({"url": f"{address}/{name}"}, 409 if is_there else 200)
            elif path == "/api/validate-yaml":
                self.say({"errors": [], "warnings": []})
            elif path.endswith("/preupload/main"):
                files = [
                    {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for f in json.loads(data)["files"]
                ]
                self.say({"files": files})
            elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
                lines = [json.loads(line) for line in data.splitlines() if line]
                hub.meanwhile()
                with hub.lock:
                    if lines[0]["value"].get("parentCommit") not in (None, hub.head):
                        self.say({"error": "A commit has happened since."}, 412)
                        return
                    for line in lines[1:]:
                        hub.repos[found[1]][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                    hub.commits += 1
                self.say(
                    {"success": True, "commitOid": hub.head, "commitUrl": f"{address}/{found[1]}/commit/{hub.head}"}
                )
            else:
                self.say({"error": "?"}, 404)

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
                data = hub.repos.get(found[1], {}).get(found[2])
                if data is None:
                    self.say(b"", 404, X_Error_Code="EntryNotFound")
                    return
                known = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X_Repo_Commit": hub.head}
                if asked := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or ""):
                    self.say(data[int(asked[1]) : int(asked[2]) + 1], 206, **known)
                else:
                    self.say(data, **known)
                return
            found = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/[^/]+)?(?:/(.*))?", path)
            if not found or found[1] not in hub.repos:
                self.say({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
            elif found[2] == "tree":
                start = f"{found[3]}/" if found[3] else ""
                self.say(
                    [
                        {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                        for name, data in hub.repos[found[1]].items()
                        if name.startswith(start)
                    ]
                )
            else:
                self.say({"id": found[1], "sha": hub.head, "siblings": [], "private": False, "tags": []})

        do_HEAD = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
