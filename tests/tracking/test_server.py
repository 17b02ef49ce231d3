import contextlib
import http.server
import os
import socket
import sqlite3
import threading
import time
from types import SimpleNamespace

import pytest

from tests.waiting import LIMIT_S, SOON_S
from toolkit.tracking import record, server, writing


@contextlib.contextmanager
def answering(status):
    """An HTTP server that answers every request with one status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        threading.Thread(target=found.serve_forever, args=[0.01], daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.mark.parametrize("status", [200, 401, 404])
def test_whatever_speaks_http_is_there(status):
    with answering(status) as uri:
        assert server.fault_of(uri) is None


def test_a_gateway_without_its_server_is_not_there():
    with answering(503) as uri:
        assert server.fault_of(uri) == "HTTP 503"


@pytest.fixture
def patient(monkeypatch):
    """The probe takes its time: what is known well before it is over was not waited for."""
    monkeypatch.setattr(server, "PROBE_S", LIMIT_S)
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON_S


@pytest.mark.usefixtures("patient")
def test_a_closed_port_is_known_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening
        assert "refused" in server.fault_of(f"http://127.0.0.1:{taken.getsockname()[1]}")


def test_a_server_that_never_answers_costs_the_probe_and_no_more(monkeypatch):
    monkeypatch.setattr(server, "PROBE_S", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        assert server.fault_of(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert time.monotonic() - began < SOON_S


def test_a_name_that_nobody_resolves_costs_the_probe_and_no_more(monkeypatch):
    resolved = threading.Event()
    monkeypatch.setattr(server, "PROBE_S", -0.8)  # waits PROBE_S + 1
    monkeypatch.setattr(server, "_fault_of", lambda *_: resolved.wait(LIMIT_S))
    began = time.monotonic()
    assert "no answer" in server.fault_of("http://somewhere.example")
    assert time.monotonic() - began < SOON_S
    resolved.set()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("uri", ["postgresql://u:p@127.0.0.1:9/runs", "mysql+pymysql://u:p@127.0.0.1:9/runs"])
def test_a_database_that_does_not_listen_is_known_at_once(uri):
    assert "refused" in server.fault_of(uri)


def test_a_port_that_is_no_number_is_a_fault_and_no_exception():
    assert "Port" in server.fault_of("http://127.0.0.1:five")


def test_a_store_that_can_be_made_is_fine(tmp_path):
    assert server.fault_of(server.own_store(tmp_path / "new" / "folder")) is None


def test_a_store_under_a_file_is_a_fault(tmp_path):
    (tmp_path / "file").write_text("")
    assert server.fault_of(server.own_store(tmp_path / "file"))


def test_a_file_that_is_no_database_is_a_fault(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database at all, but long enough to be looked at")
    assert "not a database" in server.fault_of(server.own_store(tmp_path))


def test_a_store_that_somebody_else_keeps_locked_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "PROBE_S", 0.1)
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "locked" in server.fault_of(server.own_store(tmp_path))


def test_the_uri_asked_for_goes_before_the_environment_and_that_before_the_folder(tmp_path, monkeypatch):
    assert server.tracking_uri(None, tmp_path) == f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://one")
    assert server.tracking_uri(None, tmp_path) == "http://one"
    assert server.tracking_uri("http://two", tmp_path) == "http://two"


def test_waits_bound_mlflow_inside_the_block_only(monkeypatch):
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES, MLFLOW_HTTP_REQUEST_TIMEOUT

    for name in [name for name in os.environ if name.startswith("MLFLOW_HTTP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    with server.waits(timeout_s=3, retries=1):
        assert MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 3
        assert MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == 5  # the user's own
    assert MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 120
    assert "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR" not in os.environ


def test_a_tracker_bounds_the_requests_of_the_whole_process_and_waits_has_its_own_bounds(monkeypatch):
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_TIMEOUT

    for name in [name for name in os.environ if name.startswith("MLFLOW_HTTP_")]:
        monkeypatch.delenv(name)
    server.load("http://127.0.0.1:9")
    try:
        assert MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 30
        with server.waits(timeout_s=60, retries=2):
            assert MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 60
        assert MLFLOW_HTTP_REQUEST_TIMEOUT.get() == 30
    finally:
        for name in [name for name in os.environ if name.startswith("MLFLOW_HTTP_")]:
            del os.environ[name]


def test_a_reason_is_one_short_line_without_credentials():
    fault = RuntimeError("cannot open http://me:secret@host/x " + "y" * 300 + "\nmore")
    found = server.reason(fault, "http://me:secret@host/x")
    assert "secret" not in found and "more" not in found
    assert len(found) == 160
    assert server.reason(ValueError()) == "ValueError"


def test_what_fills_several_pages_is_found_whole(client, monkeypatch):
    monkeypatch.setattr(record, "PAGE", 2)
    experiment = client.create_experiment("many")
    above = client.create_run(experiment).info.run_id
    tags = {"mlflow.parentRunId": above, "kind": "child"}
    below = {client.create_run(experiment, tags=tags).info.run_id for _ in range(5)}
    assert set(writing.search_tag(client, "kind", "child")) == below
    writing.end_children(client, above)
    assert {client.get_run(run).info.status for run in below} == {"KILLED"}
    assert client.get_run(above).info.status == "RUNNING"


def test_a_run_whose_answer_is_lost_is_made_once(monkeypatch):
    runs = []

    def create_run(experiment_id, **options):
        runs.append(options["tags"])
        if len(runs) == 1:
            raise ConnectionError("the answer is lost")
        raise AssertionError("made twice")

    monkeypatch.setattr(writing, "search_tag", lambda *_, **__: ["first"] if runs else [])
    start = {"own_id": "ours", "time": 1, "run_name": "eval"}
    assert writing._create(SimpleNamespace(create_run=create_run), "0", start, {}) == "first"
    assert len(runs) == 1
