"""Shelf of a backbone in a zoo: found by the digest of its weights, by whatever name the backbone is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.hub_ids import is_folder, short_name
from toolkit.modeling.identity import identity, known_identity
from toolkit.paths import at_home
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.files import subfolders
from toolkit.zoo.folders import Folders
from toolkit.zoo.names import FULL, backbone_slug, is_local, shelf_name, spellings

_READ = 8  # cards of a shelf that are tried until one can be read


class Shelf(str):
    """A backbone's place in a zoo: the text that finds it there, as methods of `Zoo` take it, and what else is known of it.

    Attributes:
        name: the backbone's name on cards that are filed here.
        asked: the backbone as the user named it, for commands.
        digest: of its weights; empty where they are not on this machine.
        kin: other folders of the zoo that hold entries for the very same weights.
    """

    name: str
    asked: str
    digest: str
    kin: tuple[str, ...]

    def __new__(
        cls, text: str, *, name: str = "", asked: str = "", digest: str = "", kin: tuple[str, ...] = ()
    ) -> Shelf:
        """Return the shelf; a text alone is the name of a backbone of which no more is known."""
        made = super().__new__(cls, text)
        made.name, made.asked, made.digest, made.kin = name or text, asked or text, digest, kin
        return made

    def holds(self, card: AdapterCard) -> bool:
        """Return whether an entry, of this zoo or from elsewhere, is for this backbone: by its digest, else by its name."""
        if card.backbone.name.endswith(FULL) != self.name.endswith(FULL):
            return False
        if self.digest and is_folder(self.asked):
            return card.backbone.digest == self.digest
        names = (str(self), self.name, *spellings(self.name))
        is_named = card.backbone.name in names or card.shelf in names
        return is_named or (bool(self.digest) and card.backbone.digest == self.digest)


def find_shelf(
    root: Path, backbone: str, kind: str = "seq_bn", *, revision: str | None = None, is_computed: bool = False
) -> Shelf:
    """Return the shelf of a backbone in a zoo, whether or not the zoo has it already.

    Args:
        root: the zoo's folder.
        backbone: registry name, hub id, folder; or, as the zoo itself shows them, name on cards or folder in the zoo.
        kind: of adapter; whole encoders (`full`) have a shelf of their own.
        revision: of a hub id.
        is_computed: whether the digest of a model of the hub that is here is computed where it is not known, and a damaged
            folder raises; without, such a folder is known by its name alone, and loading it says what is wrong.

    Raises:
        ToolkitError: `backbone` is a folder that holds no checkpoint of the XLM-R family, and `is_computed`.
    """
    asked = backbone.removesuffix(FULL)
    is_full = kind == "full" or backbone.endswith(FULL)
    name = shelf_name(asked, "full" if is_full else "seq_bn")
    held = [each.name for each in subfolders(root)] if root.is_dir() else []
    if not is_folder(asked):
        return _named(root, name, asked, held, identity if is_computed else known_identity, revision)
    digest = ""
    try:
        digest = identity(str(at_home(asked))) or ""
    except ToolkitError:
        if is_computed:
            raise
    if not digest:
        return Shelf(name, name=name, asked=asked)
    own = backbone_slug(name, digest)
    kin = tuple(_kin(root, held, own, digest, is_full=is_full))
    if own not in held and kin:
        return _first(root, kin, asked, digest)
    return Shelf(own, name=name, asked=asked, digest=digest, kin=kin)


def _named(
    root: Path,
    name: str,
    asked: str,
    held: list[str],
    digest_of: Callable[[str, str | None], str | None],
    revision: str | None,
) -> Shelf:
    """Return the shelf of a backbone that is not a folder: by its names, then by its digest."""
    if is_local(name):
        return Shelf(name, asked=asked)
    own = [each for each in spellings(name) if backbone_slug(each) in held]
    folders = [backbone_slug(each) for each in own]
    others = [each for each in held if each not in folders]
    is_full = name.endswith(FULL)
    digest = ""
    if others or digest_of is identity:
        with suppress(ToolkitError):  # loading it says what is wrong
            digest = digest_of(asked, revision) or ""
    kin = tuple(_kin(root, others, "", digest, is_full=is_full)) if digest else ()
    if own:
        return Shelf(own[0], asked=asked, digest=digest, kin=kin)
    if kin:
        return _first(root, kin, asked, digest)
    return Shelf(short_name(name.removesuffix(FULL)) + FULL * is_full, asked=asked, digest=digest)


def _kin(root: Path, held: list[str], own: str, digest: str, *, is_full: bool) -> Iterator[str]:
    """Yield the folders of a zoo, but for one, whose entries are for weights of a digest."""
    for folder in held:
        if folder == own:
            continue
        card = _card_in(root / folder)
        if card is not None and card.backbone.digest == digest and card.backbone.name.endswith(FULL) == is_full:
            yield folder


def _first(root: Path, kin: tuple[str, ...], asked: str, digest: str) -> Shelf:
    card = _card_in(root / kin[0])
    assert card is not None
    return Shelf(kin[0], name=card.backbone.name, asked=asked, digest=digest, kin=kin[1:])


def _card_in(shelf: Path) -> AdapterCard | None:
    """Return a card of a shelf; None where none can be read."""
    folders = Folders(shelf.parent)
    with suppress(ZooError, OSError):
        for folder in subfolders(shelf)[:_READ]:
            with suppress(ZooError):
                if (card := folders.read_in_place(folder)) is not None:
                    return card
    return None
