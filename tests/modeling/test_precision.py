"""Devices: one GPU for each of several workers or processes, with a mocked CUDA."""

from __future__ import annotations

import os

import pytest
import torch

from toolkit.errors import ToolkitError
from toolkit.modeling.precision import pick_device, resolve_precision, take_gpu


class Cuda:
    """A driver with so many GPUs, as one process sees it.

    Args:
        is_read: whether it has read `CUDA_VISIBLE_DEVICES` already, so that a change has no effect.
    """

    def __init__(self, count: int, *, is_read: bool = False) -> None:
        self.count, self.current = count, 0
        self.read = self.seen() if is_read else None

    def seen(self) -> list[str]:
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        return (
            [str(place) for place in range(self.count)] if named is None else [one for one in named.split(",") if one]
        )

    def device_count(self) -> int:
        return len(self.seen() if self.read is None else self.read)

    def set_device(self, place: int) -> None:
        self.current = place

    def physical(self) -> str:
        """The GPU that `pick_device` comes to."""
        device = pick_device()
        return device.type if device.index is None else (self.seen() if self.read is None else self.read)[device.index]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOCAL_RANK", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "")  # so that what is set meanwhile is undone
        monkeypatch.delenv(name)


def plug_in(cuda: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda.device_count() > 0)
    monkeypatch.setattr(torch.cuda, "device_count", cuda.device_count)
    monkeypatch.setattr(torch.cuda, "set_device", cuda.set_device)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: cuda.current)


@pytest.mark.parametrize("is_read", [False, True])
@pytest.mark.parametrize(
    ("visible", "expected"),
    [(None, ["0", "1", "2", "3", "4", "5", "6", "7", "0"]), ("5,2", ["5", "2", "5"]), ("GPU-ab,GPU-cd", ["GPU-ab", "GPU-cd"])],
)  # fmt: skip
def test_each_worker_computes_on_a_gpu_of_its_own_until_they_have_to_share(
    visible: str | None, expected: list[str], is_read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number in range(len(expected)):
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        cuda = Cuda(8, is_read=is_read)
        plug_in(cuda, monkeypatch)
        shared = take_gpu(number)
        found.append(cuda.physical())
        assert bool(shared) == (expected[number] in expected[:number])
    assert found == expected


def test_without_a_gpu_nothing_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda(0)
    plug_in(cuda, monkeypatch)
    assert take_gpu(3) == "" and cuda.physical() == "cpu"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_processes_of_torchrun_take_the_gpu_of_their_local_rank_and_more_than_gpus_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = Cuda(2)
    plug_in(cuda, monkeypatch)
    for place in range(2):
        monkeypatch.setenv("LOCAL_RANK", str(place))
        assert cuda.physical() == str(place)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ToolkitError, match=r"Process 3 of this machine has no GPU: there are 2; .*--nproc-per-node 2"):
        pick_device()


@pytest.mark.parametrize(
    ("capability", "has_bf16", "expected"),
    [((6, 1), False, "fp32"), ((7, 0), False, "fp16"), ((7, 5), False, "fp16"), ((8, 0), True, "bf16"), ((9, 0), True, "bf16")],
    ids=["Pascal", "Volta", "Turing", "Ampere", "Hopper"],
)  # fmt: skip
def test_auto_takes_the_format_that_a_gpu_multiplies_fast(
    capability: tuple[int, int], has_bf16: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16 or including_emulation)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    gpu = torch.device("cuda", 0)
    assert resolve_precision("auto", gpu) == expected
    assert [resolve_precision(asked, gpu) for asked in ("fp32", "fp16")] == ["fp32", "fp16"]
    if not has_bf16:
        ways = "fp16, fp32 or auto" if expected == "fp16" else "fp32 or auto"
        with pytest.raises(ToolkitError, match=f"no native bf16 arithmetic; use precision {ways}"):
            resolve_precision("bf16", gpu)


def test_a_cpu_computes_in_fp16_only_where_it_is_asked_to() -> None:
    cpu = torch.device("cpu")
    assert resolve_precision("fp16", cpu) == "fp16"
    assert resolve_precision("auto", cpu) in ("fp32", "bf16")
