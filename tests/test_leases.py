"""A lease is refused to a second process of any machine, and given where its holder is gone, whatever the clocks say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests import PROJECT, zygote
from tests.waiting import wait_until
from toolkit import leases
from toolkit.leases import Holder, Lease, TakenError, hold, is_held, read

HOLDER = """
import os, subprocess, sys, time
from pathlib import Path
from toolkit.leases import hold
lease = hold(Path(sys.argv[1]), wait_s=0.0)
worker = subprocess.Popen(["sleep", "600"], pass_fds=[lease.descriptor], stdout=subprocess.DEVNULL) if sys.argv[2] else None
print(worker.pid if worker else 0, flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".lease"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_S", 0.02)


def take(path: Path, *, wait_s: float = 0.0, stale_s: float = 0.3) -> Lease:
    return hold(path, wait_s=wait_s, stale_s=stale_s)


def elsewhere(path: Path, *, age_s: float = 0.0) -> Path:
    """Leave the lease of a process of another machine, whose clock is behind by so much."""
    held = {"process": "far/pid:[1] 7 1.00", "machine": "another", "since": "2024-01-01 10:00:00", "doing": "swept"}
    path.write_text(json.dumps(held))
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    return path


@pytest.fixture
def far_beat(path: Path) -> Iterator[threading.Event]:
    """Give signs of life of a lease that is there, by a clock that is an hour behind, until the event is set."""
    done = threading.Event()

    def beat() -> None:
        then = time.time() - 3600.0
        while not done.wait(0.02):
            then += 0.02
            os.utime(path, (then, then))

    elsewhere(path)
    thread = threading.Thread(target=beat)
    thread.start()
    yield done
    done.set()
    thread.join()


def test_it_is_refused_while_it_is_held_and_free_afterwards(path: Path) -> None:
    with closing(take(path)):
        assert is_held(path)
        with pytest.raises(TakenError, match=rf"^process {os.getpid()} on .*, since \d"):
            take(path)
    assert not is_held(path) and list(path.parent.iterdir()) == []
    with closing(take(path)):
        pass


def test_of_many_that_want_it_at_once_one_gets_it(path: Path) -> None:
    found: list[Lease] = []
    refused: list[TakenError] = []
    together = threading.Barrier(8)

    def want() -> None:
        together.wait()
        try:
            found.append(take(path))
        except TakenError as taken:
            refused.append(taken)

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(refused)) == (1, 7)
    found[0].close()


def test_of_many_that_find_a_dead_one_one_gets_it(path: Path) -> None:
    found: list[Lease] = []
    elsewhere(path, age_s=3600.0)

    def want() -> None:
        with suppress(TakenError):
            found.append(take(path, stale_s=0.2))

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1 and read(path) == found[0].own
    found[0].close()


@pytest.mark.parametrize("has_worker", [False, True])
def test_what_a_killed_process_held_is_free_at_once_or_when_its_workers_have_ended(
    path: Path, has_worker: bool
) -> None:
    holder = zygote.Popen(
        [sys.executable, "-c", HOLDER, str(path), "worker" * has_worker],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    worker = int(holder.stdout.readline())
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    if has_worker:
        assert is_held(path)
        with pytest.raises(TakenError):
            take(path)
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not is_held(path), "the worker has ended")
    take(path).close()


def test_another_machines_is_refused_at_its_first_sign_of_life_whatever_its_clock_says(
    path: Path, far_beat: threading.Event
) -> None:
    with pytest.raises(TakenError, match="^process 7 on far, since 2024"):
        hold(path, wait_s=0.0, stale_s=600.0)
    assert is_held(path)


@pytest.mark.parametrize("age_s", [3600.0, 0.0, -3600.0], ids=["behind", "equal", "ahead"])
def test_another_machines_is_taken_where_it_gives_none_whatever_its_clock_says(path: Path, age_s: float) -> None:
    elsewhere(path, age_s=age_s)
    began = time.monotonic()
    with closing(take(path, stale_s=0.3)) as lease:
        assert time.monotonic() - began >= 0.3
        assert read(path) == lease.own


@pytest.mark.usefixtures("quick")
def test_a_holder_gives_signs_of_life_and_knows_when_another_has_taken_it(path: Path) -> None:
    with closing(take(path)) as lease:
        os.utime(path, (1, 1))
        wait_until(lambda: path.stat().st_mtime > 1, "a sign of life")
        assert not lease.is_lost
        elsewhere(path)
        wait_until(lambda: lease.is_lost, "it knows")
    assert path.exists()  # it is the other's


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"process": 1}', "\0" * 100])
def test_a_damaged_lease_is_watched_like_another_machines(path: Path, text: str) -> None:
    path.write_text(text)
    take(path, stale_s=0.2).close()


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TakenError, match="its lease does not say which"):
        take(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_system_without_links_and_locks_has_leases_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr("fcntl.flock", refuse)
    with closing(take(path)), pytest.raises(TakenError):
        take(path)
    assert Holder.here("a", "b") != Holder.here("a", "c")
