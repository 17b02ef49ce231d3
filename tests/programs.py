"""Programs that a test writes and another process starts at once."""

from __future__ import annotations

import subprocess
from pathlib import Path


def write_program(path: Path, text: str) -> Path:
    """Write a program, by a process of its own, and return its path.

    A file that any process has open for writing cannot be started (ETXTBSY). What this process has open, a thread that starts a
    process at that moment hands on for a while.
    """
    command = 'cat > "$1" && chmod 755 "$1"'
    subprocess.run(["/bin/sh", "-c", command, "sh", str(path)], input=text.encode(), check=True)
    return path
