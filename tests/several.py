"""Several processes of one run, as `torchrun` starts them: the test holds the store where they meet, so that no port is guessed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from torch.distributed import TCPStore

from tests import PROJECT, zygote
from tests.waiting import LIMIT_S
from toolkit.errors import ToolkitError


class Several:
    """Processes of the command line that work together, from the beginning of a `with` block.

    Args:
        words: of the command line.
        count: how many.
        first: functions `module:name` that single processes call before all else, by rank.
    """

    def __init__(self, words: Sequence[object], count: int = 2, *, first: dict[int, str] | None = None) -> None:
        self._store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        shared = {
            "WORLD_SIZE": str(count),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(self._store.port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "TORCHELASTIC_RESTART_COUNT": "0",
            "OMP_NUM_THREADS": "1",
        }
        self.processes: list[subprocess.Popen[Any]] = [
            zygote.Popen(
                [sys.executable, str(PROJECT / "cli.py"), *map(str, words)],
                first=(first or {}).get(rank, ""),
                env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(count)
        ]

    def ended(self) -> list[tuple[int, str, str]]:
        """Wait for their ends, and return exit code, stdout and stderr of each."""
        found = []
        for process in self.processes:
            out, err = process.communicate(timeout=LIMIT_S)
            found.append((process.returncode, out, err))
        return found


# -- faults of one process: it calls one of these before all else ------------------------------------------------------


def raises_an_error_of_the_user() -> None:
    """Let every pass over rows end in a sentence."""
    _instead(ToolkitError("This part of the rows cannot be read."))


def raises_a_bug() -> None:
    """Let every pass over rows end in a fault of ours."""
    _instead(ZeroDivisionError("a fault of ours"))


def is_killed() -> None:
    """Let the first pass over rows be the end of the process."""
    _instead(None)


def catches_what_a_journey_raises() -> None:
    """Do, before the command, a journey of which rank 0 raises an error, as a script does that catches it and continues."""
    import toolkit

    root = os.environ["XSTILTS_TEST_ROOT"]
    config = toolkit.configure("tracking.enabled=no", backbone="tiny", zoo=f"{root}/zoo", run_dir=f"{root}/caught")
    for name in ("nobody", "micro-qa"):
        try:
            toolkit.evaluate(name, config, task="micro-nli", languages="en")
        except ToolkitError as error:
            print(f"caught {type(error).__name__}: {error}")


def catches_what_one_part_of_a_pass_raises() -> None:
    """Do, before the command, a journey of which rank 1 alone raises a fault in the middle of a pass."""
    import toolkit

    root = os.environ["XSTILTS_TEST_ROOT"]
    config = toolkit.configure("tracking.enabled=no", backbone="tiny", zoo=f"{root}/zoo", run_dir=f"{root}/caught")
    if os.environ["RANK"] == "1":
        from toolkit.evaluation import outputs

        whole = outputs._read
        raises_a_bug()
    try:
        toolkit.evaluate("micro-nli", config, task="micro-nli", languages="en")
    except Exception as error:
        print(f"caught {type(error).__name__}")
    if os.environ["RANK"] == "1":
        outputs._read = whole


def _instead(fault: Exception | None) -> None:
    from toolkit.evaluation import outputs

    def read(*args: object, **options: object) -> None:
        if fault is None:
            os.kill(os.getpid(), signal.SIGKILL)
        raise fault or AssertionError

    read.__module__, read.__qualname__ = outputs._read.__module__, outputs._read.__qualname__  # sent by its name
    outputs._read = read  # type: ignore[assignment]  # of this process alone
