"""A directory of adapters: `<backbone>/<composition>/card.yaml` with the weights.

An entry becomes visible by one rename, so it is there whole or not at all.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.composition import parse
from toolkit.errors import ToolkitError, ZooError
from toolkit.files import replace_text
from toolkit.registry import unknown
from toolkit.zoo.card import CARD_FILE, MAX_CARD_BYTES, README_FILE, AdapterCard
from toolkit.zoo.entry import check_tensors, rewrite_card, swap_in, take_out, write_entry
from toolkit.zoo.files import open_regular
from toolkit.zoo.folders import Folders, refuse_links
from toolkit.zoo.index import Written
from toolkit.zoo.lineage import Find
from toolkit.zoo.sound import Reading, ancestor_faults, every_fault, faults_of, parents_in, read_all
from toolkit.zoo.verify import entry_faults, read_tensors, taken

if TYPE_CHECKING:
    import numpy as np

# Inside the class `list` is the method.
Cards = list[AdapterCard]
Sentences = list[str]


class Zoo:
    """A folder of trained adapters.

    A `backbone` argument takes the backbone's name or its folder name in the zoo.

    Args:
        root: the folder; made by the first `put`.

    Attributes:
        written: cards that were written through this object, for the index of a large zoo.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.written = Written(self.root)
        self._folders = Folders(self.root)

    def list(self, backbone: str | None = None, *, damaged: Sentences | None = None) -> Cards:
        """Return the cards, sorted by backbone and name.

        Args:
            backbone: only those of one backbone.
            damaged: takes a sentence for every entry that cannot be read; without it the first one raises.

        Raises:
            ZooError: an entry cannot be read, and `damaged` was not given.
        """
        found = self.read_all(backbone)
        if found.faults and damaged is None:
            raise next(iter(found.faults.values()))
        if damaged is not None:
            damaged += map(str, found.faults.values())
        return [*found.cards.values()]

    def read_all(self, backbone: str | None = None) -> Reading:
        """Return all cards of one backbone, or of all, by path, and why the other entries cannot be used."""
        return read_all(self._folders, backbone)

    def holds(self, name: str, backbone: str) -> bool:
        """Return whether there is an entry; its soundness is checked by `get`."""
        folder = self._folders.find(name, backbone)
        return folder is not None and os.path.lexists(folder)

    def get(self, name: str, backbone: str) -> AdapterCard:
        """Return a card.

        Raises:
            ZooError: no such entry (with the nearest names), or its card is damaged.
        """
        folder = self._folders.find(name, backbone)
        card = None if folder is None else self._folders.read_in_place(folder)
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
        folder = self._folders.home(card)
        refuse_links(folder)
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
        home = self._folders.home(card)
        with self._folders.writing(home.parent):
            new, written = write_entry(home.parent, card, files)
            if os.path.lexists(home) and not replace:
                held = self._folders.read(home)
                if held.digest == written.digest:
                    return held
                raise taken(written, held, self.root)
            swap_in(new, home)
            self.written.add(home, written)
        return written

    def update(self, card: AdapterCard) -> AdapterCard:
        """Rewrite the card of an entry whose weights stay: more scores, another licence.

        Raises:
            ZooError: there is no such entry, or its weights are others.
        """
        home = self._folders.home(card)
        if not os.path.lexists(home):
            raise self._missing(card.name, home.parent.name)
        with self._folders.writing(home.parent):
            held = self._folders.read(home)
            if held.digest != card.digest:
                raise ZooError(
                    f"'{card.name}' in the zoo has other weights ({held.digest[:12]}) than this card's "
                    f"({card.digest[:12]}); read the card again with `get`."
                )
            text = changed(card, files=held.files).to_text()
            rewrite_card(home, text)
            written = AdapterCard.from_text(text)
            self.written.add(home, written)
        return written

    def verify(self, card: AdapterCard) -> None:
        """Check every file, every tensor and every parent of an entry.

        Raises:
            ZooError: with everything that is wrong.
        """
        self.check(card)

    def check(self, card: AdapterCard, held: Reading | None = None) -> None:
        """Check an entry as `verify` does.

        Args:
            card: of the entry.
            held: what was read of the zoo; None: parents are read one by one.

        Raises:
            ZooError: with everything that is wrong.
        """
        faults = faults_of(self._folders, card, held)
        if faults:
            lines = "".join(f"\n  - {fault}" for fault in faults)
            raise ZooError(faults[0] if len(faults) == 1 else f"'{card.name}' has {len(faults)} faults:{lines}")

    def check_ancestors(self, card: AdapterCard) -> None:
        """Check what an entry was trained on, and theirs: there, the very same weights, of one backbone, in no circle.

        Raises:
            ZooError: with the first fault.
        """
        for error in ancestor_faults(self._folders, card):
            raise error

    def parents_in(self, held: Reading) -> Find:
        """Return how parents are found in what was read of the zoo, for `lineage.lineages`."""
        return parents_in(self._folders, held)

    def checked(self, backbone: str | None = None) -> Iterator[tuple[AdapterCard | None, Sentences]]:
        """Check everything in the zoo, and yield each entry with its faults; what cannot be read has no card."""
        return every_fault(self._folders, backbone)

    def faults(self, backbone: str | None = None) -> Sentences:
        """Return everything that is wrong anywhere in the zoo; an empty list for a sound one."""
        return [fault for _, faults in self.checked(backbone) for fault in faults]

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
        folder = self._folders.find(name, backbone)
        if folder is None or not os.path.lexists(folder):
            for shelf in self._folders.shelves(backbone):
                with suppress(ZooError), self._folders.writing(shelf):
                    pass  # clears what a removal has left that was killed
            raise self._missing(name, backbone)
        with self._folders.writing(folder.parent):
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
        home = self._folders.home(card)
        self._folders.settle(home.parent)
        if not os.path.lexists(home):
            return False
        held = self._folders.read(home)
        if held.digest != card.digest and not replace:
            raise taken(card, held, self.root)
        return held.digest == card.digest

    def folder(self, card: AdapterCard) -> Path:
        """Return the folder of an entry; a link in its place is refused."""
        refuse_links(self._folders.home(card))
        return self._folders.home(card)

    def verify_files(self, card: AdapterCard) -> None:
        """Check the files of an entry, not its parents; raise ZooError for the first fault."""
        if faults := entry_faults(self.folder(card), card):
            raise ZooError(faults[0])

    def writing(self, shelf: Path) -> AbstractContextManager[None]:
        """Hold the lock of a backbone's folder."""
        return self._folders.writing(shelf)

    def write_readme(self, card: AdapterCard, page: str) -> None:
        """Put a page for people next to an entry's card."""
        home = self.folder(card)
        with self._folders.writing(home.parent):
            replace_text(home / README_FILE, page)

    def text(self, card: AdapterCard) -> str:
        """Return the card's page as it is stored, to the byte."""
        self._folders.read(self.folder(card))
        with open_regular(self.folder(card) / CARD_FILE, f"The card of '{card.name}'") as stream:
            return stream.read(MAX_CARD_BYTES).decode("utf-8")

    def _missing(self, name: str, backbone: str) -> ToolkitError:
        """Return the error for an entry that is not there: held for another backbone, or the nearest names."""
        cards = self.list(damaged=[])
        text = str(parse(name))
        same = [card for card in cards if card.name == text]
        elsewhere = sorted({card.backbone.name for card in same})
        made_as = same[0].trained_as if same else text  # a variant is trained as another composition
        asked: str = getattr(backbone, "asked", backbone)  # of a `Shelf`
        again = ["xstilts", "train", made_as, "--backbone", asked.removesuffix("+full")]
        again += ["--as", parse(text).head_name.name] * (made_as != text)
        again += ["--set", "adapter.kind=full"] * backbone.endswith("+full")
        own = ["--zoo", str(self.root)] if self.root != Path("adapter_zoo") else []
        again += own
        if elsewhere:
            return ZooError(
                f"The zoo holds '{text}' for {', '.join(elsewhere)}, not for {asked}; "
                f"`{shlex.join(again)}` trains it there, or choose that backbone."
            )
        if not cards:
            return ZooError(
                f"No adapter named '{text}': the zoo {self.root} is empty; `{shlex.join(again)}` trains it."
            )
        see = shlex.join(["xstilts", "zoo", "list", *own])
        return unknown("adapter", text, sorted({card.name for card in cards}), see=see, error=ZooError)
