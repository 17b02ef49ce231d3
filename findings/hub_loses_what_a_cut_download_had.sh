#!/usr/bin/env bash
# huggingface_hub 0.36.2 with requests 2.34.2: a download that is cut loses what came since the last whole 10 MiB, and is not
# tried again.
#
# Bytes are written in blocks of 10 MiB. Where the connection ends within a block, nothing of the block reaches the file
# `.incomplete`, so that a file of less than 10 MiB, such as most data in parquet, never continues: it begins again at byte 0,
# each time. The error of a body that ends early (requests' ChunkedEncodingError) is not one of those after which the library
# tries again by itself, although its downloads are said to resume; the caller has to.
#
# Seen:
#   8 MB, cut at half: ChunkedEncodingError after 1 request; kept 0 bytes; the second call asks from byte 0
#   32 MB, cut at half: ChunkedEncodingError after 1 request; kept 10485760 bytes; the second call asks from byte 10485760
# Exit code 1 if this has changed; then `toolkit/tasks/mirror/stream.py` can leave its work to the library.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check huggingface_hub==0.36.2 requests==2.34.2
cd "$folder"
HF_HOME="$folder/home" HF_HUB_DISABLE_PROGRESS_BARS=1 HF_HUB_DISABLE_TELEMETRY=1 venv/bin/python - <<'PYTHON'
import hashlib
import http.server
import os
import re
import socket
import threading
from pathlib import Path

asked = {}  # file name -> first bytes asked for


def body_of(name):
    return bytes(range(256)) * (int(name.split("-")[1]) * 1_000_000 // 256)


class Hub(http.server.BaseHTTPRequestHandler):
    """One data set of two files on loopback; the first answer with a body ends at its half, as a cut line does."""

    def log_message(self, *_):
        pass

    def begin(self, start, body):
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()

    def do_HEAD(self):
        self.begin(0, body_of(Path(self.path).name))

    def do_GET(self):
        name = Path(self.path).name
        body = body_of(name)
        found = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        asked.setdefault(name, []).append(start)
        self.begin(start, body)
        if len(asked[name]) > 1:
            self.wfile.write(body[start:])
        else:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"

from huggingface_hub import hf_hub_download  # noqa: E402  # reads the address when it is imported

seen = {}
for megabytes in (8, 32):
    name = f"rows-{megabytes}"
    try:
        hf_hub_download("owner/rows", name, repo_type="dataset")
        error = "no error"
    except Exception as fault:
        error = type(fault).__name__
    requests = len(asked[name])
    kept = max((file.stat().st_size for file in Path("home").rglob("*.incomplete")), default=0)
    file = Path(hf_hub_download("owner/rows", name, repo_type="dataset"))
    assert file.read_bytes() == body_of(name), "the second call has the whole file"
    print(
        f"{megabytes} MB, cut at half: {error} after {requests} request; kept {kept} bytes; "
        f"the second call asks from byte {asked[name][-1]}"
    )
    seen[megabytes] = (error, requests, kept, asked[name][-1])
expected = {8: ("ChunkedEncodingError", 1, 0, 0), 32: ("ChunkedEncodingError", 1, 10 * 2**20, 10 * 2**20)}
raise SystemExit(0 if seen == expected else 1)
PYTHON
