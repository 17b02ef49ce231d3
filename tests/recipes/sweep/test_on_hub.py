"""A sweep whose rows come from the hub: a dataset that cannot be had costs its own cells, with one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import PROJECT
from tests.hub import serve
from tests.hub.catalogue import catalogue_hub
from tests.waiting import LIMIT_S
from toolkit.sweeps import load_results
from toolkit.tasks import get_task

GRID = """
title: On the hub
axes:
  intermediates: [csqa, cosmosqa]
  mixtures: {both: [csqa, cosmosqa]}
  targets: [rte]
settings:
  backbone: {name: tiny, precision: fp32}
  train: {limit: 16, epochs: 1, eval_limit: 4, batch_size: 8}
  eval: {limit: 8}
"""


@pytest.mark.slow
def test_a_dataset_that_holds_only_a_script_costs_its_own_cells(tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text(GRID, encoding="utf-8")
    tasks = [get_task(name) for name in ("csqa", "cosmosqa", "rte")]
    with serve(catalogue_hub({"allenai/cosmos_qa": "script"}, tasks=tasks)) as address:
        found = subprocess.run(
            [sys.executable, str(PROJECT / "cli.py"), "sweep", "grid.yaml", "--out", "out", "--no-track"],
            cwd=tmp_path,
            env={
                **{name: value for name, value in os.environ.items() if name not in ("HF_HUB_OFFLINE", "XSTILTS_DATA")},
                "HF_ENDPOINT": address,
                "HF_HOME": str(tmp_path / "hf"),
                "XSTILTS_CACHE": str(tmp_path / "cache"),
                "PYTHONPATH": str(PROJECT),
            },
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    said = found.stderr
    assert found.returncode == 1 and "Traceback" not in said, said
    cells = {cell.cell.name: cell.state for cell in load_results(tmp_path / "out").cells}
    assert [state for name, state in cells.items() if "cosmosqa" not in name and "both" not in name] == ["done", "done"]
    assert [state for name, state in cells.items() if "cosmosqa" in name or "both" in name] == ["blocked", "blocked"]
    sentence = "allenai/cosmos_qa cannot be read: it holds only a loading script (cosmos_qa.py), which is never run"
    lines = [line for line in said.splitlines() if sentence in line]
    assert sum(": failed: " in line for line in lines) == 1
    assert "mix[csqa,cosmosqa] (seed 0): failed as cosmosqa (seed 0) did." in said
    assert "csqa: rows of tau/commonsense_qa@" in said
