"""Lanes, and the fixtures that every test shares. No test reaches a network.

A test is in the lane `fast` unless a marker says otherwise: `journey` is one scenario of a command, on the zoo that is trained
once; `slow` is a compilation, a kill, the real encoder or a browser, and runs with `--run-slow`; `exhaustive` walks all real
rows of a mirror and takes longer than a run of CI may: it runs with `--run-exhaustive`.
"""

from __future__ import annotations

import gc
import math
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import PROJECT, zygote
from tests.pictures import drawn_once
from tests.recipes.small import FUSED, tiny_config
from tests.waiting import alone
from toolkit.config import Config

# Before any library reads them: nothing may try the hub, and two workers share two cores.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("MLFLOW_TRACKING_URI", None)

# `nohup` has it ignored, and whoever is started inherits that: tests of signals would wait for ever.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Tests are compiled twice, the second time with what their assertions say: it takes longer than many of them, and is worth keeping.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

gc.disable()  # until all tests are collected: what is imported stays

MIRROR = Path(os.environ.pop("XSTILTS_DATA", "") or PROJECT.parent / "shared" / "data" / "hub")
# Processor time of a test, at most, on a processor that does `_work` in WORK_S: a slower or busier one may take as much longer.
LIMITS_S = {"fast": 1.0, "journey": 5.0, "slow": math.inf}
WORK_S = 0.006
NOISE = 1.5  # between one second of a processor and the next
# What a module costs whoever imports it first, at most; the test that happens to be it is not to blame.
IMPORT_S = 0.01
MEASURED_ALONE = "XSTILTS_TEST_MEASURED_ALONE"


