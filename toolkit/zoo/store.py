"""A directory of adapters: `<backbone>/<composition>/card.yaml` beside the weights.

An entry becomes visible by one rename, so it is there whole or not at all. Names with a leading dot are not entries: `.lock`,
`.new-*` (being written) and `.old-*` (being replaced); what a killed process left of them is cleared by the next writer.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.composition import parse
from toolkit.errors import ToolkitError, ZooError
from toolkit.registry import unknown
from toolkit.zoo.card import CARD_FILE, MAX_CARD_BYTES, AdapterCard, check_file_name, digest_of
from toolkit.zoo.files import locked, open_regular, refuse_link, sha256, sync, unwritable, write_text
from toolkit.zoo.verify import entry_faults, read_tensors

if TYPE_CHECKING:
    import numpy as np

_LOCAL = re.compile(r"[/~.]|.*[/\\].*[/\\]|.*\\")  # `/a`, `~/a`, `./a`, `a/b/c`; a hub id has at most one slash


def backbone_slug(name: str, digest: str = "") -> str:
    """Return the folder name of a backbone.

    Args:
        name: registry name, hub id or local folder.
        digest: of its weights; a local folder's name alone says too little.

    Raises:
        ZooError: a local folder without a digest.

    Example:
        >>> backbone_slug("FacebookAI/xlm-roberta-base"), backbone_slug("/models/my-xlmr", "0123456789ab")
        ('FacebookAI--xlm-roberta-base', 'my-xlmr-01234567')
    """
    if not _is_local(name):
        return _clean(name.replace("/", "--"))
    if not digest:
        raise ZooError(f"The backbone '{name}' is a local folder, which needs its digest to have a name in the zoo.")
    return f"{_clean(_last(name))}-{digest[:8]}"


class Zoo:
    """A folder of trained adapters.

    A `backbone` argument takes the backbone's name or its folder name in the zoo.

    Args:
        root: the folder; made by the first `put`.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def list(self, backbone: str | None = None, *, damaged: list[str] | None = None) -> list[AdapterCard]:
        """Return the cards, sorted by backbone and name.

        Args:
            backbone: only those of one backbone.
            damaged: takes a sentence for every entry that cannot be read; without it the first one raises.

        Raises:
            ZooError: an entry cannot be read, and `damaged` was not given.
        """
        cards = []
        for shelf in self._shelves(backbone):
            for folder in self._entries(shelf):
                try:
                    cards.append(self._read(folder))
                except ZooError as error:
                    if not folder.exists():  # removed meanwhile
                        continue
                    if damaged is None:
                        raise
                    damaged.append(str(error))
        return cards

    def holds(self, name: str, backbone: str) -> bool:
        """Return whether there is an entry; its soundness is checked by `get`."""
        folder = self._folder(name, backbone)
        return folder is not None and os.path.lexists(folder / CARD_FILE)

    def get(self, name: str, backbone: str) -> AdapterCard:
        """Return a card.

        Raises:
            ZooError: no such entry (with the nearest names), or its card is damaged.
        """
        folder = self._folder(name, backbone)
        if folder is None or not os.path.lexists(folder):
            raise self._missing(name, backbone)
        return self._read(folder)

    def tensors(
        self, card: AdapterCard, file: str, *, expected: Mapping[str, Sequence[int]] | None = None
    ) -> dict[str, np.ndarray]:
        """Return the tensors of one file; see `verify.read_tensors` for what is checked.

        Raises:
            ZooError: the file is missing, damaged, or does not fit `expected`.
        """
        folder = self._home(card)
        self._refuse_links(folder)
        return read_tensors(folder, card, file, expected=expected)

    def put(
        self, card: AdapterCard, files: Mapping[str, Mapping[str, np.ndarray]], *, replace: bool = False
    ) -> AdapterCard:
        """Store an adapter, all of it or nothing.

        Args:
            card: what it is; `files` and `digest` are filled in here.
            files: tensors by name, by file name.
            replace: put it in place of an entry of the same name with other weights.

        Returns:
            The card as stored. Where the very same weights are there already, the card that is there.

        Raises:
            ZooError: the name is taken by other weights, a weight is not finite, the folder is not writable or full.
        """
        _check_tensors(card, files)
        home = self._home(card)
        with self._writing(home.parent):
            new = home.parent / f".new-{secrets.token_hex(8)}"
            new.mkdir()
            written = _write(new, card, files)
            if os.path.lexists(home) and not replace:
                held = self._read(home)
                if held.digest == written.digest:
                    shutil.rmtree(new)
                    return held
                raise ZooError(
                    f"The zoo already holds '{card.name}' for {card.backbone['name']} with other weights ({held.digest[:12]}, "
                    f"the new ones are {written.digest[:12]}); remove it (`xstilts zoo remove {card.name}`) or replace it."
                )
            self._swap(new, home)
        return written

    def update(self, card: AdapterCard) -> AdapterCard:
        """Rewrite the card of an entry whose weights stay: more scores, another licence.

        Raises:
            ZooError: there is no such entry, or its weights are others.
        """
        home = self._home(card)
        with self._writing(home.parent):
            if not os.path.lexists(home):
                raise self._missing(card.name, home.parent.name)
            held = self._read(home)
            if held.digest != card.digest:
                raise ZooError(f"'{card.name}' in the zoo has other weights ({held.digest[:12]}) than this card's.")
            text = changed(card, files=held.files).to_text()
            new = home.parent / f".new-{secrets.token_hex(8)}"
            new.mkdir()
            write_text(new / CARD_FILE, text)
            os.replace(new / CARD_FILE, home / CARD_FILE)
            sync(home)
            new.rmdir()
        return AdapterCard.from_text(text)

    def verify(self, card: AdapterCard) -> None:
        """Check every file, every tensor and every parent of an entry.

        Raises:
            ZooError: with everything that is wrong.
        """
        faults = self._faults(card)
        if faults:
            raise ZooError(
                faults[0] if len(faults) == 1 else "".join(f"\n  - {fault}" for fault in faults).lstrip("\n")
            )

    def faults(self, backbone: str | None = None) -> list[str]:
        """Return everything that is wrong anywhere in the zoo; an empty list for a sound one."""
        found: list[str] = []
        for card in self.list(backbone, damaged=found):
            found += self._faults(card)
        return found

    def children(self, name: str, backbone: str) -> list[str]:
        """Return the names of the entries that name this one as a parent."""
        wanted = str(parse(name))
        return [
            card.name
            for card in self.list(backbone, damaged=[])
            if any(parent["name"] == wanted for parent in card.parents)
        ]

    def remove(self, name: str, backbone: str, *, force: bool = False) -> None:
        """Delete an entry, sound or damaged.

        Args:
            force: also where another entry names it as a parent.

        Raises:
            ZooError: no such entry, or others were trained on it.
        """
        folder = self._folder(name, backbone)
        if folder is None or not os.path.lexists(folder):
            raise self._missing(name, backbone)
        with self._writing(folder.parent):
            children = self.children(name, folder.parent.name)
            if children and not force:
                more = f" and {len(children) - 1} more" if len(children) > 1 else ""
                raise ZooError(
                    f"'{name}' is a parent of '{children[0]}'{more}, which cannot run without it; "
                    "remove what was trained on it first, or force it (`--force`)."
                )
            gone = folder.parent / f".new-{secrets.token_hex(8)}"
            os.rename(folder, gone)
            sync(folder.parent)
            _delete(gone)

    # ------------------------------------------------------------ where things are

    def _home(self, card: AdapterCard) -> Path:
        """Return the folder of a card's entry."""
        return self.root / backbone_slug(card.backbone["name"], card.backbone["digest"]) / parse(card.name).slug

    def _folder(self, name: str, backbone: str) -> Path | None:
        """Return the folder that an entry has or would have; None where a local backbone has no folder yet."""
        slug = parse(name).slug
        shelves = self._shelves(backbone)
        if not shelves and _is_local(backbone):
            return None
        folders = [shelf / slug for shelf in shelves] or [self.root / backbone_slug(backbone) / slug]
        for folder in folders:
            self._refuse_links(folder)
            if os.path.lexists(folder.parent / f".old-{slug}") and not os.path.lexists(folder):
                with self._writing(folder.parent):  # waits for the writer, or mends what a killed one left
                    pass
        held = [folder for folder in folders if os.path.lexists(folder)]
        if len(held) > 1:
            raise ZooError(
                f"The zoo holds '{name}' for several backbones called '{_last(backbone)}' "
                f"({', '.join(folder.parent.name for folder in held)}); name one of these."
            )
        return (held or folders)[0]

    def _shelves(self, backbone: str | None) -> list[Path]:
        """Return the folders of one backbone, or of all."""
        if backbone is not None and not _is_local(backbone):
            folders = [self.root / backbone_slug(backbone)]
        else:
            pattern = re.compile(
                f"{re.escape(_clean(_last(backbone)))}-[0-9a-f]{{8}}" if backbone is not None else ".*"
            )
            folders = [folder for folder in _inside(self.root) if pattern.fullmatch(folder.name)]
        return [folder for folder in folders if folder.is_dir()]

    def _entries(self, shelf: Path) -> list[Path]:
        refuse_link(shelf)
        if any(name.startswith(".old-") and not os.path.lexists(shelf / name[5:]) for name in _names(shelf)):
            with self._writing(shelf):  # waits for the writer, or mends what a killed one left
                pass
        return _inside(shelf)

    def _refuse_links(self, folder: Path) -> None:
        # The root itself may be a link: a zoo on a larger disk is the user's own choice.
        refuse_link(folder.parent)
        refuse_link(folder)

    def _missing(self, name: str, backbone: str) -> ToolkitError:
        """Return the error for an entry that is not there: held for another backbone, or the nearest names."""
        cards = self.list(damaged=[])
        text = str(parse(name))
        elsewhere = sorted({card.backbone["name"] for card in cards if card.name == text})
        if elsewhere:
            return ZooError(
                f"The zoo holds '{text}' for {', '.join(elsewhere)}, not for {backbone}; "
                f"`xstilts train {text}` trains it there, or choose that backbone."
            )
        if not cards:
            return ZooError(
                f"No adapter named '{text}': the zoo {self.root} is empty; `xstilts train {text}` trains it."
            )
        return unknown("adapter", text, sorted({card.name for card in cards}), see="xstilts zoo list", error=ZooError)

    # ------------------------------------------------------------ reading

    def _read(self, folder: Path) -> AdapterCard:
        """Return the card in a folder, checked against the folder it lies in."""
        self._refuse_links(folder)
        path = folder / CARD_FILE
        with open_regular(path, f"The card of '{folder.name}'") as stream:
            data = stream.read(MAX_CARD_BYTES + 1)
        try:
            if len(data) > MAX_CARD_BYTES:
                raise ZooError(
                    f"The card has more than {MAX_CARD_BYTES:,} bytes; no card of this release is that long."
                )
            card = AdapterCard.from_text(data.decode("utf-8"))
        except UnicodeDecodeError:
            raise ZooError(f"{path}: The card is not UTF-8 text; pull or train the adapter again.") from None
        except ZooError as error:
            raise ZooError(f"{path}: {error}") from None
        if self._home(card) != folder:
            raise ZooError(
                f"{path}: The card is of '{card.name}' for {card.backbone['name']}, "
                f"which belongs into {self._home(card)}; move the folder there."
            )
        return card

    def _faults(self, card: AdapterCard) -> list[str]:
        folder = self._home(card)
        try:
            self._refuse_links(folder)
        except ZooError as error:
            return [str(error)]
        faults = entry_faults(folder, card)
        for parent in card.parents:
            try:
                held = self.get(parent["name"], folder.parent.name).digest
            except ToolkitError as error:
                faults.append(f"The parent '{parent['name']}' of '{card.name}' cannot be used: {error}")
                continue
            if held != parent["digest"]:
                faults.append(
                    f"'{card.name}' was trained on '{parent['name']}' {parent['digest'][:12]}, but the zoo holds {held[:12]}; "
                    f"train '{card.name}' again or pull the parent it was made from."
                )
        return faults

    # ------------------------------------------------------------ writing

    @contextmanager
    def _writing(self, shelf: Path) -> Iterator[None]:
        """Hold the lock of a backbone's folder, with what killed writers left cleared before and our own after."""
        try:
            refuse_link(shelf)
            shelf.mkdir(parents=True, exist_ok=True)
            with locked(shelf):
                _mend(shelf)
                try:
                    yield
                finally:
                    _mend(shelf)
        except OSError as error:
            raise unwritable(shelf, error) from error

    def _swap(self, new: Path, home: Path) -> None:
        """Make a written entry visible, in place of an older one where there is one."""
        old = home.parent / f".old-{home.name}"
        if os.path.lexists(home):
            # No portable call swaps two folders. A kill between these renames leaves `.old-`, which `_mend` puts back.
            os.rename(home, old)
        os.rename(new, home)
        sync(home.parent)
        if os.path.lexists(old):
            _delete(old)


