"""Benchmark of starting: one row from a cold process, and many clients of one server.

    python benchmarks/start.py --quick --json OUT                       # within a minute or two
    python benchmarks/start.py --old CHECKOUT --json OUT                # against `eval` of an earlier checkout

`cold_predict`: processor seconds of `xstilts predict` of one row, the whole process, over those of `xstilts eval` of one row, of
the checkout --old where it is given (target: at most 0.4 of 0291d74), else of this one.
`cold_eval`: `eval` of this checkout over the same.
`server`: the 95th percentile of the times of 32 clients that ask `mlflow models serve` at once, over 32 times the time of one
client alone (target: at most 0.5), the median of rounds in which both take turns.
`server_processor`: processor seconds of the server for a request of the 32 over those of one client's, which other work on the
machine does not change.

The adapter is trained for a moment on the generated micro-nli with the embedded backbone. Its answers do not matter.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measure import median, write

import toolkit

HERE = Path(__file__).resolve().parents[1]
TASK, CLIENTS = "micro-nli", 32
ROW = {"first": "A man eats his dinner in the garden.", "second": "Somebody sleeps in the house."}


def seconds_of(checkout: Path, *words: str) -> float:
    """Return the processor seconds of one command, the whole process."""
    process = subprocess.Popen(
        [sys.executable, str(checkout / "cli.py"), *words],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    said = process.stderr.read() if process.stderr is not None else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}: {said.decode()[-500:]}")
    return used.ru_utime + used.ru_stime


def cold(place: Path, old: Path, repetitions: int) -> dict[str, float]:
    """Return the median processor seconds of each command, turn by turn."""
    row = place / "row.jsonl"
    row.write_text(json.dumps(ROW) + "\n")
    shared = ("--backbone", "embedded", "--zoo", str(place / "zoo"))
    scored = ("eval", TASK, "--task", TASK, "--languages", "en", "--set", "eval.limit=1", *shared)
    ways = {
        "predict": (HERE, ("predict", TASK, "--task", TASK, str(row), *shared)),
        "eval": (HERE, (*scored, "--set", f"run_dir={place / 'runs'}", "--set", f"tracking.folder={place}")),
        "old": (old, (*scored, "--set", f"run_dir={place / 'old'}", "--set", f"tracking.folder={place}")),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repetitions + 1):  # the first one fills caches
        for name, (checkout, words) in ways.items():
            found[name].append(seconds_of(checkout, *words))
    return {name: median(times[1:]) for name, times in found.items()}


@contextmanager
def served(place: Path) -> Iterator[tuple[int, int]]:
    """Serve the model that the training logged; yields the port, and the server's process group."""
    import mlflow

    uri = f"sqlite:///{place}/mlflow.db"
    client = mlflow.MlflowClient(uri)
    (model,) = client.search_logged_models([each.experiment_id for each in client.search_experiments()])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["mlflow", "models", "serve", "-m", f"models:/{model.model_id}", "--env-manager", "local"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "-h", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "PYTHONPATH": str(HERE), "PATH": path, "MLFLOW_TRACKING_URI": uri},
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while True:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                raise SystemExit(f"mlflow models serve ended with {process.returncode}")
            time.sleep(0.2)
        yield port, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def asked(port: int, times: int) -> list[float]:
    """Return the seconds of each of a client's requests, one after another."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body, found = json.dumps({"dataframe_records": [ROW]}), []
    for _ in range(times):
        began = time.perf_counter()
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"The server answered {answer.status}")
        found.append(time.perf_counter() - began)
    return found


def posted(port: int, body: Any) -> Any:
    """Return what the server answers to one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/invocations", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    found = json.loads(answer.read())
    if answer.status != 200:
        raise SystemExit(f"The server answered {answer.status}: {found}")
    return found


def processor_s(group: int) -> float:
    """Return the processor seconds of a process group so far."""
    found = 0.0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = file.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def crowded(port: int, group: int, times: int, rounds: int) -> list[dict[str, float]]:
    """Return, of each round, the median seconds of one client alone, the 95th percentile of 32 at once, and the server's own."""
    asked(port, 5)  # the first passes are slower
    found = []
    for _ in range(rounds):  # a neighbour's work hits both
        began = processor_s(group)
        alone = asked(port, times)
        between = processor_s(group)
        with ThreadPoolExecutor(CLIENTS) as pool:
            every = sorted(one for each in pool.map(lambda _: asked(port, times), range(CLIENTS)) for one in each)
        own = processor_s(group) - between
        found.append(
            {
                "one_client": median(alone),
                "crowd_p95": every[int(0.95 * len(every))],
                "processor_alone": (between - began) / times,
                "processor_crowd": own / len(every),
            }
        )
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--old", type=Path, default=HERE, help="a checkout of the build that `predict` is compared with"
    )
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=("cold", "server"), default=["cold", "server"])
    args = parser.parse_args()
    repetitions, times = (1, 4) if args.quick else (args.repetitions, 10)
    seconds: dict[str, float] = {}

    with TemporaryDirectory() as folder:
        place = Path(folder)
        config = toolkit.configure(
            "train.limit=64",
            "train.epochs=1",
            "train.eval_limit=16",
            f"tracking.folder={place}",
            backbone="embedded",
            zoo=place / "zoo",
            run_dir=place / "runs",
        )
        toolkit.train(TASK, config)
        ratios: dict[str, float] = {}
        if "cold" in args.only:
            seconds = cold(place, args.old.resolve(), repetitions)
            ratios = {
                name: seconds[name.removeprefix("cold_")] / seconds["old"] for name in ("cold_predict", "cold_eval")
            }
        if "server" in args.only:
            with served(place) as (port, group):
                rounds = crowded(port, group, times, repetitions)
            seconds |= {name: median([each[name] for each in rounds]) for name in rounds[0]}
            ratios |= {
                "server": median([each["crowd_p95"] / (CLIENTS * each["one_client"]) for each in rounds]),
                "server_processor": median([each["processor_crowd"] / each["processor_alone"] for each in rounds]),
            }
    details = {"backbone": "embedded", "repetitions": repetitions, "clients": CLIENTS, "seconds": seconds}
    write(args.json, ratios=ratios, details=details)
    for name, value in ratios.items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
