"""Arrival of an entry from elsewhere: fetched into a hidden folder, resumed after a kill, checked, and only then visible."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import ZooError
from toolkit.zoo.card import CARD_FILE, AdapterCard
from toolkit.zoo.clear import INCOMING, clear_old
from toolkit.zoo.entry import NEW, delete, swap_in
from toolkit.zoo.files import locked, sync, unwritable, write_text
from toolkit.zoo.share.place import Place, reaching, read_exactly
from toolkit.zoo.store import Zoo
from toolkit.zoo.verify import entry_faults

_SPARE_BYTES = 1 << 20


def arrive(zoo: Zoo, source: Place, card: AdapterCard, text: str, *, replace: bool = False) -> bool:
    """Take one entry into a zoo, all of it or nothing.

    Args:
        zoo: the zoo that takes it.
        source: where its weights are.
        card: its card, as `Place.card` checked it.
        text: the card's page, kept to the byte.
        replace: put it in place of an entry of the same name with other weights.

    Returns:
        Whether it was new; False where the zoo held the very same weights.

    Raises:
        ZooError: a file is missing, damaged or no safetensors; the name is taken; the disk is full.
    """
    home = zoo.root / card.path
    waiting = zoo.root / INCOMING / card.digest
    if zoo.same(card, replace=replace):
        if os.path.lexists(waiting):
            clear_old(zoo, [card.digest])  # left by one that was killed after the entry had arrived
        return False
    try:
        _require_space(zoo.root, card)
        with _alone(waiting):
            for file, held in sorted(card.files.items()):
                _fetch(source, card, file, waiting / held.sha256)
            with zoo.writing(home.parent):
                # Looked at again under the lock: another writer may have been faster.
                if zoo.same(card, replace=replace):
                    delete(waiting)
                    return False
                new = home.parent / f"{NEW}{secrets.token_hex(8)}"
                new.mkdir()
                for file, held in card.files.items():
                    # A link, not a rename: killed here, nothing needs to be fetched again.
                    _link(waiting / held.sha256, new / file)
                write_text(new / CARD_FILE, text)
                sync(new)
                if faults := entry_faults(new, card):
                    delete(waiting)
                    raise ZooError(f"{source.url}: {faults[0]}")
                swap_in(new, home)
                zoo.written.add(home, card)
            delete(waiting)
    except OSError as error:
        raise unwritable(zoo.root, error) from error
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make a folder and hold its lock, although whoever held it before deletes the folder when done."""
    is_held = False
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # Held open, its number is not given to a new folder of the same name.
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            with locked(folder):
                if os.path.exists(folder) and os.stat(folder).st_ino == os.fstat(handle).st_ino:
                    is_held = True
                    yield
                    return
        except ZooError:
            if is_held or os.path.exists(folder):
                raise
        finally:
            os.close(handle)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
        sync(target)


def _require_space(folder: Path, card: AdapterCard) -> None:
    needed = sum(held.bytes for held in card.files.values())
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed + _SPARE_BYTES > free:
        raise ZooError(
            f"'{card.name}' needs {needed / 1e6:.1f} MB, {folder} has {free / 1e6:.1f} MB free; free some space and run "
            "the same command again."
        )


def _fetch(source: Place, card: AdapterCard, file: str, target: Path) -> None:
    """Fetch one file to `target`; an interrupted fetch continues from what it left in `.part`."""
    held = card.files[file]
    if target.exists():
        return  # it got its name after its checksum was found right
    part = target.with_name(f"{target.name}.part")
    digest = hashlib.sha256()
    with open(part, "a+b") as stream:
        if stream.tell() > held.bytes:
            stream.truncate(0)
        stream.seek(0)
        while piece := stream.read(1 << 20):
            digest.update(piece)
        done = stream.tell()
        if done < held.bytes:
            with source.weights(card, file) as remote:
                with reaching(source.url):
                    remote.seek(done)
                pieces = read_exactly(remote, held.bytes - done)
                while True:
                    with reaching(source.url):
                        piece = next(pieces, b"")
                    if not piece:
                        break
                    stream.write(piece)
                    digest.update(piece)
                    done += len(piece)
        stream.flush()
        os.fsync(stream.fileno())
    what = f"{file} of '{card.name}' from {source.url}"
    if done != held.bytes:
        if done > held.bytes:
            part.unlink()
        raise ZooError(
            f"{what} has {'more than ' if done > held.bytes else ''}{min(done, held.bytes)} bytes, its card says "
            f"{held.bytes}; have it pushed again."
        )
    if digest.hexdigest() != held.sha256:
        part.unlink()
        raise ZooError(
            f"{what} is damaged: its SHA-256 is {digest.hexdigest()[:12]}..., its card says {held.sha256[:12]}...; "
            "nothing was taken; have it pushed again."
        )
    os.replace(part, target)
