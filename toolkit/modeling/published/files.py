"""Files of a published encoder's weights: one or several, in safetensors or as `torch.save` writes them."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from toolkit.errors import SourceError
from toolkit.modeling.published.layout import AGAIN, SAFE, WEIGHTS, find_weights, sharded

# Of checkpoints that hold more than the encoder: a masked language model, a classifier.
_PREFIX = "roberta."
_OLD_NAMES = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}


@dataclass(frozen=True)
class Tensors:
    """The tensors of a checkpoint, read when they are asked for.

    Attributes:
        file: that was found first, for messages.
        readers: how each tensor is read, by its name.
    """

    file: Path
    readers: Mapping[str, Callable[[], torch.Tensor]]

    def name_of(self, parameter: str) -> str | None:
        """Return the name under which the checkpoint holds a parameter of the encoder, or None."""
        for stem in (_PREFIX, ""):
            names = [stem + parameter]
            names += [stem + parameter.replace(new, old) for new, old in _OLD_NAMES.items() if new in parameter]
            for name in names:
                if name in self.readers:
                    return name
        return None


def open_tensors(folder: Path) -> Tensors:
    """Return what reads each tensor of a folder."""
    files = find_weights(folder)
    readers: dict[str, Callable[[], torch.Tensor]] = {}
    with damage_told(folder):
        for file in files:
            readers |= _safe(file) if file.suffix == ".safetensors" else _pickled(file)
    return Tensors(files[0], readers)


def _safe(file: Path) -> dict[str, Callable[[], torch.Tensor]]:
    from safetensors import safe_open

    opened: Any = safe_open(file, framework="pt")
    return {name: partial(opened.get_tensor, name) for name in opened.keys()}  # noqa: SIM118 - not a mapping


def _pickled(file: Path) -> dict[str, Callable[[], torch.Tensor]]:
    """Read a file of `torch.save`: tensors only, whatever else it would like to be."""
    try:
        # Torch before 1.6 wrote, as for XLM-R itself, a form that cannot be mapped.
        found = torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except Exception as error:  # whatever bytes do to the interpreter of a pickle
        said = str(error)
        if isinstance(error, pickle.UnpicklingError) and ("GLOBAL" in said or "Unsupported" in said):
            raise SourceError(
                f"{file} holds more than tensors, and what it would run is never run; expected tensors alone: take {SAFE} "
                "of the same checkpoint."
            ) from None
        raise ValueError(f"{file.name} is not what torch.save writes") from error
    if not isinstance(found, dict) or not found:
        raise ValueError(f"{file.name} holds no tensors by name")
    return {str(name): tensor.detach for name, tensor in found.items() if isinstance(tensor, torch.Tensor)}


def differing(folder: Path, tensors: Tensors, names: Iterable[str]) -> str | None:
    """Return the first tensor that a second format in the folder holds otherwise, or None.

    A folder with both formats is what `hf download` leaves of a repository that has both; nothing says which one is meant
    if they differ. Of each tensor some values are compared. A file of torch before 1.6 cannot be read in part, and is not.

    Args:
        folder: of the checkpoint.
        tensors: of the format that is read.
        names: of the tensors that the encoder needs.
    """
    other = next((folder / name for name in WEIGHTS[2:] if (folder / name).is_file()), None)
    if (tensors.file.name not in WEIGHTS[:2] and tensors.file.suffix != ".safetensors") or other is None:
        return None
    readers: dict[str, Callable[[], torch.Tensor]] = {}
    for file in sharded(other) if other.suffix == ".json" else [other]:
        if not zipfile.is_zipfile(file):
            return None
        readers |= _pickled(file)
    for name in names:
        if name not in readers or not _agree(tensors.readers[name](), readers[name]()):
            return name
    return None


def _agree(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Return whether two tensors have one shape and, in the narrower of their types, the same values at some places."""
    if one.shape != other.shape:
        return False
    step = max(1, one.numel() // 512)
    pair = [each.detach().flatten()[::step] for each in (one, other)]
    narrow = min((each.dtype for each in pair), key=lambda dtype: dtype.itemsize)
    return torch.equal(*(each.to(narrow) for each in pair))


@contextmanager
def damage_told(folder: Path) -> Iterator[None]:
    """Tell in one sentence what the readers of a damaged file raise."""
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        said = (str(error).strip() or type(error).__name__).split("\n", 1)[0].rstrip(".")
        raise SourceError(f"The weights of {folder} are missing or damaged ({said[:200]}); {AGAIN}.") from error
