"""A server on this machine that answers what `huggingface_hub` and `datasets` ask of the hub."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.repos import Hub, Repo, facts_of

_ID = r"([^/]+/[^/]+?|[^/]+?)"
_REVISION = r"(refs/[^/]+/[^/]+|[^/]+)"
_FILE = re.compile(rf"/(datasets/)?{_ID}/resolve/{_REVISION}/(.+)")
_API = re.compile(
    rf"/api/(datasets|models)/{_ID}(?:/(revision|tree|paths-info|refs|preupload|commit)(?:/{_REVISION}(?:/(.*))?)?)?"
)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub  # of the server
    address: str

    def log_message(self, *_: Any) -> None:
        pass

    # -- what every request goes through -----------------------------------------------------------------------------

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_GET

    def _answer(self) -> None:
        hub = self.hub
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.where, self.query = unquote(parts.path), parse_qs(parts.query)
        with hub.lock:
            hub.asked.append(f"{self.command} {self.where}")
            hub.at_once += 1
            hub.most_at_once = max(hub.most_at_once, hub.at_once)
        try:
            if hub.slow_s:
                time.sleep(hub.slow_s)
            if not self._refused():
                self._found()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with hub.lock:
                hub.at_once -= 1

    def _refused(self) -> bool:
        hub, token = self.hub, self.headers.get("Authorization", "").removeprefix("Bearer ")
        if hub.is_down:
            self._say({"error": "Internal Error - We're working hard to fix this as soon as possible!"}, 500)
        elif hub.limited:
            hub.limited -= hub.limited > 0
            self._say({"error": "We had to rate limit you, you can retry in 300 seconds."}, 429, Retry_After="300")
        elif token and token != hub.accepted:
            self._say({"error": "Invalid username or password."}, 401, X_Error_Message="Invalid username or password.")
        else:
            return False
        return True

    def _found(self) -> None:
        if found := _FILE.fullmatch(self.where):
            self._file(*found.groups())
        elif found := _API.fullmatch(self.where):
            self._api(*found.groups())
        elif self.where == "/api/repos/create":
            self._create(json.loads(self.body))
        elif self.where == "/api/validate-yaml":
            self._say({"errors": [], "warnings": []})
        else:
            self._say({"error": "Sorry, we can't find the page you are looking for."}, 404)

    def _say(self, body: Any, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.hub.cut if "ETag" in headers else None
        self.wfile.write(data[:cut])
        if cut is not None and cut < len(data):
            self.hub.cut = cut if self.hub.is_always_cut else None
            self.close_connection = True

    def _absent(self, what: str = "Repo") -> None:
        """The hub does not tell a stranger whether a repository is private or absent."""
        is_stranger = what == "Repo" and "Authorization" not in self.headers
        said = "Invalid username or password." if is_stranger else f"{what} not found"
        self._say({"error": said}, 401 if is_stranger else 404, X_Error_Code=f"{what}NotFound", X_Error_Message=said)

    # -- reading -----------------------------------------------------------------------------------------------------

    def _file(self, kind: str | None, name: str, revision: str, path: str) -> None:
        hub, repo = self.hub, self.hub.of("datasets" if kind else "models").find(name)
        if repo is None:
            return self._absent()
        if repo.is_gated and self.headers.get("Authorization") is None:
            said = (
                f"Access to dataset {name} is restricted. You must have access to it and be authenticated to access it."
            )
            return self._say(said.encode(), 401, X_Error_Code="GatedRepo", X_Error_Message=said)
        held = repo.at(revision)
        if held is None:
            return self._absent("Revision")
        if path in hub.stalled:
            hub.released.wait()
            self.close_connection = True
            return None
        if status := hub.statuses.get(path):
            return self._say({"error": f"Status {status}."}, status)
        data = held[0].get(path)
        if data is None:
            return self._say(b"Entry not found", 404, X_Error_Code="EntryNotFound", X_Repo_Commit=held[1])
        facts = facts_of(path, data)
        known = {"ETag": f'"{facts.get("lfs", facts)["oid"]}"', "X_Repo_Commit": held[1], "Accept_Ranges": "bytes"}
        if path in hub.wrong:
            data = bytes(len(data))
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        begin, end = (int(asked[1]), int(asked[2] or len(data)) + 1) if asked else (0, len(data))
        part = data[begin:end]
        if self.command == "GET":
            with hub.lock:
                hub.sent[path] = hub.sent.get(path, 0) + len(part)
                hub.ranges += [self.headers["Range"]] if asked else []
        if asked:
            known["Content_Range"] = f"bytes {begin}-{begin + len(part) - 1}/{len(data)}"
        return self._say(part, 206 if asked else 200, **known)

    def _api(self, kind: str, name: str, what: str | None, revision: str | None, inside: str | None) -> None:
        repo = self.hub.of(kind).find(name)
        if repo is None:
            return self._absent()
        if what == "preupload":
            files = [
                {"path": each["path"], "uploadMode": "regular", "shouldIgnore": False}
                for each in json.loads(self.body)["files"]
            ]
            return self._say({"files": files})
        if what == "commit":
            return self._commit(kind, name, repo)
        if what == "refs":
            refs = [
                {"name": each, "ref": f"refs/heads/{each}", "targetCommit": repo.commit(each)}
                for each in repo.revisions
            ]
            converts = [{**each, "ref": each["name"]} for each in refs if each["name"].startswith("refs/")]
            return self._say(
                {"branches": [each for each in refs if each not in converts], "converts": converts, "tags": []}
            )
        held = repo.at(revision or "main")
        if held is None:
            return self._absent("Revision")
        files, commit = held
        if what == "tree":
            return self._say(_tree(files, inside or "", "true" in str(self.query.get("recursive")).lower()))
        if what == "paths-info":
            return self._say(_paths_info(files, parse_qs(self.body.decode()).get("paths", [])))
        gate = {"gated": "manual"} if repo.is_gated else {}
        siblings = [{"rfilename": path} for path in files]
        return self._say({"id": name, "sha": commit, "siblings": siblings, "private": False, "tags": [], **gate})

    # -- writing -----------------------------------------------------------------------------------------------------

    def _create(self, asked: dict[str, Any]) -> None:
        name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
        repos = self.hub.of(f"{asked.get('type') or 'model'}s")
        is_there = repos.find(name) is not None
        repos.setdefault(name, Repo())
        self._say({"url": f"{self.address}/{name}"}, 409 if is_there else 200)

    def _commit(self, kind: str, name: str, repo: Repo) -> None:
        lines = [json.loads(line) for line in self.body.splitlines() if line]
        self.hub.meanwhile()
        with self.hub.lock:
            if lines[0]["value"].get("parentCommit") not in (None, repo.commit()):
                return self._say({"error": "A commit has happened since."}, 412)
            for line in lines[1:]:
                repo.main[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            repo.commits += 1
        head = repo.commit()
        return self._say({"success": True, "commitOid": head, "commitUrl": f"{self.address}/{name}/commit/{head}"})


def _tree(files: dict[str, bytes], inside: str, is_recursive: bool) -> list[dict[str, Any]]:
    begin = f"{inside}/" if inside else ""
    below = {path: data for path, data in files.items() if path.startswith(begin)}
    folders = {begin + path.removeprefix(begin).split("/")[0] for path in below if "/" in path.removeprefix(begin)}
    if is_recursive:
        return [facts_of(*each) for each in below.items()]
    shown = [facts_of(path, data) for path, data in below.items() if "/" not in path.removeprefix(begin)]
    return [*({"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(folders)), *shown]


def _paths_info(files: dict[str, bytes], paths: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in paths:
        if path in files:
            found.append(facts_of(path, files[path]))
        elif any(each.startswith(f"{path}/") for each in files):
            found.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
    return found


@contextmanager
def serve(hub: Hub, port: int = 0) -> Iterator[str]:
    """Answer requests in the background; yields the address for `HF_ENDPOINT`."""
    answer = type("Answer", (_Answer,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", port), answer)
    server.daemon_threads = True
    answer.address = address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield address
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
