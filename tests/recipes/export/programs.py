"""Programs of exported models, run in this process."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tests.recipes.answer.test_model import record_of, records_of

__all__ = ["answer_of", "as_json", "close", "record_of", "records_of"]


def answer_of(folder: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return `answer` of the `run.py` in a folder, which finds its `rows.py` there as `python run.py` does."""
    others = sys.modules.pop("rows", None)
    sys.path.insert(0, str(folder))
    try:
        found: Callable[[dict[str, Any]], dict[str, Any]] = runpy.run_path(str(folder / "run.py"))["answer"]
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("rows", None)
        if others is not None:
            sys.modules["rows"] = others
    return found


def as_json(answers: Iterable[Any]) -> list[dict[str, Any]]:
    """Return answers of the toolkit as its command writes them."""
    return [json.loads(json.dumps(answer.values())) for answer in answers]


def close(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether a program's answer is the toolkit's: what it says exactly, numbers but for rounding; its own further fields aside."""
    return all(_same(value, theirs[name]) for name, value in ours.items() if name in theirs)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and one and isinstance(one[0], float):
        return bool(np.allclose(one, other, atol=1e-4))
    return abs(one - other) < 1e-3 if isinstance(one, float) else one == other