def _write(folder: Path, card: AdapterCard, files: Mapping[str, Mapping[str, np.ndarray]]) -> AdapterCard:
    """Write weights and card into a new folder, push both to the disk, and return the card as it reads back."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    held = {}
    for file in sorted(files):
        path = folder / file
        # safetensors writes the memory as it lies: a transposed view would be stored in the wrong order, silently.
        tensors = {name: np.array(array, order="C", copy=None) for name, array in files[file].items()}
        try:
            save_file(tensors, path)
        except SafetensorError as error:  # it wraps the system's own fault in a text
            found = re.search(r"os error (\d+)", str(error))
            number = int(found[1]) if found else 0
            raise OSError(number, os.strerror(number) if number else str(error)) from error
        sync(path)
        with path.open("rb") as stream:
            held[file] = {"sha256": sha256(stream), "bytes": path.stat().st_size, "tensors": len(tensors)}
    written = changed(card, files=held, digest="")
    text = changed(written, digest=digest_of(written)).to_text()
    read_back = AdapterCard.from_text(text)  # what could not be read again is never stored
    write_text(folder / CARD_FILE, text)
    sync(folder)
    return read_back


def _check_tensors(card: AdapterCard, files: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Raise ZooError for names that are no file names, files without tensors, and weights that are not finite."""
    import numpy as np

    if not files:
        raise ZooError(f"'{card.name}' has no weights to store; expected at least one file.")
    for file, tensors in files.items():
        check_file_name(file)
        if not tensors:
            raise ZooError(f"{file} of '{card.name}' has no tensors to store; expected at least one.")
        for name, array in tensors.items():
            if np.issubdtype(array.dtype, np.inexact) and not np.isfinite(array).all():
                raise ZooError(
                    f"'{name}' in {file} of '{card.name}' is not finite: training diverged; lower `train.lr` and train again."
                )


