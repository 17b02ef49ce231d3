"""Weights of a published encoder: checked, and read tensor by tensor into an empty model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from toolkit.errors import SourceError
from toolkit.modeling.published.digests import keep_digest, known_digest, state_of
from toolkit.modeling.published.files import Tensors, damage_told, differing, open_tensors
from toolkit.modeling.published.layout import again


def load_encoder(
    config: Any,
    folder: Path,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
    is_read: bool = False,
) -> tuple[Any, str]:
    """Build the encoder of a configuration and fill it from a folder, one tensor at a time.

    The model is never held twice: a tensor is read, counted into the digest, and put where the model keeps it. On a
    processor in float32 it stays what the file's pages hold (mapped, not copied). A digest that is known of the very same
    files is not computed again (`digests`).

    Args:
        config: what `read_configuration` made.
        folder: holds the weights.
        dtype: precision in which the model holds them.
        device: where it holds them; None: in the memory of the processor.
        is_read: whether the digest is computed although one is known.

    Returns:
        The model, and the sha256 of its parameters in float32 (`parameters_digest`).

    Raises:
        SourceError: weights are missing, damaged, of another shape, or differ between two formats.
    """
    from toolkit.modeling.libraries import RobertaModel, XLMRobertaModel, init_empty_weights, no_init_weights

    config._attn_implementation = "sdpa"  # exact, and several times faster than the eager attention on long inputs
    kind = XLMRobertaModel if config.model_type == "xlm-roberta" else RobertaModel
    # The weights are the file's. Under `torch.device("meta")` drawing them would import torch's compiler, and the buffers sympy.
    with init_empty_weights(include_buffers=False), no_init_weights():
        model: Any = kind(config, add_pooling_layer=False)
    wanted = dict(model.named_parameters())
    tensors = open_tensors(folder)
    names = _names(tensors, wanted, folder)
    state, known = state_of(folder), None if is_read else known_digest(folder)
    if known is None:
        _require_agreement(folder, tensors, names)
    held: dict[str, torch.Tensor] = {}
    digest = hashlib.sha256()
    with damage_told(folder):
        for key in sorted(wanted):
            tensor = _numbers(tensors.readers[names[key]](), names[key], folder, is_new=known is None)
            if tensor.shape != wanted[key].shape:
                raise SourceError(
                    f"{folder}: '{names[key]}' has the shape {list(tensor.shape)}, and config.json says "
                    f"{list(wanted[key].shape)}; expected configuration and weights of one checkpoint."
                )
            if known is None:
                add_to_digest(digest, key, tensor)
            held[key] = tensor.to(device=device, dtype=dtype)
    model.load_state_dict(held, strict=False, assign=True)
    model.eval()
    if known is None:
        known = digest.hexdigest()
        keep_digest(folder, known, state)
    return model, known


def parameters_digest(parameters: Mapping[str, nn.Parameter]) -> str:
    """Return a sha256 over names, shapes, types and bytes of parameters, in the order of their names."""
    digest = hashlib.sha256()
    for key in sorted(parameters):
        add_to_digest(digest, key, parameters[key].detach())
    return digest.hexdigest()


def add_to_digest(digest: Any, key: str, tensor: torch.Tensor) -> None:
    """Count one tensor into a digest."""
    tensor = tensor.cpu().contiguous()
    digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
    digest.update(tensor.view(torch.uint8).numpy().data)


def _numbers(tensor: torch.Tensor, name: str, folder: Path, *, is_new: bool) -> torch.Tensor:
    """Return a tensor in float32; raise where it does not hold numbers that an encoder can compute with."""
    if not tensor.is_floating_point() or tensor.dtype.itemsize < 2:
        raise SourceError(
            f"{folder}: '{name}' is of the type {str(tensor.dtype).removeprefix('torch.')}; expected weights in float32, float16 or "
            "bfloat16, as they were before they were quantised."
        )
    found = tensor.float()
    if is_new and not found.isfinite().all():
        raise SourceError(f"{folder}: '{name}' holds values that are not finite numbers; {again(folder)}.")
    return found


def _require_agreement(folder: Path, tensors: Tensors, names: Mapping[str, str]) -> None:
    with damage_told(folder):
        other = differing(folder, tensors, names.values())
    if other is not None:
        raise SourceError(
            f"{folder} holds weights in two formats, which differ in '{other.tensor}'; expected one checkpoint: remove "
            f"{other.files[0]} or {other.files[1]}."
        )


def _names(tensors: Tensors, wanted: Mapping[str, nn.Parameter], folder: Path) -> dict[str, str]:
    """Return the checkpoint's name of each parameter."""
    names = {key: tensors.name_of(key) for key in wanted}
    if missing := sorted(key for key, name in names.items() if name is None):
        raise SourceError(
            f"{folder} lacks {len(missing)} of the encoder's tensors, for example '{missing[0]}'; {again(folder)}."
        )
    return {key: name for key, name in names.items() if name is not None}
