"""Where the results of a benchmark are kept."""

from __future__ import annotations

import importlib
import sys

import pytest

from tests import PROJECT


@pytest.mark.parametrize(
    ("processor", "family"),
    [
        ("AMD EPYC", "amd-epyc"),
        ("AMD EPYC 9B14 96-Core Processor", "amd-epyc"),
        ("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", "intel-xeon"),
        ("Neoverse-N1", "neoverse-n1"),
        ("NVIDIA H200", "nvidia-h200"),
    ],
)
def test_results_are_kept_by_family(processor: str, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "benchmarks"))
    measure = importlib.import_module("measure")
    try:
        assert measure.family(processor) == family
    finally:
        del sys.modules["measure"]
