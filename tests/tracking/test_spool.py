import json
import os
import sys
import textwrap
from pathlib import Path

import pytest

from tests import zygote
from toolkit.tracking import events, spool
from toolkit.tracking.limits import Names


def start(**changes):
    return {**events.start(events.Opening("mnli", "mnli", {}, {}), parent=None, uri=None), **changes}


def test_a_run_is_in_the_spool_from_its_first_line_on(tmp_path):
    run = spool.SpooledRun(tmp_path, start())
    assert spool.spooled(tmp_path) == [run.path]
    assert [event["event"] for event, _ in spool.read_events(run.path)] == ["start"]
    run.close()


def test_events_come_back_as_they_went_in(tmp_path):
    run = spool.SpooledRun(tmp_path, start())
    written = [
        events.metrics({"a": 0.1 + 0.2, "b": float("inf")}, 3, names=Names()),
        events.text("zwölf\nlines", "c.txt"),
        events.close("KILLED"),
    ]
    run.append(*written)
    run.close()
    assert [event for event, _ in spool.read_events(run.path)][1:] == written


def test_reading_goes_on_from_an_offset(tmp_path):
    run = spool.SpooledRun(tmp_path, start())
    offset = list(spool.read_events(run.path))[-1][1]
    run.append(events.close("FINISHED"))
    assert [event["event"] for event, _ in spool.read_events(run.path, offset)] == ["close"]
    run.close()


def test_a_torn_last_line_is_not_there(tmp_path):
    run = spool.SpooledRun(tmp_path, start())
    run.close()
    with open(run.path / spool.EVENTS, "ab") as file:
        file.write(b'{"event": "close", "sta')
    assert [event["event"] for event, _ in spool.read_events(run.path)] == ["start"]


def test_an_artifact_is_copied_at_once(tmp_path):
    figure = tmp_path / "figure.png"
    figure.write_bytes(b"first")
    run = spool.SpooledRun(tmp_path, start())
    run.append(events.artifact(figure, "plots"))
    figure.write_bytes(b"second")
    run.append(events.artifact(figure, "plots"))
    run.close()
    kept = [event["path"] for event, _ in spool.read_events(run.path) if event["event"] == "artifact"]
    assert [(run.path / path).read_bytes() for path in kept] == [b"first", b"second"]
    assert {os.path.basename(path) for path in kept} == {"figure.png"}


def test_a_full_disk_leaves_no_half_event_behind(tmp_path, monkeypatch):
    run = spool.SpooledRun(tmp_path, start())
    with monkeypatch.context() as patch:
        patch.setattr(
            spool.shutil, "copyfile", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        figure = tmp_path / "figure.png"
        figure.write_bytes(b"x")
        with pytest.raises(OSError, match="No space"):
            run.append(events.artifact(figure, ""))
    run.close()
    assert [event["event"] for event, _ in spool.read_events(run.path)] == ["start"]


def test_an_open_run_is_told_from_a_closed_one(tmp_path):
    run = spool.SpooledRun(tmp_path, start())
    assert spool.is_being_written(run.path)
    run.close()
    assert not spool.is_being_written(run.path)


def test_a_killed_writer_is_no_longer_writing(tmp_path):
    code = f"""
        import os, signal
        from pathlib import Path
        from toolkit.tracking import events, spool
        run = spool.SpooledRun(Path({str(tmp_path)!r}),
                               events.start(events.Opening("mnli", "e", {{}}, {{}}), parent=None, uri=None))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert zygote.run([sys.executable, "-c", textwrap.dedent(code)], check=False).returncode == -9
    (path,) = spool.spooled(tmp_path)
    assert not spool.is_being_written(path)


def test_a_child_sorts_behind_its_parent(tmp_path):
    runs = [spool.SpooledRun(tmp_path, start()) for _ in range(3)]
    assert spool.spooled(tmp_path) == [run.path for run in runs]
    for run in runs:
        run.close()


def test_half_removed_runs_are_swept_and_never_read(tmp_path):
    run = spool.SpooledRun(tmp_path, start())
    run.close()
    os.rename(run.path, run.path.with_name(f".{run.path.name}.done"))
    assert spool.spooled(tmp_path) == []
    spool.sweep(tmp_path)
    assert not (tmp_path / spool.NAME).exists()


def test_a_line_that_is_no_event_is_an_error(tmp_path):
    run = spool.SpooledRun(tmp_path, start())
    run.close()
    with open(run.path / spool.EVENTS, "ab") as file:
        file.write(json.dumps([1]).encode() + b"\n")
    with pytest.raises(ValueError, match="not an event"):
        list(spool.read_events(run.path))


def test_a_disk_that_fills_up_leaves_no_half_copy_in_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        Path(target).write_text("half")
        raise OSError(28, "No space left on device")

    (tmp_path / "scores.csv").write_text("whole")
    run = spool.SpooledRun(tmp_path, start())
    monkeypatch.setattr("toolkit.tracking.spool.shutil.copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        run.append(events.artifact(tmp_path / "scores.csv", ""))
    assert list((run.path / "artifacts").iterdir()) == []


def test_what_a_killed_process_had_begun_to_write_is_removed_with_the_next_upload(tmp_path: Path) -> None:
    begun = tmp_path / "xstilts-spool" / ".0001-ab.new"
    begun.mkdir(parents=True)
    spool.sweep(tmp_path)
    assert begun.is_dir()  # of a process that is about to lock its file
    (begun / "events.jsonl").touch()
    spool.sweep(tmp_path)
    assert not begun.exists()
