"""The ready-made sweeps: each opens with its command and its true size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import PROJECT
from toolkit.recipes.sweep.facts import Facts
from toolkit.recipes.sweep.plan import stages_without_sharing
from toolkit.recipes.sweep.run import Asked, plan_sweep
from toolkit.tasks import BUILT_IN

READY = sorted((PROJECT / "configs" / "sweep").glob("*.yaml"))
NAMES = {
    "phang2020", "order", "multi-source", "domain", "fusion", "robust-order", "robust-xnli", "similarity", "controls",
    "low-resource",
}  # fmt: skip


def test_each_has_a_mini_twin() -> None:
    assert {path.stem for path in READY} >= NAMES | {f"{name}-mini" for name in NAMES}


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_a_ready_sweep_plans_and_opens_with_its_command_and_its_size(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)  # slices of tasks are declared in configs/task
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    assert re.match(rf"# xstilts sweep configs/sweep/{path.name}( --workers 2)?( --data-root MIRROR)?$", first)
    planned = plan_sweep(Asked(path.relative_to(PROJECT)), Facts(), BUILT_IN)
    expected = f"# Size: {len(planned.stages)} stages, {len(planned.sweep.cells)} cells"
    assert second.startswith((f"{expected};", f"{expected}."))
    assert len(planned.stages) <= stages_without_sharing(planned)
    assert planned.sweep.question.endswith("?")
    assert {cell.row for cell in planned.sweep.cells if cell.is_baseline} or "domain" in path.stem
