"""Tests of xstilts, in the same folders as `toolkit/`."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "docs" / "results"
REPORTS = frozenset(RESULTS.glob("*/**/*.md"))
"""Pages of published sweeps, in the words of the report and of the plan."""
