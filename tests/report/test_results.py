"""The published results in docs/results: pages that are made again to the byte, and the page of claims that is made from them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import toolkit
from tests import PROJECT, RESULTS

NAMES = sorted(path.parent.name for path in RESULTS.glob("*/published.json"))


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file; of a picture its pixels, which are packed by whatever library is there."""
    found = {}
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        data = np.asarray(Image.open(path)).tobytes() if path.suffix == ".png" else path.read_bytes()
        found[path.relative_to(folder).as_posix()] = data
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_pages_are_made_again_to_the_byte(name: str, tmp_path: Path) -> None:
    copied = shutil.copytree(RESULTS / name, tmp_path / name)
    for file in copied.rglob("*"):  # the picture of a prediction was published, the report's own are made
        if file.suffix in (".md", ".html", ".tex", ".svg", ".png") and file.parent.name != "prediction":
            file.unlink()
    toolkit.sweep_report(copied)
    assert contents(copied) == contents(RESULTS / name)


@pytest.mark.slow
def test_the_page_of_claims_is_made_from_them() -> None:
    command = [sys.executable, "docs/make_results.py", "--check"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_published_sweep_is_a_ready_one_and_was_registered_before_its_first_step(name: str) -> None:
    assert (PROJECT / "configs" / "sweep" / f"{name}.yaml").is_file()
    entries = json.loads((RESULTS / name / "registered.json").read_text(encoding="utf-8"))["entries"]
    assert entries[0]["steps_done"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_run_that_was_started_is_listed(name: str) -> None:
    plan = json.loads((RESULTS / name / "sweep.json").read_text(encoding="utf-8"))
    lines = (RESULTS / name / "runs.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(plan["steps"]) + 1
