"""Commands of the store of encoded texts and of the cache of tokenised rows."""

from __future__ import annotations

from pathlib import Path

import click

import toolkit
from toolkit.commands.groups import Commands, example
from toolkit.commands.options import PATH, SHELF
from toolkit.commands.screen import show
from toolkit.config import Config


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
    type=PATH,
    default=Path("embeddings"),
    show_default=True,
    metavar="DIR",
    help="Folder of the store (`store.folder`).",
)


def _config(folder: Path) -> Config:
    return toolkit.configure(store={"folder": folder})


@store.command("list", epilog=example("xstilts store list", "xstilts store list --backbone embedded"))
@FOLDER
@SHELF
def store_list(folder: Path, backbone: str | None) -> None:
    """Print what was encoded: composition, backbone, layer, pooling, shards, size, days since it was used."""
    show(toolkit.store_list(_config(folder), backbone=backbone))


@store.command("verify", epilog=example("xstilts store verify", "xstilts store verify --backbone embedded"))
@FOLDER
@SHELF
def store_verify(folder: Path, backbone: str | None) -> None:
    """Compare every shard with its SHA-256."""
    show(toolkit.store_verify(_config(folder), backbone=backbone))


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
    found = toolkit.store_prune(_config(folder), older_than=older_than, all=every, backbone=backbone, remove=yes)
    show(found)


@click.group(cls=Commands, epilog=example("xstilts cache show", "xstilts cache clear"))
def cache() -> None:
    """Look at and clear the tokenised rows that are kept for the next run."""


@cache.command("show", epilog=example("xstilts cache show"))
def cache_show() -> None:
    """Say where the tokenised rows are kept and how many there are."""
    show(toolkit.cache_show())


@cache.command("clear", epilog=example("xstilts cache clear"))
def cache_clear() -> None:
    """Remove all tokenised rows; the next training or evaluation makes what it needs again."""
    show(toolkit.cache_clear())
