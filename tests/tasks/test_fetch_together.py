"""Files of all datasets come together: resumed, held by one process at a time, stopped at once, at the hub's pace."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub import Hub
from tests.hub.catalogue import catalogue_hub
from tests.hub.online import online
from toolkit.errors import Interrupted, SourceError
from toolkit.progress import Progress
from toolkit.tasks import get_task
from toolkit.tasks.fetch import Fetched, fetch
from toolkit.tasks.mirror import stream
from toolkit.tasks.mirror.manifest import FILE, read_manifest
from toolkit.tasks.mirror.stream import PARTS, Gate, Stopped, in_threads

NAMES = ("xnli", "pawsx", "xquad")


@pytest.fixture(scope="module")
def kept() -> Hub:
    return catalogue_hub(n=4)


@pytest.fixture
def hub(kept: Hub) -> Iterator[Hub]:
    kept.sent.clear()
    kept.asked.clear()
    kept.most_at_once = 0
    yield kept
    kept.slow_s, kept.limited, kept.cut, kept.is_always_cut = 0.0, 0, None, False


@pytest.fixture
def address(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    with online(hub, monkeypatch, tmp_path) as address:
        yield address


def run(root: Path, address: str, *names: str, **more: object) -> dict[str, Fetched]:
    tasks = [get_task(name) for name in names or NAMES]
    return {one.repo: one for one in fetch(tasks, root, endpoint=address, languages=["de"], **more)}


def contents(root: Path) -> dict[str, str]:
    files = (each for each in root.rglob("*") if each.is_file() and not each.name.endswith(".lock"))
    return {each.relative_to(root).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def test_many_at_once_bring_what_one_after_another_brings(hub: Hub, address: str, tmp_path: Path) -> None:
    one = run(tmp_path / "one", address, at_once=1)
    assert hub.most_at_once == 1
    hub.slow_s = 0.02
    many = run(tmp_path / "many", address)
    assert one == many and list(one) == list(many) and not any(each.fault for each in one.values())
    assert contents(tmp_path / "one") == contents(tmp_path / "many")
    assert hub.most_at_once > 4
    record = read_manifest(tmp_path / "many/facebook/xnli")
    assert record is not None and record.is_whole
    for path, told in record.files.items():
        data = (tmp_path / "many/facebook/xnli" / path).read_bytes()
        assert told == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_each_file_is_asked_for_once(hub: Hub, address: str, tmp_path: Path) -> None:
    run(tmp_path, address)
    files = [each for each in hub.asked if "/resolve/" in each and each.endswith(".parquet")]
    assert files and len(files) == len(set(files)) and not any(each.startswith("HEAD") for each in files)


def test_nothing_but_whole_files_is_left(hub: Hub, address: str, tmp_path: Path) -> None:
    run(tmp_path, address)
    assert not list(tmp_path.rglob(PARTS)) and not list(tmp_path.rglob("*.tmp"))


def test_two_that_fill_one_mirror_at_once_bring_each_file_once(hub: Hub, address: str, tmp_path: Path) -> None:
    hub.slow_s = 0.02
    found: list[dict[str, Fetched]] = []
    # A lock belongs to an open file, so threads exclude each other as processes do; the second asks in another order.
    orders = (NAMES, tuple(reversed(NAMES)))
    threads = [
        threading.Thread(target=lambda each=each: found.append(run(tmp_path / "m", address, *each))) for each in orders
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 2 and {name for each in found for name in each if each[name].fault} == set()
    asked = [each for each in hub.asked if "/resolve/" in each and each.endswith(".parquet")]
    assert len(asked) == len(set(asked))
    assert {name: sum(each[name].downloaded > 0 for each in found) for name in found[0]} == dict.fromkeys(found[0], 1)


@pytest.mark.parametrize("when", [1, 3])
def test_ctrl_c_ends_at_once_and_the_same_command_continues(hub: Hub, address: str, tmp_path: Path, when: int) -> None:
    hub.slow_s = 0.0
    seen: list[Progress] = []

    def report(progress: Progress) -> None:
        seen.append(progress)
        hub.slow_s = 600.0  # whatever waits for an answer now waits longer than the test may take
        if sum(each.what.startswith("fetch") for each in seen) == when:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"\d+ of \d+ files are there, and stay$"):
        run(tmp_path, address, report=report)
    hub.slow_s = 0.0
    assert not (tmp_path / "facebook/xnli" / FILE).is_file() or not read_manifest(tmp_path / "facebook/xnli").is_whole
    assert not any(one.fault for one in run(tmp_path, address).values())


def test_the_hubs_wish_to_wait_is_obeyed_by_all(
    hub: Hub, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[float] = []
    monkeypatch.setattr(Gate, "hold", lambda self, seconds: held.append(seconds))

    def report(progress: Progress) -> None:
        if not held and progress.what.startswith("fetch"):
            hub.limited = 2 if hub.limited == 0 else hub.limited

    hub.slow_s = 0.05
    assert not any(one.fault for one in run(tmp_path, address, report=report).values())
    assert set(held) == {300.0}


def test_a_gate_lets_nobody_ask_before_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(stream.time, "monotonic", lambda: now[0])
    gate = Gate()
    gate.hold(7)
    gate.hold(3)
    assert gate.seconds_left == 7
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(gate.stop, "wait", wait)
    gate.enter()
    assert sum(waited) == 7
    gate.stop.set()
    with pytest.raises(Stopped):
        gate.enter()
    with pytest.raises(Stopped):
        gate.add(1)


def test_a_hub_that_refuses_for_too_long_is_one_sentence(
    hub: Hub, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_LONGEST_WAIT_S", 100.0)

    def report(progress: Progress) -> None:
        hub.limited = -1

    hub.slow_s = 0.05
    with pytest.raises(SourceError, match=r"takes no more requests from here for now \(wait 300 s\)") as caught:
        run(tmp_path, address, report=report)
    assert "\n" not in str(caught.value)


def test_progress_is_shown_and_is_over(hub: Hub, address: str, tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(tmp_path, address, report=seen.append)
    files = [each for each in seen if each.what.startswith("fetch")]
    assert files[0].done == 0 and files[-1].done == files[-1].total
    assert [each for each in seen if each.done >= each.total and each.what == files[0].what] == [files[-1]]


def test_an_error_of_a_job_is_its_result_and_the_others_are_done() -> None:
    def work(job: int) -> int:
        if job == 2:
            raise ValueError("two")
        return job * 10

    found = dict(filter(None, in_threads(range(5), work, Gate(), at_once=3)))
    assert isinstance(found.pop(2), ValueError) and found == {0: 0, 1: 10, 3: 30, 4: 40}
