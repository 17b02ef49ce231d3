"""Weights of a composition: where they are stored in a zoo, whether they are the right ones, and loading them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from toolkit.composition import Composition, Part, parse
from toolkit.composition.stages import plan
from toolkit.config.command import command
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.session.session import Session
from toolkit.zoo import AdapterCard, check_backbone
from toolkit.zoo.lock import read_lock


def file_of(part: Part, entry: str | None = None) -> str:
    """Return the file that holds a part in its own entry, or in `entry`, which holds a copy that learnt along there.

    Example:
        >>> file_of(Part("adapter", "mnli", "mnli")), file_of(Part("adapter", "mnli", "mnli"), "mnli/squad")
        ('adapter.safetensors', 'below.adapter.mnli.safetensors')
    """
    if part.kind == "head":
        return f"head.{part.name}.safetensors"
    return f"{part.kind}.safetensors" if entry in (None, part.entry) else f"below.{part.kind}.{part.name}.safetensors"


Place = tuple[str, str]  # an entry and a file in it


def places(composition: Composition, cards: Mapping[str, AdapterCard]) -> dict[Part, Place]:
    """Return where the weights of each part of a composition are stored.

    Mostly in the part's own entry. What was trained with `train.learn: all` holds copies of what is below it, and whatever
    contains it runs on these.

    Args:
        composition: what is wired.
        cards: of its entries, by name; an entry without a card is taken to hold no copies.

    Raises:
        ToolkitError: two entries of the composition need different copies of one part.
    """
    known: dict[str, dict[tuple[str, str], Place]] = {}
    every = {**composition.entries, str(composition): composition}
    for text, entry in every.items():  # from the backbone up: what an entry builds on comes before it
        found = known[text] = {}
        below = [name for name in entry.entries if name != text]
        for part in entry.parts:
            key, own = (part.kind, part.entry), (part.entry, file_of(part))
            if part.kind == "head":
                continue
            if text in cards and file_of(part, text) in cards[text].files:
                found[key] = (text, file_of(part, text))
                continue
            wanted = {known[name][key]: name for name in below if name != part.entry and key in known[name]}
            if len(wanted) > 1:
                first, second = list(wanted.values())[:2]
                raise ToolkitError(
                    f"'{first}' and '{second}' need different weights of '{part.entry}': one of them was trained with "
                    "train.learn=all and holds a copy of its own; use them apart."
                )
            found[key] = next(iter(wanted), own)
    of = known[str(composition)]
    return {part: of.get((part.kind, part.entry), (part.entry, file_of(part))) for part in composition.parts}


def require_trained(composition: Composition, session: Session, *, has_head: bool = True) -> None:
    """Raise where the zoo lacks an entry that the composition needs, with the stages that would make it."""
    zoo, shelf, config = session.zoo, session.shelf, session.config
    needed = [part for part in composition.parts if has_head or part.kind != "head"]
    missing = [part.entry for part in needed if not zoo.holds(part.entry, shelf)]
    if missing:
        if any(ref.name not in session.catalogue for ref in composition.leaves()):
            zoo.get(missing[0], shelf)  # no task either, so the name is a slip: raises with the nearest adapters
        stages = plan(composition, holds=lambda entry: zoo.holds(entry, shelf))
        names = ", ".join(f"'{entry}'" for entry in dict.fromkeys(missing))
        raise ZooError(
            f"{names} {'is' if len(set(missing)) == 1 else 'are'} not in the zoo {config.zoo} for {config.backbone.name}; "
            f"`{command('train', str(composition), config=config)}` makes it in "
            f"{len(stages)} stage{'s' if len(stages) != 1 else ''}."
        )


def load_part(circuit: Circuit, part: Part, session: Session, *, place: Place | None = None) -> None:
    """Load a part's weights from the zoo, after every check.

    Args:
        place: where they are stored if not in the part's own entry (a copy that learnt along, a warm start).
    """
    backbone = circuit.backbone
    entry, file = place or (part.entry, file_of(part))
    card = session.zoo.get(entry, session.shelf)
    check_backbone(card, backbone.name, backbone.digest, backbone.hidden_size)
    circuit.load(part, session.zoo.tensors(card, file, expected=circuit.shapes_of(part)))


def check_entry(card: AdapterCard, session: Session) -> None:
    """Raise where an entry that is used is not sound: any of its files, used here or not, or what it was trained on."""
    if card.kind != "full":  # a whole encoder passes the gate when it is loaded
        session.zoo.verify_files(card)
    check_parents(card, session)


def check_parents(card: AdapterCard, session: Session) -> None:
    """Raise where a parent in the zoo, or one of its own, is not the one that an entry was trained on."""
    zoo, shelf = session.zoo, session.shelf
    for parent in card.parents:
        if not zoo.holds(parent.name, shelf):
            raise ZooError(
                f"'{card.name}' was trained on '{parent.name}', which the zoo {session.config.zoo} does not hold; pull or train it."
            )
        found = zoo.get(parent.name, shelf).digest
        if found != parent.digest:
            raise ZooError(
                f"'{card.name}' was trained on '{parent.name}' {parent.digest[:12]}, but the zoo holds {found[:12]}; "
                f"train it again (`{_again(card, session)}`), or pull the parent it was made from."
            )
    zoo.check_ancestors(card)


def _again(card: AdapterCard, session: Session) -> str:
    """Return the command that trains an entry again, a variant under its own name."""
    own = [] if card.trained_as == card.name else ["--as", parse(card.name).head_name.name]
    return command("train", card.trained_as, *own, "--retrain", config=session.config)


def require_locked(lock: Path | None, cards: Iterable[AdapterCard], text: str) -> None:
    """Raise where a lock file is given and what is used is not exactly what it pins."""
    if lock is None:
        return
    pins, used = read_lock(lock), list(cards)
    if not used:
        raise ZooError(f"'{text}' takes nothing from the zoo, so {lock} cannot vouch for it; leave --lock out.")
    pins.check(used)
