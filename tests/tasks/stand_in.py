"""A server on this machine that answers what `huggingface_hub` asks of a dataset: its revision, its files, their bytes."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Datasets:
    """Datasets by id and revision name (`main`): path -> bytes; parquet files stand in the large storage.

    `sent` counts the bytes of files that went out, `cut` ends the next file after so many bytes, `wrong` sends other bytes.
    """

    repos: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    ranges: list[str] = field(default_factory=list)
    cut: int | None = None
    wrong: set[str] = field(default_factory=set)

    def commit(self, repo: str, name: str = "main") -> str:
        files = self.repos[repo][name]
        return hashlib.sha1(b"".join(path.encode() + data for path, data in sorted(files.items()))).hexdigest()

    def files(self, repo: str, revision: str) -> dict[str, bytes] | None:
        for name, files in self.repos.get(repo, {}).items():
            if revision in (name, self.commit(repo, name)):
                return files
        return None


def _told(path: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    found: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob}
    if path.endswith(".parquet"):
        found["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return found


@contextmanager
def serve(hub: Datasets) -> Iterator[str]:
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
                stop = len(data) if hub.cut is None or "ETag" not in headers else hub.cut
                self.wfile.write(data[:stop])
                if stop < len(data):
                    hub.cut = None
                    self.close_connection = True

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([0-9a-f]{40}|main)/(.+)", path):
                self.send_file(*found.groups())
                return
            found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+?)(?:/(revision|tree)/(.+))?", path)
            repo, what, revision = found.groups() if found else ("", None, None)
            files = hub.files(repo, revision or "main")
            if repo not in hub.repos:
                self.say({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
            elif files is None:
                self.say({"error": "Invalid rev id"}, 404, X_Error_Code="RevisionNotFound")
            elif what == "tree":
                self.say([_told(*each) for each in files.items()])
            else:
                name = next(name for name, held in hub.repos[repo].items() if held is files)
                self.say({"id": repo, "sha": hub.commit(repo, name), "siblings": [], "private": False, "tags": []})

        def send_file(self, repo: str, revision: str, path: str) -> None:
            data = (hub.files(repo, revision) or {}).get(path)
            if data is None:
                self.say(b"", 404, X_Error_Code="EntryNotFound")
                return
            told = _told(path, data)
            known = {"ETag": f'"{told.get("lfs", told)["oid"]}"', "X_Repo_Commit": revision}
            if path in hub.wrong:
                data = bytes(len(data))
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            start = int(asked[1]) if asked else 0
            if self.command == "GET":
                hub.sent[path] = hub.sent.get(path, 0) + len(data) - start
                hub.ranges += [self.headers["Range"]] if asked else []
            if asked:
                self.say(data[start:], 206, **known, Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.say(data, **known)

        do_HEAD = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
