"""Output folders: whole outputs of one process at a time, and nothing left of a killed one."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import zygote
from tests.waiting import wait_until
from toolkit import outputs
from toolkit.errors import ToolkitError
from toolkit.outputs import Output, kept, settle
from toolkit.results.result import Record, WrittenResult


@dataclass(frozen=True)
class Left(WrittenResult):
    def records(self) -> list[Record]:
        return []


def write(output: Output, **files: str) -> None:
    for name, text in files.items():
        path = output.stage / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def put(folder: Path, **files: str) -> Output:
    with Output(folder, replaced=("predictions", "layers")) as output:
        write(output, **files)
        output.commit()
    return output


def begin_and_fail(folder: Path) -> None:
    with Output(folder) as output:
        write(output, scores="1")
        raise KeyError


def held(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")
    }


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_files_are_put_into_the_folder_together_and_what_else_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    put(tmp_path, scores="1", layers="1", predictions__de="1", predictions__en="1")
    put(tmp_path, scores="2", predictions__en="2")
    assert held(tmp_path) == {"notes.txt": "mine", "scores": "2", "predictions/en": "2"}
    put(tmp_path, scores="3")
    assert held(tmp_path) == {"notes.txt": "mine", "scores": "3"}
    assert hidden(tmp_path) == []


def test_what_was_written_stays_as_it_was_while_it_is_held(tmp_path: Path) -> None:
    first = put(tmp_path, scores="1", predictions__en="1")
    put(tmp_path, scores="2")
    assert held(first.stage) == {"scores": "1", "predictions/en": "1"}
    assert pickle.loads(pickle.dumps(first)) is None
    with kept():
        first.release()
    assert held(first.stage)
    first.release()
    assert hidden(tmp_path) == []


def test_a_result_is_saved_as_it_was_found_whatever_another_process_writes_meanwhile(tmp_path: Path) -> None:
    with kept():
        first = Left(text="", folder=tmp_path / "run", output=put(tmp_path / "run", scores="1", predictions__en="1"))
        put(tmp_path / "run", scores="2")
        first.save(tmp_path / "paper")
    assert held(tmp_path / "paper") == {"scores": "1", "predictions/en": "1"}
    del first
    second = Left(text="", folder=tmp_path / "run", output=put(tmp_path / "run", scores="3"))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["scores"]
    put(tmp_path / "run", scores="44")
    with pytest.raises(ToolkitError, match="was changed after this result was made"):
        second.save(tmp_path / "paper")


def test_a_folder_that_was_made_for_nothing_is_taken_back(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        begin_and_fail(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ToolkitError, match=r"Cannot write .*file/out: .*; free space or name another folder"):
        Output(tmp_path / "file" / "out")


@pytest.mark.parametrize("stage", ["_copy", "_put"])
def test_a_kill_leaves_the_old_output_or_the_new_one(
    tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, scores="1", predictions__en="1")
    # As a kill: neither `finally` nor a finaliser runs.
    child = os.fork()
    if child == 0:
        made = os.replace if stage == "_put" else os.link
        calls = []

        def dies(*names: str) -> None:
            made(*names)
            calls.append(names)
            os.kill(os.getpid(), signal.SIGKILL)

        os.replace = os.link = dies  # type: ignore[assignment]
        if stage == "_put":
            os.link = shutil.copyfile  # type: ignore[assignment]
        put(tmp_path, scores="2", predictions__en="2")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert hidden(tmp_path)
    settle(tmp_path)
    now = "2" if stage == "_put" else "1"
    assert held(tmp_path) == {"scores": now, "predictions/en": now}
    assert hidden(tmp_path) == []


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    program = "import sys, toolkit.outputs as o, pathlib; k = o.Output(pathlib.Path(sys.argv[1])); print('', flush=True); input()"
    process = zygote.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    wait_until(lambda: hidden(tmp_path), "the other process writes", process=process)
    assert process.stdout.readline()
    before = hidden(tmp_path)
    put(tmp_path, scores="1")
    assert hidden(tmp_path) == before
    process.kill()
    process.wait()
    put(tmp_path, scores="2")
    assert hidden(tmp_path) == [] and held(tmp_path) == {"scores": "2"}


def test_many_processes_leave_one_whole_output(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    children = []
    for number in range(12):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for _ in range(10):
                    put(folder, scores=str(number), predictions__a=str(number), predictions__b=str(number))
                    with pytest.raises(KeyError):
                        begin_and_fail(folder)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 12
    assert len(set(held(folder).values())) == 1 and len(held(folder)) == 3
    assert hidden(folder) == []


def test_a_disk_that_fills_up_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, scores="1", predictions__en="1")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(outputs.os, "link", full)
    monkeypatch.setattr(outputs.shutil, "copy2", full)
    with pytest.raises(ToolkitError, match="No space left on device; free space or name another folder"):
        put(tmp_path, scores="2", predictions__en="2")
    assert held(tmp_path) == {"scores": "1", "predictions/en": "1"} and hidden(tmp_path) == []
