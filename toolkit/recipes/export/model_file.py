"""The model's file: a traced program written as ONNX or as torch's archive, its int8 form, and what it answers."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toolkit.modeling.traced import INPUTS, SHAPES, weight_bytes
from toolkit.recipes.export.int8 import narrow
from toolkit.recipes.export.plan import MODEL, Form
from toolkit.recipes.export.shorter import OPSET, shorten
from toolkit.tasks.kinds import Kind

if TYPE_CHECKING:
    from torch.export import ExportedProgram

ONE_FILE = 2**30  # bytes of weights that are still a part of the model's own file; protobuf ends at twice that
_LOUD = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir", "root")

Answer = Callable[[np.ndarray, np.ndarray], np.ndarray]  # input_ids, attention_mask -> the output


def write_model(program: ExportedProgram, kind: Kind, folder: Path, *, form: Form, int8: bool) -> None:
    """Write a program's file into a folder; weights of more than 1 GiB go into `model.onnx.data`, tensor by tensor."""
    with _quiet():
        if form == "torch":
            import torch

            torch.export.save(program, folder / MODEL[form])
        else:
            _write_onnx(program, kind, folder, int8=int8)


def _write_onnx(program: ExportedProgram, kind: Kind, folder: Path, *, int8: bool) -> None:
    import torch

    shape, file = SHAPES[kind], folder / MODEL["onnx"]
    axes = dict(enumerate(shape.axes))
    made = torch.onnx.export(
        program,
        dynamo=True,
        input_names=list(INPUTS),
        output_names=[shape.output],
        dynamic_shapes=(axes, axes),
        verbose=False,
        opset_version=OPSET,
    )
    assert made is not None
    shorten(made.model)
    is_large = weight_bytes(program) > ONE_FILE
    if int8:
        narrow(made.model)
    made.save(str(file), external_data=is_large)


def open_model(folder: Path, kind: Kind, form: Form, *, threads: int | None = None) -> Answer:
    """Return what a written model answers.

    Args:
        threads: of the processor; None: as many as the runtime takes.
    """
    file = str(folder / MODEL[form])
    if form == "torch":
        import torch

        with _quiet():
            module = torch.export.load(file).module()

        def by_torch(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                found: np.ndarray = module(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
            return found

        return by_torch
    # Before it is imported: it reports to its maker (findings/onnxruntime_reports_when_imported.sh).
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads or 0
    session = InferenceSession(file, options)

    def by_onnxruntime(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        given: Mapping[str, np.ndarray] = dict(zip(INPUTS, (ids, mask), strict=True))
        found: np.ndarray = session.run(None, given)[0]
        return found

    return by_onnxruntime


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporters print, log and warn about away from the user: their steps, and operators of other packages."""
    loud = [logging.getLogger(None if name == "root" else name) for name in _LOUD]
    levels = [each.level for each in loud]
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        for each in loud:
            each.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for each, level in zip(loud, levels, strict=True):
                each.setLevel(level)
