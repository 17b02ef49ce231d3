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
from toolkit.modeling.published.layout import SAFE, WEIGHTS, again, find_weights, sharded

# Of checkpoints that hold more than the encoder: a masked language model, a classifier.
_PREFIX = "roberta."
_OLD_NAMES = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
_COMPARED = 2**22  # values at a time


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


@dataclass(frozen=True)
class Difference:
    """A tensor that a second format holds otherwise.

    Attributes:
        tensor: its name in the format that is read.
        files: the two formats, by the name of the file that was found first.
    """

    tensor: str
    files: tuple[str, str]


def differing(folder: Path, tensors: Tensors, names: Iterable[str]) -> Difference | None:
    """Return the first tensor that another format in the folder holds otherwise, or None.

    A folder with several formats is what `hf download` leaves of a repository that has them; nothing says which one is meant
    if they differ. All values are compared, in the narrower of their types; the digest that is kept afterwards covers all files.

    Args:
        folder: of the checkpoint.
        tensors: of the format that is read.
        names: of the tensors that the encoder needs.

    Raises:
        SourceError: another format cannot be read.
    """
    read, *others = [name for name in WEIGHTS if (folder / name).is_file()]
    names = list(names)
    for other in others:
        held = _second(folder / other)
        for name in names:
            found = held.name_of(_bare(name))
            if found is None or not _agree(tensors.readers[name](), held.readers[found]()):
                return Difference(name, (read, other))
    return None


def _second(file: Path) -> Tensors:
    """Return the tensors of a format that is compared only."""
    readers: dict[str, Callable[[], torch.Tensor]] = {}
    try:
        for each in sharded(file) if file.suffix == ".json" else [file]:
            readers |= _safe(each) if each.suffix == ".safetensors" else _pickled(each)
    except Exception as error:  # of two libraries, whatever bytes do to them
        said = " ".join(str(error).split())[:160].rstrip(".")
        raise SourceError(
            f"{file.parent} holds weights in two formats, of which {file.name} cannot be read ({said}); remove it, or {again(file.parent)}."
        ) from error
    return Tensors(file, readers)


def _bare(name: str) -> str:
    """Return the encoder's name of a tensor of a checkpoint."""
    for new, old in _OLD_NAMES.items():
        name = name.replace(old, new)
    return name.removeprefix(_PREFIX)


def _agree(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Return whether two tensors have one shape and, in the narrower of their types, the same values."""
    if one.shape != other.shape:
        return False
    pair = [each.detach().flatten() for each in (one, other)]
    narrow = min((each.dtype for each in pair), key=lambda dtype: dtype.itemsize)
    return all(
        torch.equal(*(each[begin : begin + _COMPARED].to(narrow) for each in pair))
        for begin in range(0, max(1, len(pair[0])), _COMPARED)
    )


@contextmanager
def damage_told(folder: Path) -> Iterator[None]:
    """Tell in one sentence what the readers of a damaged file raise."""
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        said = (str(error).strip() or type(error).__name__).split("\n", 1)[0].rstrip(".")
        raise SourceError(f"The weights of {folder} are missing or damaged ({said[:200]}); {again(folder)}.") from error
