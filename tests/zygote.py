"""A zygote: one process that has imported everything, and forks where a test would start `python` anew.

`Popen` and `run` are those of `subprocess` for the commands `python -c`, `python -m` and `python FILE`. A forked process has an
environment, working folder, descriptors and `__main__` of its own, ends by the same signals, and is spared the seconds that
importing torch takes. Tests of what importing does, or of variables that a library reads when it is imported, start Python itself.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import json
import os
import random
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import PROJECT
from tests.waiting import LIMIT_S, alone

_PRELOADED = (
    "cli",
    "adapters",
    "adapters.heads",
    "adapters.models.xlm_roberta.modeling_xlm_roberta",
    "adapters.wrappers.model",
    "datasets",
    "faiss",
    "hypothesis",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "mlflow.store.tracking.sqlalchemy_store",
    "pytest",
    "toolkit.face",
    "toolkit.modeling.circuit",
    "toolkit.recipes.score.evaluate",
    "toolkit.recipes.sweep.worker",
    "toolkit.recipes.train.train",
    "transformers.models.xlm_roberta.modeling_xlm_roberta",
)
_MANY = 64  # descriptors of a request, more than any test passes


# -- the client --------------------------------------------------------------------------------------------------------


class Popen(subprocess.Popen[Any]):
    """`subprocess.Popen` of a Python command, forked by the zygote.

    Args:
        first: a function `module:name` that the new process calls before all else.
    """

    def __init__(self, *args: Any, first: str = "", **options: Any) -> None:
        self._first = first
        super().__init__(*args, **options)

    def _execute_child(  # type: ignore[no-untyped-def]
        self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, restore_signals, gid, gids, uid, umask,
        start_new_session, process_group,
    ) -> None:  # fmt: skip
        command = [os.fspath(one) for one in args]
        assert command[0] == sys.executable and not shell and preexec_fn is None, command
        numbers = [0, 1, 2, *pass_fds]
        given = [
            own if own != -1 else number for own, number in zip((p2cread, c2pwrite, errwrite), range(3), strict=True)
        ]
        request = {
            "command": command[1:],
            "first": self._first,
            "environment": dict(os.environ if env is None else env),
            "folder": os.fspath(cwd) if cwd is not None else os.getcwd(),
            "numbers": numbers,
            "is_leader": start_new_session or process_group == 0,
        }
        self._line = _connect()
        data = json.dumps(request).encode()
        socket.send_fds(self._line, [len(data).to_bytes(4, "little")], [*given, *pass_fds])
        self._line.sendall(data)
        self.pid = int.from_bytes(_read(self._line, 4), "little")
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        return self._take_code(0.0)

    def _wait(self, timeout: float | None) -> int:
        if (code := self._take_code(timeout)) is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return code

    def _take_code(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._line.settimeout(timeout if timeout is None or timeout > 0 else 1e-6)
            with contextlib.suppress(TimeoutError):
                self.returncode = int.from_bytes(_read(self._line, 4), "little", signed=True)
                self._line.close()
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """Send a signal while the process has not been waited for; the zygote reaps it only when its exit is passed on."""
        if self._take_code(0.0) is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)


def run(*args: Any, **options: Any) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of a Python command, forked by the zygote."""
    check, timeout = options.pop("check", False), options.pop("timeout", LIMIT_S)
    if options.pop("capture_output", False):
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(*args, **options) as process:
        try:
            out, error = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
        assert process.returncode is not None
    if check and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, out, error)
    return subprocess.CompletedProcess(process.args, process.returncode, out, error)


def _read(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (part := line.recv(size - len(data))):
            raise ConnectionError("the zygote is gone")
        data += part
    return data


def _connect() -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.connect(_address())
    return line


_home: Path | None = None


def live_in(folder: Path) -> None:
    """Let the zygote that all workers of one pytest run share have its socket in `folder`."""
    global _home
    _home = folder


def home() -> Path:
    """Return the folder of its socket, for `live_in` of another process."""
    assert _home is not None, "the conftest gives the zygote its folder"
    return _home


def start() -> None:
    """Start the zygote if it is not there."""
    _address()


@functools.cache
def _address() -> str:
    """Return the address of the zygote, which is started if it is not there; it lives as long as who asked."""
    folder = home()
    # A socket's path has at most 107 characters; from inside the folder it is short.
    place = f"/proc/{os.getpid()}/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY)}/zygote"
    with alone(folder / "zygote.lock"):
        if not _stay(place):
            ours, theirs = os.pipe()
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.zygote", str(folder), str(theirs)],
                cwd=PROJECT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs],
                start_new_session=True,
            )
            os.close(theirs)
            assert os.read(ours, 1) == b"+", "the zygote did not start"
            os.close(ours)
            assert _stay(place)
            atexit.register(_end, process)
    return place


