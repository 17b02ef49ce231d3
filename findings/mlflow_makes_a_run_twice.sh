#!/usr/bin/env bash
# mlflow 3.17.2: a `create_run` whose answer is lost makes two runs.
#
# The REST client repeats every request, POST as well, when the connection ends before the answer. `runs/create` carries
# nothing by which the server could know a repetition, so each repetition is a run. The client returns the last one; the
# others stay RUNNING for ever and are in every search. `create_logged_model` does the same. A repeated `log_metric` is
# harmless: its time is the client's, and the server keeps equal values once.
#
# Seen:
#   answers lost: 1; create_run called: 1; runs: 2, of them RUNNING after the one returned is finished: 1
#   answers lost: 1; create_logged_model called: 1; models: 2
#   answers lost: 1; log_metric called: 1; values in the history: 1
# Exit code 1 if this has changed; then `toolkit/tracking/writing.py` need not look for a run before it makes one again.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill %1 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow==3.17.2
cd "$folder"
export MLFLOW_DISABLE_TELEMETRY=true MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR=0 PATH="$folder/venv/bin:$PATH"
port=$(python -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
mlflow server --backend-store-uri "sqlite:///$folder/mlflow.db" --artifacts-destination "$folder/files" --workers 1 \
    --host 127.0.0.1 --port "$port" > server.log 2>&1 &
PORT="$port" python - <<'PYTHON'
import http.client
import http.server
import os
import threading
import time

from mlflow import MlflowClient

PORT = int(os.environ["PORT"])
lost = {"runs/create": 1, "mlflow/logged-models": 1, "runs/log-metric": 1}  # how many answers to each do not arrive


class Line(http.server.BaseHTTPRequestHandler):
    """Passes requests on to the server, and loses some of its answers."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        server.request(self.command, self.path, body, headers)
        answer = server.getresponse()
        data = answer.read()
        for name in lost:
            if self.path.endswith(name) and lost[name]:
                lost[name] -= 1
                self.close_connection = True
                return
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET


for _ in range(600):
    try:
        http.client.HTTPConnection("127.0.0.1", PORT, timeout=5).request("GET", "/health")
        break
    except OSError:
        time.sleep(0.2)
line = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Line)
threading.Thread(target=line.serve_forever, daemon=True).start()

client = MlflowClient(f"http://127.0.0.1:{line.server_port}")
run = client.create_run("0", run_name="one")
client.log_metric(run.info.run_id, "f1", 0.5, step=1)
client.create_logged_model("0", name="model")
client.set_terminated(run.info.run_id)
direct = MlflowClient(f"http://127.0.0.1:{PORT}")
runs = direct.search_runs(["0"])
running = sum(each.info.status == "RUNNING" for each in runs)
models = direct.search_logged_models(["0"])
values = direct.get_metric_history(run.info.run_id, "f1")
seen = [
    f"answers lost: 1; create_run called: 1; runs: {len(runs)}, of them RUNNING after the one returned is finished: {running}",
    f"answers lost: 1; create_logged_model called: 1; models: {len(models)}",
    f"answers lost: 1; log_metric called: 1; values in the history: {len(values)}",
]
print("\n".join(seen))
expected = [
    "answers lost: 1; create_run called: 1; runs: 2, of them RUNNING after the one returned is finished: 1",
    "answers lost: 1; create_logged_model called: 1; models: 2",
    "answers lost: 1; log_metric called: 1; values in the history: 1",
]
raise SystemExit(seen != expected)
PYTHON
