"""A name that is being made is refused to a second one at the start; whoever ended, by SIGKILL too, holds nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import PROJECT, zygote
from tests.waiting import LIMIT_S
from toolkit.errors import ZooError
from toolkit.zoo import Zoo, lease
from toolkit.zoo.clear import clear, leftovers
from toolkit.zoo.lease import LEASES, STALE_S, Holder, ended, leased

HOLDER = """
import sys, time
from pathlib import Path
from toolkit.zoo.lease import leased
with leased(Path(sys.argv[1]), "tiny", ["mnli"]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "zoo"


def path_of(root: Path, entry: str = "mnli") -> Path:
    return root / LEASES / f"tiny~{entry}"


def another_process(root: Path) -> Any:
    found = zygote.Popen(
        [sys.executable, "-c", HOLDER, str(root)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert found.stdout is not None and found.stdout.readline() == "held\n"
    return found


def elsewhere(root: Path, *, age_s: float, entry: str = "mnli") -> Path:
    """Leave a lease of a process on another machine that gave its last sign of life so long ago."""
    path = path_of(root, entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    held = {"process": "far/pid:[1] 7 1.00", "machine": "another", "since": "2024-01-01 10:00:00", "doing": "pruned"}
    path.write_text(json.dumps(held))
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def test_a_name_is_held_while_it_is_made_and_free_afterwards(root: Path) -> None:
    with leased(root, "tiny", ["mnli", "mnli/squad"]):
        for entry in ("mnli", "mnli/squad"):
            with (
                pytest.raises(
                    ZooError, match=f"'{entry}' is being trained for tiny by process {os.getpid()} on .*--as NAME"
                ),
                leased(root, "tiny", ["other", entry]),
            ):
                raise AssertionError("held")
        with leased(root, "embedded", ["mnli"]), leased(root, "tiny", ["other"]):
            pass
    with leased(root, "tiny", ["mnli", "mnli/squad"]):
        pass
    assert [path for path in (root / LEASES).iterdir() if path.name != ".lock"] == []
    assert Zoo(root).list() == [] and Zoo(root).faults() == []


def test_whoever_fails_gives_the_name_back(root: Path) -> None:
    with pytest.raises(KeyboardInterrupt), leased(root, "tiny", ["mnli"]):
        raise KeyboardInterrupt
    with leased(root, "tiny", ["mnli"]):
        pass


def test_a_process_that_runs_holds_its_name_even_when_it_is_stopped_and_one_that_was_killed_does_not(
    root: Path,
) -> None:
    holder = another_process(root)
    try:
        os.kill(holder.pid, signal.SIGSTOP)
        os.utime(path_of(root), (1, 1))  # however long ago it gave a sign of life
        with pytest.raises(ZooError, match=f"by process {holder.pid} on"), leased(root, "tiny", ["mnli"]):
            pass
        assert ended(root) == []
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(timeout=LIMIT_S)
    assert leftovers(Zoo(root)) == [path_of(root)]
    with leased(root, "tiny", ["mnli"]):
        assert ended(root) == []
    assert not path_of(root).exists()


def test_a_lease_from_elsewhere_counts_by_its_last_sign_of_life(root: Path) -> None:
    elsewhere(root, age_s=STALE_S - 60)
    said = "'mnli' is being pruned for tiny by process 7 on far, since 2024-01-01 10:00:00; wait"
    with pytest.raises(ZooError, match=said), leased(root, "tiny", ["mnli"]):
        pass
    assert leftovers(Zoo(root)) == []
    path = elsewhere(root, age_s=STALE_S + 60)
    assert leftovers(Zoo(root)) == [path]
    with leased(root, "tiny", ["mnli"]):
        assert json.loads(path.read_text())["process"] == Holder.here().process
    assert not path.exists()


def test_a_name_that_was_taken_over_is_not_given_back_by_who_had_it(root: Path) -> None:
    with leased(root, "tiny", ["mnli"]):
        path = elsewhere(root, age_s=0)
    assert json.loads(path.read_text())["machine"] == "another"


def test_another_start_of_the_same_machine_is_elsewhere(root: Path) -> None:
    gone = replace(Holder.here(), machine="before")
    assert not gone.has_ended(1.0, STALE_S) and gone.has_ended(STALE_S + 1, STALE_S)
    assert not Holder.here().has_ended(STALE_S + 1, STALE_S)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": 1}', "\x00" * 100])
def test_what_is_no_lease_holds_nothing_and_is_cleared(root: Path, text: str) -> None:
    path = elsewhere(root, age_s=0)
    path.write_text(text)
    zoo = Zoo(root)
    assert leftovers(zoo) == [path] and clear(zoo, [], leftovers(zoo)) == 1
    path.write_text(text)
    with leased(root, "tiny", ["mnli"]):
        pass


def test_a_strangers_lease_prints_nothing_but_text(root: Path) -> None:
    path = elsewhere(root, age_s=0)
    path.write_text(json.dumps({"process": "far 7\x1b[2J 1", "machine": "x", "since": "\u202enow", "doing": "made\n"}))
    with pytest.raises(ZooError) as caught, leased(root, "tiny", ["mnli"]):
        pass
    assert "\x1b" not in str(caught.value) and "\u202e" not in str(caught.value)


def test_the_holder_gives_signs_of_life(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_S", 0.01)
    with leased(root, "tiny", ["mnli"]):
        os.utime(path_of(root), (1, 1))
        end = time.monotonic() + LIMIT_S
        while path_of(root).stat().st_mtime == 1 and time.monotonic() < end:
            time.sleep(0.01)
        assert path_of(root).stat().st_mtime > 1


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError) as caught, leased(tmp_path / "file", "tiny", ["mnli"]):
        pass
    assert "\n" not in str(caught.value)


def test_what_a_process_that_was_killed_was_writing_is_removed_by_the_next_one(root: Path) -> None:
    (root / LEASES).mkdir(parents=True)
    for name in (".now.4194305", ".tiny~mnli.4194305.new"):
        (root / LEASES / name).write_text("{")
    with leased(root, "tiny", ["squad"]):
        assert sorted(os.listdir(root / LEASES)) == [".lock", "tiny~squad"]
    assert os.listdir(root / LEASES) == [".lock"]
