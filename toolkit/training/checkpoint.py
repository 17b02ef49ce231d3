"""Checkpoints that are either whole or not there: the state of a run, and its best weights in a file of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import torch

from toolkit.errors import ToolkitError
from toolkit.files import replacing
from toolkit.space import Need, require_space

FILE = "checkpoint.pt"
_BEST = "best"  # best-SHA256.pt; best.pt for the moment in which its digest is known and its name is not


def save_checkpoint(
    folder: Path,
    state: Mapping[str, Any],
    *,
    best_file: str | None = None,
    when_read: Callable[[], None] = lambda: None,
) -> str | None:
    """Write `state` next to the last checkpoint, flush it to the disk, and rename it over the last one.

    Its best weights go to a file of their own first, which the checkpoint names by the SHA-256 of its content. Files of earlier best
    weights are removed last, so that the folder holds a whole checkpoint at every moment.

    Args:
        folder: of the checkpoints of one run.
        state: tensors, numbers and texts by name; the best weights under `best`, None where there are none.
        best_file: name of the file that holds the best weights already; None: they are written.
        when_read: called when every tensor of the state is written, and before the file is flushed.

    Returns:
        The name of the file of the best weights; None where there are none.

    Raises:
        ToolkitError: the folder cannot be written, or the disk is full; the last checkpoint stays as it was.
    """
    best = state.get("best")
    is_new = best is not None and best_file is None
    rest = {name: value for name, value in state.items() if name != "best"}
    sizes = (bytes_of(rest), bytes_of(best) if is_new else 0)
    require_space([checkpoint_need(folder, sum(sizes), largest=max(sizes))])
    try:
        if is_new:
            best_file = _write_best(folder, best)
        named = None if best is None else best_file
        with replacing(folder / FILE) as file:
            torch.save({**rest, "best": named}, file)
            when_read()
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError of its zip writer
        if isinstance(error, RuntimeError) and "write" not in str(error).lower():
            raise
        raise ToolkitError(
            f"The checkpoint in {folder} could not be written ({error}); free space or choose another --set run_dir=DIR; "
            "the last checkpoint is whole and the same command continues from it."
        ) from error
    with suppress(OSError):
        _clear_best(folder, but=named)
    return named


def checkpoint_need(folder: Path, size: int, *, largest: int) -> Need:
    """Return the space that files of checkpoints need: bytes of all of them, and of the largest one."""
    instead = "choose another --set run_dir=DIR; a checkpoint that is there stays whole, and the same command continues from it"
    return Need("the checkpoints", folder, size, largest, instead)


def bytes_of(state: Any) -> int:
    """Return the bytes of all tensors in a state.

    Example:
        >>> bytes_of({"weights": {"a": torch.zeros(3)}, "step": 7, "rng": [torch.zeros(2, dtype=torch.uint8)]})
        14
    """
    if isinstance(state, torch.Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, Mapping):
        return sum(map(bytes_of, state.values()))
    return sum(map(bytes_of, state)) if isinstance(state, list | tuple) else 0


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the last checkpoint's state, with its best weights under `best`, or None where there is no checkpoint.

    What a kill left half-written, and files of best weights that the checkpoint does not name, are removed.

    Raises:
        ToolkitError: a file is damaged, or that of the best weights is not there.
    """
    path = folder / FILE
    # Of 0.1.0, and since.
    for pattern in (FILE + ".*", f".{FILE}.*.tmp", f".{_BEST}.pt.*.tmp"):
        for left in folder.glob(pattern):
            left.unlink(missing_ok=True)
    if not path.is_file():
        _clear_best(folder, but=None)
        return None
    found: dict[str, Any] = _loaded(path, path)
    named = found.get("best")
    if isinstance(named, str):  # else the weights themselves, as before: the checkpoint held them all
        found["best"] = _load_best(folder, named)
    _clear_best(folder, but=named if isinstance(named, str) else None)
    return found


def named_best(folder: Path) -> str | None:
    """Return the file of the best weights that the checkpoint names which was loaded last; None where it names none."""
    return next((path.name for path in folder.glob(f"{_BEST}-*.pt")), None)


def remove_checkpoint(folder: Path) -> None:
    """Remove a finished stage's checkpoint."""
    (folder / FILE).unlink(missing_ok=True)
    _clear_best(folder, but=None)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _write_best(folder: Path, weights: Any) -> str:
    """Write weights to a file that is named by its digest, and return the name."""
    first = folder / f"{_BEST}.pt"
    with replacing(first) as file:
        hashed = _Hashed(file)
        torch.save(weights, cast("IO[bytes]", hashed))  # which needs no more than its two methods
    name = f"{_BEST}-{hashed.digest.hexdigest()}.pt"
    first.replace(folder / name)
    return name


def _load_best(folder: Path, name: str) -> Any:
    path = folder / Path(name).name
    if not path.is_file():
        raise ToolkitError(
            f"The checkpoint {folder / FILE} names its best weights {path.name}, which are not there; put them back, or remove "
            "the checkpoint to start this stage anew."
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if path.name != f"{_BEST}-{digest}.pt":
        raise ToolkitError(
            f"The best weights {path} are damaged (SHA-256 {digest}); remove {folder / FILE} to start this stage anew."
        )
    return _loaded(path, folder / FILE)


def _loaded(path: Path, checkpoint: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ToolkitError(
            f"The checkpoint {path} is damaged ({type(error).__name__}); remove {'it' if path == checkpoint else checkpoint} to "
            "start this stage anew."
        ) from error


def _clear_best(folder: Path, *, but: str | None) -> None:
    """Remove files of best weights, except the one that is named."""
    for path in (folder / f"{_BEST}.pt", *folder.glob(f"{_BEST}-*.pt")):
        if path.name != but:
            path.unlink(missing_ok=True)


class _Hashed:
    """File that torch writes to, and the digest of what it wrote."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write bytes."""
        self.digest.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        """Hand what is held to the system."""
        self.file.flush()
