"""The store of encoded texts: look at it, check it, clear it."""

from __future__ import annotations

import time
from pathlib import Path

import click

from toolkit.commands.options import Commands, example
from toolkit.commands.screen import print_table, say
from toolkit.errors import ToolkitError


@click.group(
    cls=Commands,
    epilog=example("xstilts store list", "xstilts store verify", "xstilts store prune --older-than 30 --yes"),
)
def store() -> None:
    """Look at, check and clear the store of encoded texts.

    `retrieve` and `mine` keep their vectors there, and encode nothing twice; `--set store.folder=null` keeps nothing.
    """


FOLDER = click.option(
    "--store",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("embeddings"),
    show_default=True,
    help="Folder of the store (`store.folder`).",
)
SHELF = click.option("--backbone", envvar="XSTILTS_BACKBONE", metavar="NAME", help="Only vectors of this backbone.")


@store.command("list", epilog=example("xstilts store list", "xstilts store list --backbone embedded"))
@FOLDER
@SHELF
def store_list(folder: Path, backbone: str | None) -> None:
    """Print what was encoded: composition, backbone, layer, pooling, shards, size, days since it was used."""
    from toolkit.embeddings import leftovers, shelves

    unreadable: list[str] = []
    held = shelves(folder, backbone=backbone, unreadable=unreadable)
    rows = [
        (
            shelf.key.composition,
            f"{shelf.key.backbone_name} {shelf.key.backbone[:8]}",
            f"{shelf.key.layer} {shelf.key.pooling}",
            f"{shelf.key.max_length} {shelf.key.precision} {shelf.key.dtype}",
            str(len(shelf.shards)),
            f"{shelf.n_bytes / 1e6:.1f} MB",
            f"{(time.time() - shelf.used_s) / 86400:.1f}",
            shelf.folder.name[:12],
        )
        for shelf in held
    ]
    if rows:
        print_table(("composition", "backbone", "layer", "encoded", "shards", "size", "days", "key"), rows)
        click.echo(f"{sum(shelf.n_bytes for shelf in held) / 1e6:.1f} MB in {folder}.")
    else:
        click.echo(f"The store {folder} holds nothing" + (f" of {backbone}." if backbone else "."))
    for sentence in unreadable:
        say(f"Not a store's: {sentence}")
    left = leftovers(folder)
    if left:
        say(f"{len(left)} half-written files of runs that were killed; `xstilts store prune --yes` removes them.")


@store.command("verify", epilog=example("xstilts store verify", "xstilts store verify --backbone embedded"))
@FOLDER
@SHELF
def store_verify(folder: Path, backbone: str | None) -> None:
    """Compare every shard with its SHA-256."""
    from toolkit.embeddings import damages, shelves

    held = shelves(folder, backbone=backbone)
    faults = [fault for shelf in held for fault in damages(shelf)]
    if faults:
        raise ToolkitError("\n".join(faults))
    shards, n_bytes = sum(len(shelf.shards) for shelf in held), sum(shelf.n_bytes for shelf in held)
    click.echo(f"{shards} shards of {len(held)} keys, {n_bytes / 1e6:.1f} MB: all as they were written.")


@store.command(
    "prune",
    epilog=example(
        "xstilts store prune --older-than 30",
        "xstilts store prune --backbone tiny --yes",
        "xstilts store prune --all --yes",
    ),
)
@click.option("--older-than", type=float, metavar="DAYS", help="Only what was not used for so long.")
@click.option("--all", "every", is_flag=True, help="Everything.")
@click.option("--yes", is_flag=True, help="Remove it; without it, it is only listed.")
@FOLDER
@SHELF
def store_prune(older_than: float | None, every: bool, yes: bool, folder: Path, backbone: str | None) -> None:
    """List what --older-than, --backbone or --all chooses, and what killed runs left; remove it with --yes."""
    from toolkit.embeddings import clear, leftovers, shelves

    chosen = []
    if every or older_than is not None or backbone is not None:
        latest = time.time() - (older_than or 0.0) * 86400
        chosen = [
            shelf for shelf in shelves(folder, backbone=backbone, unreadable=[]) if every or shelf.used_s <= latest
        ]
    left = leftovers(folder)
    for shelf in chosen:
        key = shelf.key
        click.echo(
            f"{key.composition}  {key.backbone_name}  layer {key.layer} {key.pooling}  {shelf.n_bytes / 1e6:.1f} MB  "
            f"{shelf.folder.name[:12]}"
        )
    for path in left:
        click.echo(f"{path}  left by a run that was killed")
    if not chosen and not left:
        say("Nothing to remove; choose with --older-than DAYS, --backbone NAME or --all.")
    elif yes:
        clear(chosen, left)
        say(f"Removed the vectors of {len(chosen)} keys and {len(left)} leftovers.")
    else:
        say("Nothing was removed; --yes removes these.")
