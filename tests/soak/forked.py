"""Forks the processes of steps: named by `--preload` in `dask worker`, and called first in the process of a sweep's command."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

from tests import zygote

VARIABLE = "XSTILTS_ZYGOTE"
"""Folder of the zygote."""


def settle() -> None:
    """Let the zygote fork what would be started anew, which takes seconds of importing."""
    import subprocess

    from toolkit.engine import hand

    zygote.live_in(Path(os.environ[VARIABLE]))
    kept = {name: getattr(subprocess, name) for name in ("PIPE", "TimeoutExpired")}
    hand.subprocess = SimpleNamespace(**kept, Popen=zygote.Popen)  # type: ignore[attr-defined]


def dask_setup(worker: object) -> None:
    """Do so in a worker of dask, which calls this when it starts."""
    settle()
