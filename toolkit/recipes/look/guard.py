"""Process between `ui` and MLflow's server: it ends the server, and all that the server started, when `ui` is gone.

A program that is ended by SIGKILL can end nothing itself. `ui` starts this file as a script, which imports nothing of the
package, and holds the other end of its stdin: the end of stdin is the end of `ui`, however it came.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

END_S = 5.0


def main(command: list[str]) -> int:
    """Run a command in a process group of its own until it ends or stdin does; return its exit code."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
    code = server.wait()
    _end(server)  # what it started
    return code


def _end_with_stdin(server: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(server.pid, number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(END_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
