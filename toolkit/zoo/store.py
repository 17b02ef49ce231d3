"""A directory of adapters: `<backbone>/<composition>/card.yaml` beside the weights.

An entry becomes visible by one rename, so it is there whole or not at all. Names with a leading dot are not entries:
`.lock`, `.new-*` (being written) and `.old-*` (being replaced); what a killed process left, the next writer clears.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.composition import parse
from toolkit.errors import ToolkitError, ZooError
from toolkit.files import replace_text
from toolkit.registry import unknown
from toolkit.zoo.card import CARD_FILE, MAX_CARD_BYTES, README_FILE, AdapterCard
from toolkit.zoo.entry import check_tensors, is_half_replaced, mend, rewrite_card, swap_in, take_out, write_entry
from toolkit.zoo.files import locked, open_regular, refuse_link, subfolders, sync, unwritable
from toolkit.zoo.names import backbone_slug, clean, is_local, last_part
from toolkit.zoo.verify import entry_faults, read_card, read_tensors, taken

if TYPE_CHECKING:
    import numpy as np

_READS = 3  # attempts to read an entry that a writer may be replacing

# Inside the class `list` is the method.
Cards = list[AdapterCard]
Folders = list[Path]
Sentences = list[str]


class Zoo:
    """A folder of trained adapters.

    A `backbone` argument takes the backbone's name or its folder name in the zoo.

    Args:
        root: the folder; made by the first `put`.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def list(self, backbone: str | None = None, *, damaged: Sentences | None = None) -> Cards:
        """Return the cards, sorted by backbone and name.

        Args:
            backbone: only those of one backbone.
            damaged: takes a sentence for every entry that cannot be read; without it the first one raises.

        Raises:
            ZooError: an entry cannot be read, and `damaged` was not given.
        """
        cards = []
        for shelf in self._shelves(backbone):
            try:
                folders = self._entries(shelf)
            except ZooError as error:
                if damaged is None:
                    raise
                damaged.append(str(error))
                continue
            for folder in folders:
                try:
                    card = self._read_in_place(folder)
                except ZooError as error:
                    if damaged is None:
                        raise
                    damaged.append(str(error))
                    continue
                if card is not None:  # else it was removed meanwhile
                    cards.append(card)
        return cards

    def holds(self, name: str, backbone: str) -> bool:
        """Return whether there is an entry; its soundness is checked by `get`."""
        folder = self._folder(name, backbone)
        return folder is not None and os.path.lexists(folder)

    def get(self, name: str, backbone: str) -> AdapterCard:
        """Return a card.

        Raises:
            ZooError: no such entry (with the nearest names), or its card is damaged.
        """
        folder = self._folder(name, backbone)
        card = None if folder is None else self._read_in_place(folder)
        if card is None:
            raise self._missing(name, backbone)
        return card

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
        check_tensors(card, files)
        home = self._home(card)
        with self.writing(home.parent):
            new, written = write_entry(home.parent, card, files)
            if os.path.lexists(home) and not replace:
                held = self._read(home)
                if held.digest == written.digest:
                    return held
                raise taken(written, held, "The zoo")
            swap_in(new, home)
        return written

    def update(self, card: AdapterCard) -> AdapterCard:
        """Rewrite the card of an entry whose weights stay: more scores, another licence.

        Raises:
            ZooError: there is no such entry, or its weights are others.
        """
        home = self._home(card)
        if not os.path.lexists(home):
            raise self._missing(card.name, home.parent.name)
        with self.writing(home.parent):
            held = self._read(home)
            if held.digest != card.digest:
                raise ZooError(
                    f"'{card.name}' in the zoo has other weights ({held.digest[:12]}) than this card's "
                    f"({card.digest[:12]}); read the card again with `get`."
                )
            text = changed(card, files=held.files).to_text()
            rewrite_card(home, text)
        return AdapterCard.from_text(text)

    def verify(self, card: AdapterCard) -> None:
        """Check every file, every tensor and every parent of an entry.

        Raises:
            ZooError: with everything that is wrong.
        """
        faults = self._faults(card)
        if faults:
            lines = "".join(f"\n  - {fault}" for fault in faults)
            raise ZooError(faults[0] if len(faults) == 1 else f"'{card.name}' has {len(faults)} faults:{lines}")

    def faults(self, backbone: str | None = None) -> Sentences:
        """Return everything that is wrong anywhere in the zoo; an empty list for a sound one."""
        found: Sentences = []
        for card in self.list(backbone, damaged=found):
            found += self._faults(card)
        return found

    def children(self, name: str, backbone: str) -> Sentences:
        """Return the names of the entries that name this one as a parent."""
        wanted = str(parse(name))
        return [
            card.name
            for card in self.list(backbone, damaged=[])
            if any(parent.name == wanted for parent in card.parents)
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
        with self.writing(folder.parent):
            children = self.children(name, folder.parent.name)
            if children and not force:
                more = f" and {len(children) - 1} more" if len(children) > 1 else ""
                raise ZooError(
                    f"'{name}' is a parent of '{children[0]}'{more}, which cannot run without it; "
                    "remove what was trained on it first, or force it (`--force`)."
                )
            take_out(folder)

    # ------------------------------------------------------------ for what comes from elsewhere

    def same(self, card: AdapterCard, *, replace: bool = False) -> bool:
        """Return whether the very same weights are here; other weights under the name raise unless `replace`."""
        home = self._home(card)
        self._settle(home.parent)
        if not os.path.lexists(home):
            return False
        held = self._read(home)
        if held.digest != card.digest and not replace:
            raise taken(card, held, f"The zoo {self.root}")
        return held.digest == card.digest

    def folder(self, card: AdapterCard) -> Path:
        """Return the folder of an entry; a link in its place is refused."""
        self._refuse_links(self._home(card))
        return self._home(card)

    def verify_files(self, card: AdapterCard) -> None:
        """Check the files of an entry, not its parents; raise ZooError for the first fault."""
        if faults := entry_faults(self.folder(card), card):
            raise ZooError(faults[0])

    def write_readme(self, card: AdapterCard, page: str) -> None:
        """Put a page for people beside an entry's card."""
        home = self.folder(card)
        with self.writing(home.parent):
            replace_text(home / README_FILE, page)

    def text(self, card: AdapterCard) -> str:
        """Return the card's page as it lies on the disk, to the byte."""
        self._read(self.folder(card))
        with open_regular(self.folder(card) / CARD_FILE, f"The card of '{card.name}'") as stream:
            return stream.read(MAX_CARD_BYTES).decode("utf-8")

    # ------------------------------------------------------------ where things are

    def _home(self, card: AdapterCard) -> Path:
        """Return the folder of a card's entry."""
        return self.root / backbone_slug(card.backbone.name, card.backbone.digest) / parse(card.name).slug

    def _folder(self, name: str, backbone: str) -> Path | None:
        """Return the folder that an entry has or would have; None where a local backbone has no folder yet."""
        slug = parse(name).slug
        shelves = self._shelves(backbone)
        if not shelves and is_local(backbone):
            return None
        folders = [shelf / slug for shelf in shelves] or [self.root / backbone_slug(backbone) / slug]
        for folder in folders:
            self._refuse_links(folder)
            if not os.path.lexists(folder):
                self._settle(folder.parent)
        held = [folder for folder in folders if os.path.lexists(folder)]
        if len(held) > 1:
            raise ZooError(
                f"The zoo holds '{name}' for several backbones called '{last_part(backbone)}' "
                f"({', '.join(folder.parent.name for folder in held)}); name one of these."
            )
        return (held or folders)[0]

    def _shelves(self, backbone: str | None) -> Folders:
        """Return the folders of one backbone, or of all."""
        if backbone is not None and not is_local(backbone):
            folders = [self.root / backbone_slug(backbone)]
        else:
            pattern = re.compile(
                f"{re.escape(clean(last_part(backbone)))}-[0-9a-f]{{8}}" if backbone is not None else ".*"
            )
            folders = [folder for folder in subfolders(self.root) if pattern.fullmatch(folder.name)]
        return [folder for folder in folders if folder.is_dir()]

    def _settle(self, shelf: Path) -> None:
        """Wait for a writer that is replacing an entry, or put back what a killed one left out of its place."""
        refuse_link(shelf)
        if is_half_replaced(shelf):
            with self.writing(shelf):
                pass

    def _entries(self, shelf: Path) -> Folders:
        """Return the folders of a backbone's entries.

        One that is being replaced is out of its place for a moment, so it is looked for twice.
        """
        self._settle(shelf)
        first = subfolders(shelf)
        self._settle(shelf)
        return sorted({*first, *subfolders(shelf)})

    def _refuse_links(self, folder: Path) -> None:
        # The root itself may be a link: a zoo on a larger disk is the user's own choice.
        refuse_link(folder.parent)
        refuse_link(folder)

    def _missing(self, name: str, backbone: str) -> ToolkitError:
        """Return the error for an entry that is not there: held for another backbone, or the nearest names."""
        cards = self.list(damaged=[])
        text = str(parse(name))
        elsewhere = sorted({card.backbone.name for card in cards if card.name == text})
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

    def _read_in_place(self, folder: Path) -> AdapterCard | None:
        """Return the card in a folder, read again where a writer may have been replacing it; None where there is none.

        Raises:
            ZooError: it is damaged: that stays as it is, however often it is read.
        """
        for attempt in range(_READS):
            try:
                return self._read(folder)
            except ZooError:
                self._settle(folder.parent)  # waits for a writer at work
                if not os.path.lexists(folder):
                    return None
                if attempt == _READS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _read(self, folder: Path) -> AdapterCard:
        """Return the card in a folder, checked against the folder it lies in."""
        self._refuse_links(folder)
        card = read_card(folder)
        if self._home(card) != folder:
            raise ZooError(
                f"{folder / CARD_FILE}: The card is of '{card.name}' for {card.backbone.name}, "
                f"which belongs into {self._home(card)}; move the folder there."
            )
        return card

    def _faults(self, card: AdapterCard) -> Sentences:
        folder = self._home(card)
        try:
            self._refuse_links(folder)
        except ZooError as error:
            return [str(error)]
        faults = entry_faults(folder, card)
        for parent in card.parents:
            try:
                held = self.get(parent.name, folder.parent.name).digest
            except ToolkitError as error:
                faults.append(f"The parent '{parent.name}' of '{card.name}' cannot be used: {error}")
                continue
            if held != parent.digest:
                faults.append(
                    f"'{card.name}' was trained on '{parent.name}' {parent.digest[:12]}, "
                    f"but the zoo holds {held[:12]}; train '{card.name}' again or pull the parent it was made from."
                )
        return faults

    # ------------------------------------------------------------ writing

    @contextmanager
    def writing(self, shelf: Path) -> Iterator[None]:
        """Hold the lock of a backbone's folder, with what killed writers left cleared before and our own after."""
        try:
            refuse_link(shelf)
            if not shelf.exists():
                shelf.mkdir(parents=True, exist_ok=True)
                sync(self.root)
            with locked(shelf):
                mend(shelf)
                try:
                    yield
                finally:
                    mend(shelf)
        except OSError as error:
            raise unwritable(shelf, error) from error