_stays: list[socket.socket] = []


def _stay(place: str) -> bool:
    """Hold a connection on which nothing is asked: without any the zygote ends."""
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(place)
    except OSError:
        line.close()
        return False
    line.sendall((0).to_bytes(4, "little"))
    _stays.append(line)
    return True


def _end(process: subprocess.Popen[Any]) -> None:
    for line in _stays:
        line.close()
    process.wait()


# -- the server --------------------------------------------------------------------------------------------------------


def serve(folder: str, ready: int) -> None:
    """Import everything that a run of the tiny backbone does, say so on the descriptor `ready`, and fork until nobody holds a connection."""
    for name in _PRELOADED:
        importlib.import_module(name)
    from tests import pieces
    from toolkit.modeling.tiny import tiny_tokenizer

    os.fsync = lambda _: None  # type: ignore[assignment]  # as in the conftest
    tiny_tokenizer()  # both are made once a process
    pieces.xlmr()
    assert threading.active_count() == 1, "a thread does not survive a fork"
    gc.collect()
    gc.freeze()
    os.chdir(folder)
    with contextlib.suppress(FileNotFoundError):
        os.unlink("zygote")
    door = socket.socket(socket.AF_UNIX)
    door.bind("zygote")
    door.listen(_MANY)
    os.write(ready, b"+")
    os.close(ready)
    selector = selectors.DefaultSelector()
    selector.register(door, selectors.EVENT_READ)
    stays, children = set[socket.socket](), dict[int, tuple[int, socket.socket]]()
    while True:
        for key, _ in selector.select():
            if key.fileobj is door:
                line = door.accept()[0]
                head, given = _receive(line)
                if size := int.from_bytes(head, "little"):
                    pid = _fork(line, json.loads(_read(line, size)), given, [door, *stays], children)
                    handle = os.pidfd_open(pid)
                    children[handle] = pid, line
                    selector.register(handle, selectors.EVENT_READ)
                    with contextlib.suppress(OSError):
                        line.sendall(pid.to_bytes(4, "little"))
                else:
                    stays.add(line)
                    selector.register(line, selectors.EVENT_READ)
            elif key.fileobj in stays:
                selector.unregister(key.fileobj)
                stays.remove(key.fileobj)
                key.fileobj.close()
            else:
                selector.unregister(key.fd)
                pid, line = children.pop(key.fd)
                os.close(key.fd)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with contextlib.suppress(OSError):
                    line.sendall(code.to_bytes(4, "little", signed=True))
                line.close()
        if not stays:
            break
    for pid, _ in children.values():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _receive(line: socket.socket) -> tuple[bytes, list[int]]:
    head, given, _, _ = socket.recv_fds(line, 4, _MANY)
    return head, given


def _fork(
    line: socket.socket,
    request: dict[str, Any],
    given: Sequence[int],
    shared: Sequence[socket.socket],
    children: dict[int, tuple[int, socket.socket]],
) -> int:
    if pid := os.fork():
        for one in given:
            os.close(one)
        return pid
    code = 1
    try:
        above = max(request["numbers"]) + 1  # of who asks, and there may be hundreds of them
        held = [fcntl.fcntl(one, fcntl.F_DUPFD, above) for one in given]
        for one in given:
            os.close(one)
        for each in (line, *shared, *(each for _, each in children.values())):
            each.close()
        for handle in children:
            os.close(handle)
        for one, number in zip(held, request["numbers"], strict=True):
            os.dup2(one, number)
            os.close(one)
        code = _become(request)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
        os._exit(code)


def _become(request: dict[str, Any]) -> int:
    """Be the process that was asked for, from its first line to its exit code."""
    if request["is_leader"]:
        os.setpgid(0, 0)
    atexit._clear()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored in what a shell starts in the background
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    time.tzset()
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    paths = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    sys.path[:] = [*paths, *(one for one in sys.path if one not in paths)]
    kind, *rest = request["command"]
    if request["first"]:
        module_name, _, name = request["first"].partition(":")
        getattr(importlib.import_module(module_name), name)()
    try:
        if kind == "-c":
            sys.argv = ["-c", *rest[1:]]
            sys.path.insert(0, "")
            module = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(rest[0], "<string>", "exec"), module.__dict__)
        elif kind == "-m":
            sys.argv = rest
            sys.path.insert(0, os.getcwd())
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [kind, *rest]
            sys.path.insert(0, os.path.dirname(os.path.abspath(kind)))
            runpy.run_path(kind, run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
