"""One entry after another on its way: what fails is named, what was trained on it is left out, the others arrive."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replace_in
from typing import Literal

from toolkit.errors import ZooError
from toolkit.progress import Progress, Report
from toolkit.zoo.card import README_FILE, AdapterCard
from toolkit.zoo.files import Unwritable
from toolkit.zoo.orphans import orphaned
from toolkit.zoo.record import add_scores, scores_of, with_scores
from toolkit.zoo.scored import text_of
from toolkit.zoo.share.address import open_place
from toolkit.zoo.share.arrival import arrive
from toolkit.zoo.share.place import Parcel, Place, Unreachable
from toolkit.zoo.store import Zoo
from toolkit.zoo.verify import taken

Readme = Callable[[AdapterCard, str], str]
# Whether entries of the same names with other weights are replaced; `any`: although others there were trained on them.
Replace = bool | Literal["any"]
_UNREACHED = 3  # entries in a row that a place does not give before no more are asked for


@dataclass(frozen=True)
class Pages:
    """What a place holds: each sound card with its text by path, and why the others cannot be read."""

    found: Mapping[str, tuple[AdapterCard, str]] = field(default_factory=dict)
    faults: Mapping[str, ZooError] = field(default_factory=dict)

    @property
    def cards(self) -> dict[str, AdapterCard]:
        """The sound cards by path."""
        return {path: card for path, (card, _) in self.found.items()}


@dataclass
class Moving:
    """A transfer at work.

    Attributes:
        what: `pull from PLACE`, for its progress.
        report: progress callback.
        faults: why entries were left out, by path.
        is_whole: whether the first fault ends it.
        sent, held: names that arrived, and that were there already.
    """

    what: str
    report: Report
    faults: dict[str, ZooError] = field(default_factory=dict)
    is_whole: bool = False
    sent: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    _failed: set[str] = field(default_factory=set)

    def leave_out(self, path: str, error: ZooError) -> None:
        """Note why an entry is left out; raise it where the first fault ends the transfer."""
        if self.is_whole:
            raise error
        self.faults.setdefault(path, error)

    def each(self, cards: Sequence[AdapterCard], move: Callable[[AdapterCard], bool]) -> None:
        """Move entries in their order; what was trained on one that fails is left out.

        Args:
            cards: parents first.
            move: moves one entry, and returns whether it was new.

        Raises:
            ZooError: the disk is full, or the place is gone.
        """
        n_unreached = 0
        for number, card in enumerate(cards):
            self.report(Progress(self.what, number, len(cards)))
            shelf = {f"{card.shelf}/{name}" for name in (parent.name for parent in card.parents)}
            if broken := sorted(shelf & self._failed):
                parent = broken[0].partition("/")[2]
                self._fail(card, ZooError(f"'{card.name}' was left out: its parent '{parent}' cannot be used."))
                continue
            if card.path in self.faults:
                self._failed.add(f"{card.shelf}/{card.name}")
                continue
            try:
                is_new = move(card)
            except Unwritable:
                raise
            except ZooError as error:
                n_unreached = n_unreached + 1 if isinstance(error, Unreachable) else 0
                if n_unreached == _UNREACHED:
                    raise
                self._fail(card, error)
                continue
            n_unreached = 0
            (self.sent if is_new else self.held).append(card.name)
        self.report(Progress(self.what, len(cards), len(cards)))

    def _fail(self, card: AdapterCard, error: ZooError) -> None:
        self._failed.add(f"{card.shelf}/{card.name}")
        self.leave_out(card.path, error)


def take_in(
    zoo: Zoo, place: Place, order: Sequence[AdapterCard], pages: Pages, replace: Replace, moving: Moving
) -> None:
    """Fetch entries, parents first; those that the place does not hold are in the zoo already."""
    coming = [card for card in order if card.path in pages.found and card is pages.found[card.path][0]]
    paths = {card.path for card in coming}
    _refuse_taken(zoo, coming, replace, moving)

    def fetch(card: AdapterCard) -> bool:
        if card.path not in paths:
            return False
        is_new = arrive(zoo, place, *pages.found[card.path], replace=bool(replace))
        add_scores(zoo, card, place.scores(card))
        return is_new

    moving.each(order, fetch)


def send(
    zoo: Zoo, order: Sequence[AdapterCard], place: Place, *, replace: Replace, readme: Readme | None, moving: Moving
) -> None:
    """Send entries that were checked to a place, parents first."""
    if place.local is not None:
        _into_folder(zoo, order, place, replace, readme, moving)
        return
    parcels: list[Parcel] = []
    pages: list[tuple[str, str]] = []
    replaced: list[AdapterCard] = []

    def pack(card: AdapterCard) -> bool:
        page = readme(with_scores(zoo, card), place.url) if readme else ""
        parcel = Parcel(card, zoo.text(card), zoo.folder(card), page, text_of(scores_of(zoo, card)))
        if place.holds(card.path):
            there, _ = place.card(card.path)
            if there.digest == card.digest:
                pages.extend(_more_scores(zoo, card, place, parcel))
                return False
            if not replace:
                raise taken(card, there, place.url)
            replaced.append(card)
        parcels.append(parcel)
        return True

    moving.each(order, pack)
    if replaced and replace != "any":
        for _, error in orphaned([card for card, _ in place.cards(damaged=[])], replaced, order):
            raise error
    if pages:
        place.write_pages(pages)
    if parcels:
        place.publish(parcels)
        for parcel in parcels:
            # Somebody may have pushed the same name at the same moment: the last one is kept, and the other gets an error.
            there, _ = place.card(parcel.path)
            if there.digest != parcel.card.digest:
                raise taken(parcel.card, there, place.url)


def _refuse_taken(zoo: Zoo, coming: Sequence[AdapterCard], replace: Replace, moving: Moving) -> None:
    """Leave out what would replace other weights; everything that can be refused is refused before the first byte is fetched."""
    replaced = []
    for card in coming:
        if card.path in moving.faults:
            continue
        try:
            is_free = not zoo.holds(card.name, card.shelf)
            if not is_free and not zoo.same(card, replace=bool(replace)):
                replaced.append(card)
        except ZooError as error:
            moving.leave_out(card.path, error)
    if replaced and replace != "any":
        for card, fault in orphaned(zoo.list(damaged=[]), replaced, coming):
            moving.leave_out(card.path, fault)


def _into_folder(
    zoo: Zoo, order: Sequence[AdapterCard], place: Place, replace: Replace, readme: Readme | None, moving: Moving
) -> None:
    """Push to a folder: it becomes a zoo, so the entries arrive there as they would by a pull."""
    assert place.local is not None
    source, target = open_place(str(zoo.root)), Zoo(place.local)
    _refuse_taken(target, order, replace, moving)

    def bring(card: AdapterCard) -> bool:
        is_new = arrive(target, source, card, zoo.text(card), replace=bool(replace))
        n_scores = add_scores(target, card, scores_of(zoo, card))
        # A push that was killed behind the entry's arrival has left it without its page.
        if readme and (is_new or n_scores or not os.path.lexists(target.folder(card) / README_FILE)):
            target.write_readme(card, readme(with_scores(target, card), place.url))
        return is_new

    moving.each(order, bring)
    target.written.keep()


def _more_scores(zoo: Zoo, card: AdapterCard, place: Place, parcel: Parcel) -> list[tuple[str, str]]:
    """Return the pages of an entry that a place holds, with the scores of both sides; none where it lacks no score."""
    there, here = place.scores(card), scores_of(zoo, card)
    known = {(one.key, one.score.value) for one in there}
    new = [one for one in here if (one.key, one.score.value) not in known]
    return replace_in(parcel, scores=text_of([*there, *new])).pages if new else []
