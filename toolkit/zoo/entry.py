"""One entry on the disk: written whole in a hidden folder, swapped in, and repaired after a kill."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ZooError
from toolkit.files import remove_folder
from toolkit.zoo.card import CARD_FILE, AdapterCard, digest_of
from toolkit.zoo.fields import check_file_name
from toolkit.zoo.files import names, open_regular, save_tensors, sha256, sync, write_text
from toolkit.zoo.gate import card_fault, weight_fault
from toolkit.zoo.scored import SCORES_FILE
from toolkit.zoo.values import CardFile

if TYPE_CHECKING:
    import numpy as np

NEW, OLD = ".new-", ".old-"
_TEMPORARY = re.compile(r"\.[\w.-]+\.[0-9a-f]{8}\.\d+\.tmp")


def write_entry(
    shelf: Path, card: AdapterCard, files: Mapping[str, Mapping[str, np.ndarray]]
) -> tuple[Path, AdapterCard]:
    """Write weights and card into a new invisible folder and push both to the disk.

    Args:
        shelf: the backbone's folder; the caller holds its lock.
        card: what the adapter is; `files` and `digest` are filled in here.
        files: tensors by name, by file name.

    Returns:
        The new folder, and the card as it reads back.
    """
    import numpy as np

    folder = shelf / f"{NEW}{secrets.token_hex(8)}"
    folder.mkdir()
    held = {}
    for file in sorted(files):
        path = folder / file
        # safetensors 0.8 writes the memory in its own order: a transposed view would be stored in the wrong order, silently
        # (tests/zoo/test_store.py: a transposed array).
        tensors = {name: np.array(array, order="C", copy=None) for name, array in files[file].items()}
        save_tensors(tensors, path)
        sync(path)
        with path.open("rb") as stream:
            held[file] = CardFile(sha256(stream), path.stat().st_size, len(tensors))
    written = changed(card, files=held, digest="")
    text = changed(written, digest=digest_of(written)).to_text()
    read_back = AdapterCard.from_text(text)  # what could not be read again is never stored
    write_text(folder / CARD_FILE, text)
    sync(folder)
    return folder, read_back


def rewrite_card(home: Path, text: str) -> None:
    """Put a new card in place of an entry's card, at once; the caller holds the lock."""
    folder = home.parent / f"{NEW}{secrets.token_hex(8)}"
    folder.mkdir()
    write_text(folder / CARD_FILE, text)
    os.replace(folder / CARD_FILE, home / CARD_FILE)
    sync(home)
    folder.rmdir()


def swap_in(new: Path, home: Path) -> None:
    """Make a written entry visible, in place of an older one where there is one; the caller holds the lock."""
    old = home.parent / f"{OLD}{home.name}"
    if os.path.lexists(home):
        keep_scores(home, new)
        # No portable call swaps two folders. A kill between these renames leaves `.old-`, which `repair` puts back.
        os.rename(home, old)
    os.rename(new, home)
    sync(home.parent)
    if os.path.lexists(old):
        delete(old)


def keep_scores(home: Path, new: Path) -> None:
    """Carry the scores of an entry over to what replaces it: they name their weights, and history is not lost."""
    parts = []
    for folder in (home, new):
        try:
            with open_regular(folder / SCORES_FILE, SCORES_FILE) as stream:
                parts.append(stream.read())
        except ZooError:
            continue
    if not parts:
        return
    (new / SCORES_FILE).unlink(missing_ok=True)  # it may be a link to a file of another zoo
    (new / SCORES_FILE).write_bytes(b"\n".join(parts))
    sync(new / SCORES_FILE)
    sync(new)


def take_out(home: Path) -> None:
    """Make an entry invisible at once, then delete it; the caller holds the lock."""
    gone = home.parent / f"{NEW}{secrets.token_hex(8)}"
    os.rename(home, gone)
    sync(home.parent)
    delete(gone)


def is_half_replaced(shelf: Path) -> bool:
    """Return whether an entry of this folder is out of its place: a writer is at work, or was killed."""
    return any(name.startswith(OLD) and not os.path.lexists(shelf / name[len(OLD) :]) for name in names(shelf))


def is_unfinished(name: str) -> bool:
    """Return whether a name in a backbone's folder is of what is being written or replaced."""
    return name.startswith((NEW, OLD))


def is_temporary(name: str) -> bool:
    """Return whether a name in an entry's folder is of a page that is being written (`files.replacing`)."""
    return _TEMPORARY.fullmatch(name) is not None


def repair(shelf: Path) -> None:
    """Clear what is half done in a backbone's folder; only the holder of its lock may call this."""
    for name in names(shelf):
        path = shelf / name
        if name.startswith(OLD):
            home = shelf / name[len(OLD) :]
            if os.path.lexists(home):
                delete(path)  # the replacement had arrived
            else:
                os.rename(path, home)
        elif name.startswith(NEW):
            delete(path)


def delete(path: Path) -> None:
    """Delete a folder; of a link, only the link."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        remove_folder(path)  # what stays is invisible and cleared by the next writer


def check_tensors(card: AdapterCard, files: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Raise ZooError for names that are not file names, files without tensors, and what the gate (`gate`) refuses."""
    if not files:
        raise ZooError(f"'{card.name}' has no weights to store; expected at least one file.")
    if fault := card_fault(card):
        raise ZooError(f"{fault.rstrip('.')}; nothing was stored.")
    for file, tensors in files.items():
        check_file_name(file)
        if not tensors:
            raise ZooError(f"{file} of '{card.name}' has no tensors to store; expected at least one.")
        if fault := weight_fault(card, file, tensors):
            after = " (after a training that diverged, lower `train.lr` and train again)" if "NaN" in fault else ""
            raise ZooError(f"{file} of '{card.name}' {fault}; nothing was stored{after}.")
