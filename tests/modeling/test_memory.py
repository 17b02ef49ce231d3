"""Memory that is used up: one sentence, with the setting that helps."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch

from toolkit.composition import parse
from toolkit.errors import ToolkitError, is_out_of_memory
from toolkit.features.item import sentence_features
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import embed
from toolkit.modeling.memory import within_memory

CPU = torch.device("cpu")
FAULTS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    np._core._exceptions._ArrayMemoryError((10**12,), np.dtype("float32")),
    MemoryError(),
    RuntimeError("Error in faiss::IndexFlat: std::bad_alloc"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_each_library_s_error_is_one_sentence(fault):
    assert is_out_of_memory(fault)
    with (
        pytest.raises(ToolkitError, match=r"^This GPU's memory does not hold step 3 of 'a'; lower it\.$"),
        within_memory("step 3 of 'a'", "lower it", torch.device("cuda")),
    ):
        raise fault


@pytest.mark.parametrize("fault", [RuntimeError("shapes do not match"), ValueError("out of memory")])
def test_other_errors_keep_their_traceback(fault):
    with pytest.raises(type(fault)) as caught, within_memory("it", "lower it", CPU):
        raise fault
    assert caught.value is fault


def test_what_really_cannot_be_allocated_is_one_sentence():
    with (
        pytest.raises(ToolkitError, match="The memory of this machine does not hold it"),
        within_memory("it", "less", CPU),
    ):
        torch.empty(2**52)


def test_encoding_names_its_setting(tiny, monkeypatch):
    features = sentence_features(["a b", "c"], tiny.tokenizer, max_length=16)
    with Circuit(tiny, parse("backbone")) as circuit:
        monkeypatch.setattr(circuit, "encode", lambda *args, **options: torch.empty(2**52))
        with pytest.raises(ToolkitError, match=r"a batch of \w+; lower --set eval.batch_size, or a longest text's"):
            embed(circuit, features, layer=1, batch_size=8)
