"""A part's weights by the names of the zoo's files, and the checks before any are taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from toolkit.composition import Part
from toolkit.errors import ZooError
from toolkit.modeling.libraries import BottleneckLayer
from toolkit.modeling.wiring import module_name

Tensors = dict[str, np.ndarray]


def named_parameters(layers: Sequence[tuple[str, BottleneckLayer]], part: Part) -> dict[str, nn.Parameter]:
    """Return an adapter's or a fusion's parameters over all layers, for example `layer.0.adapter_up.weight`."""
    found: dict[str, nn.Parameter] = {}
    for path, layer in layers:
        held = layer.adapters if part.kind == "adapter" else layer.adapter_fusion_layer
        if module_name(part.name) not in held:
            continue  # leave_out
        stem = path.removeprefix("encoder.").removesuffix(".output")
        found |= {f"{stem}.{key}": one for key, one in held[module_name(part.name)].named_parameters()}
    return found


def copied(parameters: Mapping[str, nn.Parameter]) -> Tensors:
    """Return a copy of weights, float32."""
    return {key: parameter.detach().float().cpu().numpy().copy() for key, parameter in parameters.items()}


@torch.no_grad()
def take_in(part: Part, parameters: Mapping[str, nn.Parameter], tensors: Mapping[str, np.ndarray]) -> None:
    """Put weights into a part; every tensor must be there, in shape, and finite, or nothing is changed.

    Raises:
        ZooError: they are not.
    """
    missing, extra = sorted(parameters.keys() - tensors.keys()), sorted(tensors.keys() - parameters.keys())
    if missing or extra:
        raise ZooError(
            f"The {part.kind} of '{part.entry}' has {len(missing)} tensors missing and {len(extra)} too many"
            f" (for example '{(missing or extra)[0]}'); train or pull it again."
        )
    for key, parameter in parameters.items():
        if tuple(tensors[key].shape) != tuple(parameter.shape):
            raise ZooError(
                f"Tensor '{key}' of '{part.entry}' has shape {tuple(tensors[key].shape)}, expected "
                f"{tuple(parameter.shape)}; it was made with another adapter configuration or backbone."
            )
        if not np.isfinite(tensors[key]).all():
            raise ZooError(f"Tensor '{key}' of '{part.entry}' holds NaN or infinite numbers; train or pull it again.")
    for key, parameter in parameters.items():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(tensors[key])))
