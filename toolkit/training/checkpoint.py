"""Checkpoints that are either whole or not there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from toolkit.errors import ToolkitError
from toolkit.files import replacing
from toolkit.space import Need, require_space

FILE = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write `state` next to the last checkpoint, flush it to the disk, and rename it over the last one.

    Raises:
        ToolkitError: the folder cannot be written, or the disk is full; the last checkpoint stays as it was.
    """
    require_space([checkpoint_need(folder, _bytes_of(state))])
    try:
        with replacing(folder / FILE) as file:
            torch.save(state, file)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError of its zip writer
        if isinstance(error, RuntimeError) and "write" not in str(error).lower():
            raise
        raise ToolkitError(
            f"The checkpoint in {folder} could not be written ({error}); free space or choose another --set run_dir=DIR; "
            "the last checkpoint is whole and the same command continues from it."
        ) from error


def checkpoint_need(folder: Path, size: int, *, copies: int = 1) -> Need:
    """Return the space of a checkpoint; where a second one follows, both exist until the first is replaced."""
    instead = "choose another --set run_dir=DIR; a checkpoint that is there stays whole, and the same command continues from it"
    return Need("the checkpoints", folder, copies * size, size, instead)


def _bytes_of(state: Any) -> int:
    """Return the bytes of all tensors in a state."""
    if isinstance(state, torch.Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, Mapping):
        return sum(map(_bytes_of, state.values()))
    return sum(map(_bytes_of, state)) if isinstance(state, list | tuple) else 0


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the last checkpoint's state, or None where there is none.

    Raises:
        ToolkitError: the file is damaged.
    """
    path = folder / FILE
    for pattern in (FILE + ".*", f".{FILE}.*.tmp"):  # what a kill left half-written, in 0.1.0 and since
        for left in folder.glob(pattern):
            left.unlink(missing_ok=True)
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ToolkitError(
            f"The checkpoint {path} is damaged ({type(error).__name__}); remove it to start this stage anew."
        ) from error
    return found


def remove_checkpoint(folder: Path) -> None:
    """Remove a finished stage's checkpoint."""
    (folder / FILE).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