def _mend(shelf: Path) -> None:
    """Clear what is half done in a backbone's folder; only the holder of its lock may call this."""
    for name in _names(shelf):
        path = shelf / name
        if name.startswith(".old-"):
            if os.path.lexists(shelf / name[5:]):
                _delete(path)  # the replacement had arrived
            else:
                os.rename(path, shelf / name[5:])
        elif name.startswith(".new-"):
            _delete(path)


def _delete(path: Path) -> None:
    """Delete a folder; of a link, only the link."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)  # what stays is invisible and cleared by the next writer


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ZooError(
            f"The folder {folder} cannot be read ({error.strerror}); check the path and its permissions."
        ) from None


def _inside(folder: Path) -> list[Path]:
    """Return what could be an entry or a backbone: everything but files and names with a leading dot."""
    paths = [folder / name for name in _names(folder) if not name.startswith(".")]
    return [path for path in paths if path.is_symlink() or path.is_dir()]


def _is_local(name: str) -> bool:
    return bool(_LOCAL.match(name))


def _last(name: str) -> str:
    """Return the last part of a path."""
    return os.path.basename(os.path.abspath(os.path.expanduser(name.replace("\\", "/"))))


def _clean(name: str) -> str:
    """Return a name with only what every file system and shell takes as it is."""
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name).lstrip(".-")[:100] or "backbone"
