"""Folders of a zoo: where each entry is stored, read in place while writers replace it, and locked while written.

Names with a leading dot are not entries: `.lock`, `.new-*` (being written) and `.old-*` (being replaced). What a killed
process left there, the next writer clears.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolkit.composition import parse
from toolkit.errors import ZooError
from toolkit.zoo.card import CARD_FILE, AdapterCard
from toolkit.zoo.entry import is_half_replaced, repair
from toolkit.zoo.files import locked, refuse_link, subfolders, sync, unwritable
from toolkit.zoo.names import backbone_slug, clean, is_local, last_part, spellings
from toolkit.zoo.verify import read_card

_READS = 3  # attempts to read an entry that a writer may be replacing


@dataclass(frozen=True)
class Folders:
    """The folders below one root, `<backbone>/<composition>/`.

    The folder of a backbone is called its shelf. The root itself may be a link: a zoo on a larger disk is the user's own
    choice. Links below it are refused.

    Args:
        root: the zoo's folder.
    """

    root: Path

    def home(self, card: AdapterCard) -> Path:
        """Return the folder of a card's entry."""
        return self.root / card.path

    def find(self, name: str, backbone: str) -> Path | None:
        """Return the folder that an entry has or would have; None where a local backbone has no folder yet.

        Raises:
            ZooError: several backbones of that name hold such an entry.
        """
        slug = parse(name).slug
        shelves = self.shelves(backbone)
        if not shelves and is_local(backbone):
            return None
        folders = [shelf / slug for shelf in shelves] or [self.root / backbone_slug(backbone) / slug]
        for folder in folders:
            refuse_links(folder)
            if not os.path.lexists(folder):
                self.settle(folder.parent)
        held = [folder for folder in folders if os.path.lexists(folder)]
        if len(held) > 1 and is_local(backbone):
            raise ZooError(
                f"The zoo holds '{name}' for several backbones called '{last_part(backbone)}' "
                f"({', '.join(folder.parent.name for folder in held)}); name one of these."
            )
        return (held or folders)[0]

    def shelves(self, backbone: str | None) -> list[Path]:
        """Return the shelves of one backbone, or all; of several that hold its entries (`Shelf.kin`) its own first."""
        if backbone is not None and not is_local(backbone):
            kin: tuple[str, ...] = getattr(backbone, "kin", ())
            folders = [self.root / name for name in (*map(backbone_slug, spellings(backbone)), *kin)]
        else:
            pattern = re.compile(
                f"{re.escape(clean(last_part(backbone)))}-[0-9a-f]{{8}}" if backbone is not None else ".*"
            )
            folders = [folder for folder in subfolders(self.root) if pattern.fullmatch(folder.name)]
        return [folder for folder in folders if folder.is_dir()]

    def entries(self, shelf: Path) -> list[Path]:
        """Return the folders of a backbone's entries.

        One that is being replaced is out of its place for a moment, so the shelf is listed twice.
        """
        self.settle(shelf)
        first = subfolders(shelf)
        self.settle(shelf)
        again = subfolders(shelf)
        return again if again == first else sorted({*first, *again})

    def settle(self, shelf: Path) -> None:
        """Wait for a writer that is replacing an entry, or put back what a killed one left out of its place."""
        refuse_link(shelf)
        if is_half_replaced(shelf):
            with self.writing(shelf):
                pass

    def read(self, folder: Path) -> AdapterCard:
        """Return the card in a folder, checked against the folder.

        Raises:
            ZooError: it is damaged, or belongs elsewhere.
        """
        refuse_links(folder)
        card = read_card(folder)
        if str(folder) != f"{self.root}/{card.path}" and self.home(card) != folder:
            raise ZooError(
                f"{folder / CARD_FILE}: The card is of '{card.name}' for {card.backbone.name}, "
                f"which belongs into {self.home(card)}; move the folder there."
            )
        return card

    def read_in_place(self, folder: Path) -> AdapterCard | None:
        """Return the card in a folder, read again where a writer may have been replacing it; None where there is none.

        Raises:
            ZooError: it is damaged: that stays as it is, however often it is read.
        """
        for attempt in range(_READS):
            try:
                return self.read(folder)
            except ZooError:
                self.settle(folder.parent)  # waits for a writer at work
                if not os.path.lexists(folder):
                    return None
                if attempt == _READS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def writing(self, shelf: Path) -> Iterator[None]:
        """Hold the lock of a shelf; what killed writers left is cleared before, what this one left after."""
        try:
            refuse_link(shelf)
            if not shelf.exists():
                shelf.mkdir(parents=True, exist_ok=True)
                sync(self.root)
            with locked(shelf):
                repair(shelf)
                try:
                    yield
                finally:
                    repair(shelf)
        except OSError as error:
            raise unwritable(shelf, error) from error


def refuse_links(folder: Path) -> None:
    """Raise ZooError where an entry's folder, or its shelf, is a symbolic link."""
    for each in (os.path.dirname(folder), folder):
        refuse_link(each)
