"""Reader of what the `adapters` library saved in a stranger's folder: limits, no links, no code, every tensor accounted for."""

from __future__ import annotations

import json
import os
import pickle
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import ZooError
from toolkit.zoo.adapterhub.layout import FILES, SETUP_FILE
from toolkit.zoo.files import names, open_regular, refuse_link

if TYPE_CHECKING:
    from torch import Tensor

_MAX_JSON_BYTES = 1_000_000
_MAX_WEIGHT_BYTES = 4_000_000_000
_MAX_FOLDERS = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# The names of releases before 1.0 are those that the library itself still maps.
_HELD = {
    "adapter": r"(?:adapters|layer_text_task_adapters|layer_text_lang_adapters)",
    "fusion": r"adapter_fusion_layer",
}
_COUPLING = r"(?:\w+\.)?invertible_(?:lang_)?adapters"


@dataclass(frozen=True)
class Saved:
    """One part that the library saved.

    Attributes:
        kind: `adapter`, `fusion` or `head`.
        name: the library's name for it; empty for a head that is part of the model.
        folder: the folder of its files.
        about: its configuration file: `config`, `model_name`, `hidden_size`, `version`...
    """

    kind: str
    name: str
    folder: Path
    about: Mapping[str, Any]

    @property
    def config(self) -> Any:
        """The fields of the part itself."""
        return self.about.get("config")


def find(folder: Path) -> tuple[list[Saved], Any]:
    """Return the parts in a folder and up to two folders further in, and the setup that is stored with them (or None).

    Raises:
        ZooError: no such folder, nothing of the library's in it, a link, a file that is too large or not JSON, or a folder of PEFT.
    """
    if not folder.is_dir():
        raise ZooError(f"There is no folder {folder}; expected one that `save_adapter` or `save_adapter_setup` wrote.")
    found: list[Saved] = []
    setup = None
    waiting, seen = [(folder, 0)], 0
    while waiting:
        here, depth = waiting.pop(0)
        seen += 1
        if seen > _MAX_FOLDERS:
            raise ZooError(f"{folder} holds more than {_MAX_FOLDERS:,} folders; name the one that holds the adapter.")
        held = names(here)
        for kind, (config_file, _, _) in FILES.items():
            if config_file in held:
                found.append(_saved(kind, here, _json(here / config_file)))
        if SETUP_FILE in held and setup is None:
            setup = _json(here / SETUP_FILE)
        for name in held:
            below = here / name
            if depth < 2 and not name.startswith(".") and (below.is_dir() or below.is_symlink()):
                if below.is_symlink() and not below.is_dir():
                    continue  # a link to a file: refused where it is opened
                refuse_link(below)
                waiting.append((below, depth + 1))
    if not found:
        raise ZooError(
            f"{folder} holds nothing that the `adapters` library saves ({', '.join(file for file, _, _ in FILES.values())}); "
            "name the folder that `save_adapter`, `save_adapter_fusion` or `save_adapter_setup` wrote."
        )
    return found, setup


def weights(saved: Saved) -> tuple[dict[str, Tensor], str]:
    """Return a part's tensors by the library's names, and the file they come from.

    A pickle is read by PyTorch's `weights_only` loader, which builds tensors and plain containers and calls nothing else.

    Raises:
        ZooError: no weights, a link, or a file that holds anything but dense tensors.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    _, safe, pickled = FILES[saved.kind]
    file = safe if os.path.lexists(saved.folder / safe) else pickled
    path = saved.folder / file
    with open_regular(path, f"{file} of '{saved.name}'") as stream:
        if os.fstat(stream.fileno()).st_size > _MAX_WEIGHT_BYTES:
            raise ZooError(f"{path} has more than {_MAX_WEIGHT_BYTES:,} bytes; no adapter or fusion is that large.")
        try:
            if file == safe:
                found: Any = load(stream.read())
            else:
                found = torch.load(stream, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            raise ZooError(
                f"{path} is a pickle that holds more than tensors; nothing in it was run, and it is not read. Ask for safetensors."
            ) from None
        except (SafetensorError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, OSError, struct.error) as error:  # fmt: skip
            first = (str(error).splitlines() or [type(error).__name__])[0][:100]
            raise ZooError(f"{path} cannot be read as a weight file ({shown(first)}); save it again.") from None
    if not isinstance(found, Mapping) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) and value.layout == torch.strided
        for key, value in found.items()
    ):
        raise ZooError(f"{path} holds more than dense tensors by name; expected what `save_adapter` writes.")
    return dict(found), file


def by_layer(saved: Saved, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of an adapter or a fusion by our names, `layer.0.adapter_up.weight`, `invertible.F.0.weight`.

    Raises:
        ZooError: a tensor that belongs to no such part.
    """
    coupling = re.compile(rf"{_COUPLING}\.{re.escape(saved.name)}\.([FG]\.[02]\.(?:weight|bias))")
    pattern = re.compile(rf"(?:[\w.]+\.)?(layer\.\d+)\.output\.{_HELD[saved.kind]}\.{re.escape(saved.name)}\.(.+)")
    found = {}
    for key, tensor in tensors.items():
        if saved.kind == "adapter" and (inside := coupling.fullmatch(key)):
            found[f"invertible.{inside[1]}"] = tensor
            continue
        match = pattern.fullmatch(key)
        if not match or ".attention" in key:
            raise ZooError(
                f"{saved.folder} holds the tensor '{shown(key)}', which is not a part of {saved.kind} '{saved.name}' after the "
                "feed-forward block of a layer, or of an invertible layer after the embeddings; only those have a place here."
            )
        found[f"{match[1]}.{match[2]}"] = tensor
    return found


def shown(text: Any, length: int = 100) -> str:
    """Return a stranger's text as a sentence can hold it."""
    return _CONTROL.sub("?", str(text))[:length]


def _saved(kind: str, folder: Path, about: Any) -> Saved:
    path = folder / FILES[kind][0]
    if not isinstance(about, dict):
        raise ZooError(f"{path} holds no fields; expected what `save_adapter` writes.")
    if "peft_type" in about:
        raise ZooError(
            f"{folder} was saved by PEFT ({shown(about['peft_type'], 40)}): its methods change the encoder's own matrices or its "
            "input, and a circuit here has places only for bottleneck adapters after the feed-forward block; nothing was taken."
        )
    name = about.get("name")
    if not isinstance(name, str) and not (kind == "head" and name is None):
        raise ZooError(f"{path} names no {kind} (`name`); expected what `save_adapter` writes.")
    return Saved(kind, name or "", folder, about)


def _json(path: Path) -> Any:
    with open_regular(path, path.name) as stream:
        data = stream.read(_MAX_JSON_BYTES + 1)
    if len(data) > _MAX_JSON_BYTES:
        raise ZooError(f"{path} has more than {_MAX_JSON_BYTES:,} bytes; no configuration of an adapter is that long.")
    try:
        return json.loads(data)
    except RecursionError:
        raise ZooError(f"{path} is nested too deep; expected what `save_adapter` writes.") from None
    except ValueError as error:
        raise ZooError(f"{path} is not JSON ({shown(error)}); expected what `save_adapter` writes.") from None
