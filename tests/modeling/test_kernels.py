"""Kernels of frozen layers: names, what a processor or a precision lacks, and what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from toolkit.errors import ToolkitError
from toolkit.modeling import kernels
from toolkit.modeling.kernels import fastest, resolve_kernel

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Measure nothing: `fused-bf16` is the fastest; the ways that were measured, and the cache folder."""
    seen = []

    def seconds(way, size):
        seen.append(way)
        return 1.0 if way is kernels.WAYS["fused-bf16"] else 2.0

    monkeypatch.setattr(kernels, "_seconds", seconds)
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path))
    return seen, tmp_path / "kernels"


def test_auto_is_plain_where_runs_repeat_to_the_bit_and_on_a_gpu(measured):
    for precision, device in (("fp32", CPU), ("fp16", CPU), ("bf16", CUDA)):
        assert resolve_kernel("auto", precision, device, 32) == "plain"
    assert not measured[0]
    assert resolve_kernel("auto", "bf16", CPU, 32) == "fused-bf16"


@pytest.mark.parametrize(
    ("asked", "precision", "device", "said"),
    [
        ("produkts-bf16", "bf16", CPU, "No kernel named 'produkts-bf16'. Did you mean 'products-bf16'"),
        ("products-bf16", "fp32", CPU, "does not compute in fp32"),
        ("fused-fp32", "fp16", CPU, "does not compute in fp16"),
        ("fused-fp32", "bf16", CUDA, "is for processors"),
    ],
)
def test_what_is_unknown_or_lacking_is_one_sentence(asked, precision, device, said):
    with pytest.raises(ToolkitError, match=said) as fault:
        resolve_kernel(asked, precision, device, 32)
    assert "\n" not in str(fault.value)


def test_what_was_measured_is_kept_and_measured_anew_for_another_processor_version_or_size(measured, monkeypatch):
    seen, folder = measured
    fastest(32)
    assert len(seen) == len(kernels.WAYS)
    fastest(32)
    assert len(seen) == len(kernels.WAYS)
    fastest(64)
    monkeypatch.setattr(kernels, "processor", lambda: "another")
    fastest(32)
    monkeypatch.setattr(torch, "__version__", "0.1")
    fastest(32)
    assert len(seen) == 4 * len(kernels.WAYS)
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"kernel": "fused-fp64"}', "\udcff"])
def test_a_damaged_file_is_measured_anew_and_replaced(measured, content):
    seen, folder = measured
    fastest(32)
    (path,) = folder.iterdir()
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    fastest(32)
    assert len(seen) == 2 * len(kernels.WAYS)
    assert json.loads(path.read_text())["kernel"] == "fused-bf16"


def test_the_file_of_another_processor_under_the_same_name_is_not_believed(measured):
    seen, folder = measured
    fastest(32)
    (path,) = folder.iterdir()
    path.write_text(json.dumps({**json.loads(path.read_text()), "processor": "another", "kernel": "fused-fp32"}))
    assert fastest(32) == "fused-bf16"
    assert len(seen) == 2 * len(kernels.WAYS)


def test_of_two_processes_both_take_what_was_written_first(measured, monkeypatch):
    _, folder = measured
    fastest(32)
    (path,) = folder.iterdir()
    first = {**json.loads(path.read_text()), "kernel": "products-fp32"}
    path.unlink()

    def other(way, size):
        path.write_text(json.dumps(first))
        return 1.0

    monkeypatch.setattr(kernels, "_seconds", other)
    monkeypatch.setattr(Path, "exists", lambda self: False)  # it was not there when this process looked
    assert fastest(32) == "products-fp32"
    assert list(folder.iterdir()) == [path]


def test_a_cache_that_cannot_be_written_measures_only(measured, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "file"))
    assert fastest(32) == "fused-bf16"


def test_every_way_is_measured_for_real():
    assert all(kernels._seconds(way, 4) > 0 for way in kernels.WAYS.values())
