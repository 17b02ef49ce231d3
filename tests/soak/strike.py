"""The hand inside a command: it sends the command a signal at a chosen moment, and writes down what was being done.

The new process calls `arm` before all else (`tests/zygote.py`). A moment is the n-th change of a file or connection, counted by
an audit hook and therefore the same in each run, or a time, which also falls into long computations. A worker of a sweep is
forked by the zygote too, and calls `arm_worker`.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

VARIABLE = "XSTILTS_SOAK"
_FILES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")
_OTHERS = ("socket.connect", "subprocess.Popen", "sqlite3.connect")
_WRITES = os.O_WRONLY | os.O_RDWR


class _Counter:
    """Counts changes of files in the working folder and connections; strikes at the one that was chosen."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan, self.began, self.count = plan, time.monotonic(), 0
        self.folder = os.getcwd()
        self.thread = threading.get_ident()

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._counts(event, args):
            return
        self.count += 1
        if self.count == self.plan.get("event") or self._is_at(event, args):
            self.strike()

    def _is_at(self, event: str, args: tuple[Any, ...]) -> bool:
        """Whether this is the change that the plan describes: its event, and a text in one of its paths."""
        if self.plan.get("at") is None:
            return False
        name, text = self.plan["at"]
        paths = [os.fsdecode(one) for one in args[:2] if isinstance(one, str | bytes | os.PathLike)]
        return event == name and any(text in path for path in paths)

    def _counts(self, event: str, args: tuple[Any, ...]) -> bool:
        if event in _OTHERS:
            return True
        is_write = event == "open" and len(args) == 3 and isinstance(args[2], int) and bool(args[2] & _WRITES)
        if not is_write and event not in _FILES:
            return False
        path = args[0]
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        return os.fsdecode(os.path.join(self.folder, os.fsdecode(path))).startswith(self.folder)

    def strike(self) -> None:
        frame = sys._current_frames().get(self.thread)
        said = {"stage": stage_of(frame), "at_s": time.monotonic() - self.began, "event": self.count}
        try:
            handle = os.open(self.plan["report"], os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return  # another worker was struck
        os.write(handle, json.dumps(said).encode())
        os.close(handle)
        for number in self.plan["signals"]:
            if self.plan["to"] == "group":
                os.killpg(os.getpgrp(), number)
            else:
                os.kill(os.getpid(), number)
            time.sleep(self.plan["apart_s"])

    def end(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a traceback of this file is none of the command's
        Path(self.plan["end"]).write_text(json.dumps({"events": self.count, "s": time.monotonic() - self.began}))


def stage_of(frame: FrameType | None) -> str:
    """Return the two innermost functions of the toolkit that a frame is inside, '' where there is none."""
    found: list[str] = []
    while frame is not None and len(found) < 2:
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith("toolkit."):
            found.append(f"{name.removeprefix('toolkit.')}:{frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(found)


def arm() -> None:
    """Prepare the process of a command as its environment says."""
    plan = json.loads(os.environ[VARIABLE])
    _settle(plan)
    counter = _counter(plan)
    atexit.register(counter.end)
    if plan["in"] == "command":
        _count(counter)


def arm_worker() -> None:
    """Prepare the process of a worker."""
    plan = json.loads(os.environ[VARIABLE])
    _settle(plan)
    if plan["in"] == "worker":
        _count(_counter(plan))


def _counter(plan: dict[str, Any]) -> _Counter:
    return _Counter(plan)


def _settle(plan: dict[str, Any]) -> None:
    """Read the environment again where a library read that of the zygote, and fork workers."""
    import subprocess

    import huggingface_hub.constants
    import huggingface_hub.utils

    from tests import zygote
    from toolkit.engine import hand
    from toolkit.recipes.look import demo

    tempfile.tempdir = None
    huggingface_hub.constants.HF_HUB_OFFLINE = os.environ.get("HF_HUB_OFFLINE") == "1"
    huggingface_hub.utils.reset_sessions()
    demo.INTERMEDIATE_ROWS, demo.TARGET_ROWS, demo.LANGUAGES = 48, 24, "en,de"  # it takes a minute
    zygote.live_in(Path(plan["zygote"]))
    kept = {name: getattr(subprocess, name) for name in ("PIPE", "TimeoutExpired")}
    hand.subprocess = SimpleNamespace(**kept, Popen=partial(zygote.Popen, first=f"{__name__}:arm_worker"))  # type: ignore[attr-defined]
    if "limit" in plan:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (plan["limit"], plan["limit"]))


def _count(counter: _Counter) -> None:
    sys.addaudithook(counter.hear)
    if after := counter.plan.get("after_s"):

        def wait() -> None:
            time.sleep(after)
            counter.strike()

        threading.Thread(target=wait, daemon=True).start()