# -- lanes -------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run tests marked slow")
    parser.addoption("--run-exhaustive", action="store_true", help="run tests marked exhaustive")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.keywords:
            item.add_marker(pytest.mark.slow)
        if "exhaustive" in item.keywords:
            item.add_marker(pytest.mark.slow)
            if not config.getoption("--run-exhaustive"):
                item.add_marker(pytest.mark.skip(reason="exhaustive: run with --run-exhaustive"))
        elif "slow" in item.keywords and not config.getoption("--run-slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --run-slow"))
        elif "gpu" in item.keywords:
            import torch

            if not torch.cuda.is_available():
                item.add_marker(pytest.mark.skip(reason="needs a GPU"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    """Fork the workers from a process that has imported everything once."""
    folder = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    zygote.live_in(folder)
    zygote.start()
    for spec in specs:
        if spec.popen and not spec.python:
            spec.python = shlex.join([sys.executable, "-I", "-S", str(PROJECT / "tests" / "worker.py"), str(folder)])


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let a worker send what is shown of a test that passed: the other messages about it take longer than most tests."""
    option = session.config.option
    if not hasattr(session.config, "workerinput") or option.verbose > 0 or option.durations or option.xmlpath:
        return
    (worker,) = (one for one in session.config.pluginmanager.get_plugins() if type(one).__name__ == "WorkerInteractor")
    send = worker.sendevent

    def send_what_is_shown(name: str, **values: Any) -> None:
        report = values.get("data", {})
        is_unseen = name == "testreport" and report["outcome"] == "passed" and report["when"] != "call"
        if name not in ("logstart", "logfinish") and not is_unseen:
            send(name, **values)

    worker.sendevent = send_what_is_shown


def pytest_collection_finish() -> None:
    """Keep the collector from looking through everything that imports and collection made, over and over again."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail a test that takes more processor time than its lane allows, here and in a process of its own."""
    known, began = len(sys.modules), time.process_time()
    yield
    spent = time.process_time() - began
    lane = next((lane for lane in ("slow", "journey") if lane in item.keywords), "fast")
    allowed = LIMITS_S[lane] + IMPORT_S * (len(sys.modules) - known)
    if spent > allowed and spent > (allowed := NOISE * allowed * _slowness()) and _is_slow_alone(item):
        pytest.fail(
            f"The test took {spent:.1f} s of processor time; one of the lane `{lane}` has {allowed:.1f} s: make it smaller, or "
            "give it the marker of the lane that it belongs to.",
            pytrace=False,
        )


def _is_slow_alone(item: pytest.Item) -> bool:
    """Say whether a test is over its limit in a process of its own too.

    In a run of all, other processes and what earlier tests left behind may cost a small test many times its own time.
    """
    if MEASURED_ALONE in os.environ:
        return True
    one = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", item.nodeid]
    options = [name for name in ("--run-slow", "--run-exhaustive") if item.config.getoption(name)]
    done = subprocess.run(
        [*one, *options],
        cwd=PROJECT,
        env={**os.environ, MEASURED_ALONE: "1", "XSTILTS_DATA": str(MIRROR)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode != 0


def _slowness() -> float:
    """Return how many times as long as it should take a short computation takes now, at least 1."""
    began = time.process_time()
    for _ in range(10):
        sum(i * i % 7 for i in range(100_000))
    return max(1.0, (time.process_time() - began) / 10 / WORK_S)


# -- what all workers share ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    zygote.live_in(folder)
    return folder


@pytest.fixture(scope="session")
def made_once(shared_folder: Path) -> Callable[[str, Callable[[Path], object]], Path]:
    """Return a folder by its name, filled by whichever worker asks first."""

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        place, done = shared_folder / name, shared_folder / f"{name}.done"
        with alone(shared_folder / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                fill(place)
                done.touch()
        return place

    return make


@pytest.fixture(scope="session")
def trained(
    made_once: Callable[[str, Callable[[Path], object]], Path], tmp_path_factory: pytest.TempPathFactory
) -> Config:
    """A zoo with two intermediates, a stack, and a fusion under a target, on the tiny backbone; for reading only.

    It is trained once and copied for each worker, whose evaluations leave their files in folders of its own.
    """

    def fill(place: Path) -> None:
        import toolkit

        toolkit.train(FUSED, tiny_config(place))
        toolkit.train("micro-nli/micro-pos", tiny_config(place))

    own = tmp_path_factory.mktemp("trained")
    shutil.copytree(made_once("trained", fill), own, dirs_exist_ok=True)
    return tiny_config(own)


@pytest.fixture(scope="session", autouse=True)
def _mlflow_tables(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Iterator[None]:
    """Let MLflow make the tables of a database once and copy them from then on: its migrations take seconds a file."""
    from toolkit.tracking import server

    connect = server.connect

    def prepared(uri: str) -> object:
        from mlflow.store.db import utils

        make = utils._initialize_tables

        def fill(place: Path) -> None:
            import sqlalchemy

            engine = sqlalchemy.create_engine(f"sqlite:///{place / 'mlflow.db'}")
            make(engine)
            engine.dispose()

        def copy(engine: Any) -> None:
            empty = made_once("mlflow", fill) / "mlflow.db"
            with closing(sqlite3.connect(empty)) as source, closing(sqlite3.connect(engine.url.database)) as target:
                source.backup(target)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(utils, "_initialize_tables", copy)
            patch.setattr(utils, "_verify_schema", lambda engine: None)  # it is the newest, that of the copy
            return connect(uri)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "connect", prepared)
        yield


@pytest.fixture(scope="module")
def cheap_journeys() -> Iterator[None]:
    """Draw pictures of a kind once, and let this process be the workers of an engine."""

    from tests import here

    with pytest.MonkeyPatch.context() as patch:
        drawn_once(patch)
        patch.setattr("toolkit.engine.hand.subprocess", _processes(here.Popen))
        yield


@pytest.fixture
def workers_are_processes(cheap_journeys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the workers of an engine."""
    worker = partial(zygote.Popen, first="tests.pictures:never_drawn")
    monkeypatch.setattr("toolkit.engine.hand.subprocess", _processes(worker))


def _processes(worker: Callable[..., object]) -> object:
    kept = {name: getattr(subprocess, name) for name in ("PIPE", "TimeoutExpired")}
    return SimpleNamespace(**kept, Popen=worker)


@pytest.fixture(scope="session", autouse=True)
def _draws_kept() -> Iterator[None]:
    """Keep the order in which a draw takes rows: the journeys draw from the same few thousand rows of the micro-world."""
    from toolkit.tasks import draw

    made = draw._order
    kept = lru_cache(maxsize=64)(lambda ids, strata, seed: made(draw.Marks(ids, strata), seed))

    def order(marks: draw.Marks, seed: int) -> Any:
        return kept(tuple(marks.ids), marks.strata and tuple(marks.strata), seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw, "_order", order)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_disks() -> Iterator[None]:
    """Leave bytes to the system: a test ends processes and never the machine, and each of thousands of flushes takes milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


# -- what a test has to itself -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The mirror of real rows; the test is skipped where there is none."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of real rows: set XSTILTS_DATA (looked in {MIRROR})")
    return MIRROR


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, so that zoo, runs and MLflow store of a test are its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
