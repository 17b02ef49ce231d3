"""Verbs of the zoo that move adapters: `zoo_push`, `zoo_pull`, `zoo_sync`, `zoo_lock`, `zoo_export` and others.

A place is a folder, `hf://org/repo`, or any URL of fsspec.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from toolkit.errors import ToolkitError
from toolkit.face.shared import Listing, Telling, listing
from toolkit.face.zoo import card_of, shelf_of
from toolkit.progress import silent

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.zoo.share.moving import Replace
    from toolkit.zoo.share.share import Moved


def zoo_push(
    name: str,
    dest: str,
    config: Config,
    *,
    parents: bool = True,
    replace: Replace = False,
    backbone: str | None = None,
    **tell: Unpack[Telling],
) -> Listing:
    """Send an adapter, and what it was trained on, to a place.

    Args:
        name: of the adapter.
        dest: the place.
        config: names the zoo.
        parents: False: the entry alone; its parents are named by digest.
        replace: put it in place of other weights under the same name; `any`: also where others there were trained on those.
        backbone: whose; None: the only one that has an adapter of the name.
        tell: `report`.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.readme import readme
    from toolkit.zoo.share.share import push

    card = card_of(config.zoo, name, backbone)
    report = tell.get("report", silent)
    moved = push(Zoo(config.zoo), card, dest, parents=parents, replace=replace, readme=readme, report=report)
    return _moved({"Pushed": (moved, f"to {dest}")})


def zoo_pull(
    src: str,
    config: Config,
    *,
    name: str | None = None,
    lock: Path | None = None,
    replace: Replace = False,
    backbone: str | None = None,
    **tell: Unpack[Telling],
) -> Listing:
    """Fetch an adapter and what it was trained on from a place; every file's SHA-256 is checked before it is visible.

    Args:
        src: the place.
        config: names the zoo.
        name: of the adapter; None: everything there; what is left out is in the last rows and in `faults`.
        lock: a lock file: exactly what it pins.
        replace: put it in place of other weights under the same name; `any`: also where others here were trained on those.
        backbone: only adapters of this backbone.
        tell: `report`.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.lock import read_lock
    from toolkit.zoo.share.share import pull

    if lock and name:
        raise ToolkitError("Give a name or --lock: a lock says itself what is pulled.")
    pins = read_lock(lock) if lock else None
    report = tell.get("report", silent)
    moved = pull(Zoo(config.zoo), src, name, backbone=backbone, lock=pins, replace=replace, report=report)
    return _moved({"Pulled": (moved, f"from {src}")})


def zoo_sync(place: str, config: Config, **tell: Unpack[Telling]) -> Listing:
    """Fetch what a place has and the zoo lacks, then send what the place lacks; nothing is replaced or removed.

    What was left out is in the last rows, each with its fault, and in `faults`.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.readme import readme
    from toolkit.zoo.share.share import sync

    pulled, pushed = sync(Zoo(config.zoo), place, readme=readme, report=tell.get("report", silent))
    return _moved({"Pulled": (pulled, f"from {place}"), "Pushed": (pushed, f"to {place}")})


def _moved(parts: dict[str, tuple[Moved, str]]) -> Listing:
    rows, lines, notes = [], [], []
    faults: dict[str, None] = {}
    for verb, (moved, where) in parts.items():
        rows += [{"name": name, "move": verb.lower(), "fault": None} for name in moved.sent]
        lines += [f"{verb} {name} {where}" for name in moved.sent]
        notes += (
            [] if moved.sent or moved.faults else [f"Nothing to move {where}: the same adapters are there already."]
        )
        notes += [f"Not sent, named by digest: {parent}" for parent in moved.by_digest]
        faults |= dict.fromkeys(moved.faults)
    rows += [{"name": None, "move": None, "fault": fault} for fault in faults]
    return listing(rows, lines=lines, notes=notes, faults=list(faults))


