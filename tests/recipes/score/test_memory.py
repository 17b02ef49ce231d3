"""The memory of long journeys is that of short ones: `benchmarks/memory.py` with fewer lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import PROJECT


@pytest.mark.slow
def test_the_peak_of_many_lines_is_that_of_a_tenth(tmp_path: Path) -> None:
    words = [sys.executable, str(PROJECT / "benchmarks" / "memory.py"), "--quick", "--json", str(tmp_path / "out")]
    words += ["--only", "mine", "gold", "retrieve", "rank"]
    subprocess.run(words, check=True, timeout=3000, env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"})
    found = json.loads((tmp_path / "out").read_text())
    assert {name: found[name] for name in ("mine", "gold", "retrieve", "rank") if found[name] > 1.2} == {}
