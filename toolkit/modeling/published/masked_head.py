"""Masked language head of a published checkpoint: its transform and its bias; its last layer is the word embeddings."""

from __future__ import annotations

from pathlib import Path

import torch

from toolkit.errors import SourceError
from toolkit.modeling.published.files import Tensors, damage_told, open_tensors

# Our names by the checkpoint's; of the bias some checkpoints have the second alone.
_NAMES = {
    "dense.weight": ("lm_head.dense.weight",),
    "dense.bias": ("lm_head.dense.bias",),
    "layer_norm.weight": ("lm_head.layer_norm.weight",),
    "layer_norm.bias": ("lm_head.layer_norm.bias",),
    "bias": ("lm_head.bias", "lm_head.decoder.bias"),
}
_DECODER, _WORDS = "lm_head.decoder.weight", "embeddings.word_embeddings.weight"
_COMPARED = 64  # rows of the last layer that are compared with the embeddings


def read_masked_head(folder: Path, width: int, n_pieces: int) -> dict[str, torch.Tensor] | None:
    """Return the weights of a checkpoint's masked language head, float32; None where it has none.

    Args:
        folder: of the checkpoint.
        width: H.
        n_pieces: size V of the vocabulary.

    Raises:
        SourceError: a tensor is missing, of another shape, or the last layer is not the word embeddings.
    """
    tensors = open_tensors(folder)
    if not any(name.startswith("lm_head.") for name in tensors.readers):
        return None
    shapes = {"dense.weight": [width, width], "bias": [n_pieces]}
    found = {}
    with damage_told(folder):
        for ours, names in _NAMES.items():
            name = next((each for each in names if each in tensors.readers), None)
            if name is None:
                raise SourceError(
                    f"{folder} has a masked language head (lm_head) without '{names[0]}'; expected all of it, or none: take "
                    "the checkpoint's files again."
                )
            tensor = tensors.readers[name]().float()
            wanted = shapes.get(ours, [width])
            if list(tensor.shape) != wanted:
                raise _of_another(folder, name, list(tensor.shape), wanted)
            found[ours] = tensor
        _check_last_layer(folder, tensors, [n_pieces, width])
    return found


def _check_last_layer(folder: Path, tensors: Tensors, wanted: list[int]) -> None:
    words = tensors.name_of(_WORDS)
    if _DECODER not in tensors.readers or words is None:
        return
    decoder = tensors.readers[_DECODER]()
    if list(decoder.shape) != wanted:
        raise _of_another(folder, _DECODER, list(decoder.shape), wanted)
    step = max(1, wanted[0] // _COMPARED)
    if not torch.equal(decoder[::step].float(), tensors.readers[words]()[::step].float()):
        raise SourceError(
            f"The last layer of the masked language head of {folder} ('{_DECODER}') is not its word embeddings; expected a "
            "checkpoint that ties the two, as XLM-R's."
        )


def _of_another(folder: Path, name: str, shape: list[int], wanted: list[int]) -> SourceError:
    return SourceError(
        f"The masked language head of {folder} is of another vocabulary or width: '{name}' has the shape {shape}, and the "
        f"encoder needs {wanted}; expected a head and an encoder of one checkpoint."
    )
