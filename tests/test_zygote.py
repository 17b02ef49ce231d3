"""What a forked process shares with one that `subprocess` starts."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests import zygote
from tests.waiting import wait_until

SAID = """
import json, os, sys
print(json.dumps([__name__, sys.argv, os.getcwd(), dict(os.environ).get("OWN"), os.getpgid(0) == os.getpid(), sys.stdin.read()]))
print("a warning", file=sys.stderr)
sys.exit(3)
"""


@pytest.mark.parametrize("how", ["code", "file", "module"])
def test_it_says_and_returns_what_a_new_process_does(tmp_path: Path, how: str) -> None:
    (tmp_path / "said.py").write_text(SAID, encoding="utf-8")
    start = {"code": ["-c", SAID], "file": ["said.py"], "module": ["-m", "said"]}[how]
    environment = {"OWN": "value", "PYTHONPATH": str(tmp_path)}

    def outcome(by: ModuleType) -> tuple[int, object, str]:
        with by.Popen(
            [sys.executable, *start, "an argument"], cwd=tmp_path, env=environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            out, error = process.communicate("given")
        said = json.loads(out)
        said[1][0] = Path(said[1][0]).name  # of a module the whole path
        return process.returncode, said, error

    assert outcome(zygote) == outcome(subprocess)  # type: ignore[arg-type]


def test_an_error_has_its_traceback_and_exit_code_one() -> None:
    found = zygote.run([sys.executable, "-c", "import tests; 1 / 0"], capture_output=True, text=True)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
    with pytest.raises(subprocess.CalledProcessError):
        zygote.run([sys.executable, "-c", "raise SystemExit('no')"], capture_output=True, check=True)


def test_a_signal_ends_it_and_a_wait_has_its_limit() -> None:
    process = zygote.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.01)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL == process.poll()


def test_descriptors_that_are_passed_keep_their_numbers_and_the_others_are_closed(tmp_path: Path) -> None:
    read, write = os.pipe()
    hidden = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(hidden, True)
    code = f"import os; os.write({write}, b'x'); print(os.path.exists('/proc/self/fd/{hidden}'))"
    with zygote.Popen([sys.executable, "-c", code], pass_fds=[write], stdout=subprocess.PIPE, text=True) as process:
        os.close(write)
        assert process.stdout is not None and process.stdout.read() == "False\n"
    assert os.read(read, 10) == b"x" and os.read(read, 10) == b""  # nobody else holds the other end
    os.close(read)
    os.close(hidden)


def test_what_is_imported_already_need_not_be_imported_again() -> None:
    code = "import sys; print('torch' in sys.modules, 'toolkit.recipes.train.train' in sys.modules)"
    assert zygote.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True True\n"


def test_waiting_ends_with_the_process_that_was_waited_for() -> None:
    process = zygote.Popen([sys.executable, "-c", ""])
    with pytest.raises(AssertionError, match="the process ended with 0 before never"):
        wait_until(lambda: False, "never", process=process)
    wait_until(lambda: True, "always", process=process)


def test_it_is_given_descriptors_with_any_number() -> None:
    ours, theirs = os.pipe()
    try:
        for at_least in range(200, 206):  # as high as those of a process that has hundreds of files open
            number = fcntl.fcntl(theirs, fcntl.F_DUPFD, at_least)  # a free one: the tests before may hold some, too
            code = f"import os; os.write({number}, b'x')"
            assert zygote.run([sys.executable, "-c", code], pass_fds=[number]).returncode == 0
            os.close(number)
            assert os.read(ours, 1) == b"x"
    finally:
        os.close(ours)
        os.close(theirs)
