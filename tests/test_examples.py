"""The examples run as they are, and print what their last lines say."""

from __future__ import annotations

import ast
import doctest
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import PROJECT

EXAMPLES = sorted((PROJECT / "examples").glob("*.py"))


def promised(path: Path) -> str:
    """Return what an example says that it prints: the text in its last statement."""
    last = ast.parse(path.read_text(encoding="utf-8")).body[-1]
    assert isinstance(last, ast.Expr), path.name
    return ast.literal_eval(last.value).lstrip("\n")


def test_the_page_of_the_examples_names_each_of_them() -> None:
    page = (PROJECT / "examples" / "README.md").read_text(encoding="utf-8")
    assert len(EXAMPLES) >= 4
    assert [path.name for path in EXAMPLES if f"({path.name})" not in page] == []
    assert [path.name for path in EXAMPLES if f"python examples/{path.name}" not in path.read_text("utf-8")] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_it_says(path: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "HF_HUB_OFFLINE": "1"}
    for name in ("XSTILTS_DATA", "XSTILTS_BACKBONE"):
        environment.pop(name, None)
    found = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert found.returncode == 0, found.stderr
    wanted = promised(path)
    assert doctest.OutputChecker().check_output(wanted, found.stdout, doctest.ELLIPSIS), (
        f"wanted:\n{wanted}\nfound:\n{found.stdout}"
    )