def zoo_lock(expr: str, config: Config, *, out: Path = Path("zoo.lock"), backbone: str | None = None) -> Listing:
    """Pin a composition, and what it was trained on, to exact digests in a lock file.

    Args:
        expr: composition.
        config: names the zoo.
        out: the file.
        backbone: whose; None: the only one that has its first entry.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.lock import make_lock, write_lock

    expr = _spelled(expr, config)
    made = make_lock(Zoo(config.zoo), expr, shelf_of(config.zoo, backbone) or _backbone_of(expr, config))
    write_lock(made, out)
    rows = [{"name": name, "digest": digest} for name, digest in made.entries.items()]
    lines = [f"{name}  {digest[:12]}" for name, digest in made.entries.items()]
    return listing(rows, lines=lines, notes=[f"Written to {out}"])


def zoo_readme(name: str, config: Config, *, place: str = "", backbone: str | None = None) -> Listing:
    """Return an adapter's card as a README with the hub's model-card YAML, the page that `zoo_push` writes.

    Args:
        name: of the adapter.
        config: names the zoo.
        place: where it can be pulled from, for the line that does so.
        backbone: as for `zoo_push`.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.readme import readme
    from toolkit.zoo.record import with_scores

    page = readme(with_scores(Zoo(config.zoo), card_of(config.zoo, name, backbone)), place).rstrip()
    return listing([{"name": name, "readme": page}], lines=[page])


def zoo_export(
    name: str,
    config: Config,
    *,
    out: Path,
    format: Literal["adapterhub"] = "adapterhub",
    choices: int = 2,
    backbone: str | None = None,
) -> Listing:
    """Write a composition as folders that the `adapters` library reads; the README in `out` has the lines that load them.

    Args:
        name: composition.
        config: names the zoo.
        out: a new or empty folder.
        format: whose format.
        choices: choices of a multiple-choice head.
        backbone: as for `zoo_lock`.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.adapterhub import export

    name = _spelled(name, config)
    shelf = shelf_of(config.zoo, backbone) or _backbone_of(name, config)
    parts = export(Zoo(config.zoo), name, shelf, Path(out), choices=choices)
    return listing([{"folder": part} for part in parts], lines=parts, notes=[f"Written to {out} for {format}"])


def zoo_import(
    src: str | Path,
    config: Config,
    *,
    name: str | None = None,
    same_as: str = "",
    labels: Sequence[str] = (),
    replace: bool = False,
    force: bool = False,
) -> Listing:
    """Take what the `adapters` library saved: adapters, language adapters, a fusion, their head.

    Args:
        src: the folder, or `hf://org/name` of the hub, with `@revision` if need be; the card names its commit.
        config: names the zoo, and the backbone that the parts were made for.
        name: what it is called here, or how its parts are composed; None: as it was saved, a language adapter as
            `text.sw`.
        same_as: the folder's own name for the backbone, where it is another.
        labels: order of the head's classes by name; their names, where the folder has none.
        replace: put it in place of other weights under the same name.
        force: also where others were trained on those.
    """
    from toolkit.modeling.backbone import load_backbone
    from toolkit.zoo import Zoo
    from toolkit.zoo.adapterhub import opened, take
    from toolkit.zoo.adapterhub.take import Replacing

    backbone = load_backbone(config.backbone.name, precision="fp32")
    zoo = Zoo(config.zoo)
    which: Replacing = None if not replace else "any" if force else "unneeded"
    with opened(str(src)) as source:
        taken = take(zoo, source, backbone, expression=name, same_as=same_as, labels=labels, replace=which)
    lines = [f"Imported {card.name}  {card.digest[:12]}  for {card.backbone.name}" for card in taken.cards]
    notes = [f"Already here, the same weights: {held}" for held in taken.held]
    notes += [*taken.notes, "Not known, and marked so in the card: the rows it saw, its scores, its licence."]
    rows = [{"name": card.name, "backbone": card.backbone.name, "digest": card.digest} for card in taken.cards]
    return listing(rows, lines=lines, notes=notes)


def _backbone_of(expr: str, config: Config) -> str:
    """Return the backbone of the only adapter that has the name of a composition's first entry."""
    from toolkit.composition import parse
    from toolkit.composition.exchange import languages_in
    from toolkit.zoo import Zoo

    composition = parse(expr)
    first = next(iter(composition.entries), expr)
    if composition.follows_rows:
        spoken = languages_in(composition, [card.name for card in Zoo(config.zoo).list(damaged=[])])
        first = next((entries[0] for entries in spoken.values()), first)
    return card_of(config.zoo, first, None).backbone.name


def _spelled(expr: str, config: Config) -> str:
    """Return a composition with every short name of a variant spelt out."""
    from toolkit.composition import parse
    from toolkit.composition.variants import spelled
    from toolkit.zoo import Zoo

    names = [card.name for card in Zoo(config.zoo).list(damaged=[])]
    return spelled(parse(expr), is_known=names.__contains__, entries=lambda: dict.fromkeys(names))
