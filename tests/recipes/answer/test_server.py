"""A real `mlflow models serve`, asked over plain HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import toolkit
from tests import PROJECT
from tests.recipes.answer.test_model import TRAINED, records_of
from tests.waiting import LIMIT_S, wait_until
from toolkit.config import Config
from toolkit.recipes.answer.requests import MOST_MIB
from toolkit.results.predictions import read_predictions

pytestmark = pytest.mark.slow
ENTRY = "micro-nli"


def asked(address: str, body: bytes, kind: str = "application/json") -> tuple[int, Any]:
    """Return the status and the JSON of an answer."""
    request = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def answers(address: str, records: list[dict[str, Any]]) -> Any:
    status, found = asked(address, json.dumps({"dataframe_records": records}).encode())
    assert status == 200, found
    return found["predictions"]


def is_up(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/ping", timeout=LIMIT_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def tracked(trained: Config, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A configuration whose runs are tracked, in a folder of its own."""
    from dataclasses import replace

    folder = tmp_path_factory.mktemp("tracked")
    tracking = replace(trained.tracking, enabled=True, folder=folder)
    return replace(trained, tracking=tracking, run_dir=folder / "runs")


@pytest.fixture(scope="module")
def server(tracked: Config) -> Iterator[str]:
    """The model that an evaluation logged, served; yields the address."""
    import mlflow

    toolkit.evaluate(ENTRY, tracked, task=ENTRY, languages="de")
    uri = f"sqlite:///{tracked.tracking.folder}/mlflow.db"
    client = mlflow.MlflowClient(uri)
    every = [each.experiment_id for each in client.search_experiments()]
    (model,) = client.search_logged_models(every)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["-m", "mlflow", "models", "serve", "-m", f"models:/{model.model_id}", "--env-manager", "local"]
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": uri,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
    }
    process = subprocess.Popen(
        [sys.executable, *command, "-h", "127.0.0.1", "-p", str(port)],
        env=environment,
        cwd=tracked.tracking.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_up(address), "the server answers", process=process, every_s=0.2)
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait(LIMIT_S)


def test_the_server_gives_the_answers_that_eval_wrote(server: str, tracked: Config) -> None:
    scored = toolkit.evaluate(ENTRY, tracked, task=ENTRY, languages="de")
    written = read_predictions(scored.folder / "predictions" / f"{ENTRY}.de.jsonl")
    records = records_of(TRAINED[ENTRY], "de")
    assert [each["prediction"] for each in answers(server, records)] == [each.prediction for each in written]


def test_requests_of_many_clients_each_get_their_own_answers(server: str) -> None:
    records = records_of(ENTRY) * 4
    alone = [each["prediction"] for each in answers(server, records)]
    with ThreadPoolExecutor(len(records)) as pool:
        together = list(pool.map(lambda record: answers(server, [record])[0]["prediction"], records))
    assert together == alone


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"dataframe_records": [{"first": "a"}]}', 400, "no column 'second'"),
        (b'{"dataframe_records": [{"premise": "a"}]}', 400, "There are no rows with first and second"),
        (b'{"dataframe_records": []}', 400, "There are no rows"),
        (b'{"dataframe_records": [{"first": 3, "second": "b"}]}', 400, "expected text"),
        (
            b'{"dataframe_records": [{"first": "a", "second": "b"}], "params": {"language": "xx-yy"}}',
            400,
            "No language",
        ),
    ],
)
def test_a_request_that_cannot_be_answered_is_one_sentence(server: str, body: bytes, status: int, said: str) -> None:
    found, answer = asked(server, body)
    assert found == status and said in answer["message"], answer
    assert "\n" not in answer["message"] and "stack_trace" not in answer


def test_a_request_of_100_mb_is_refused_before_it_is_read(server: str) -> None:
    text = b"x" * (MOST_MIB * 2**20 + 1)
    for body in (b'{"dataframe_records": [{"first": "' + text + b'", "second": "b"}]}', text):
        status, answer = asked(server, body)
        assert status == 413 and f"send at most {MOST_MIB} MiB at once" in answer["message"]
    assert answers(server, [{"first": "a", "second": "b"}])
