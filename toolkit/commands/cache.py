"""The cache of tokenised rows."""

from __future__ import annotations

import click

from toolkit.commands.options import Commands, example


@click.group(cls=Commands, epilog=example("xstilts cache show", "xstilts cache clear"))
def cache() -> None:
    """Look after the tokenised rows that are kept for the next run."""


@cache.command("show", epilog=example("xstilts cache show"))
def cache_show() -> None:
    """Say where the tokenised rows are kept and how many there are."""
    from toolkit.features.cache import held

    found = held()
    click.echo(f"{found.folder}: tokenised rows in {found.files} files, {found.size / 2**20:,.1f} MiB.")


@cache.command("clear", epilog=example("xstilts cache clear"))
def cache_clear() -> None:
    """Remove all tokenised rows; the next training or evaluation makes what it needs again."""
    from toolkit.features.cache import clear

    was = clear()
    click.echo(f"{was.files} files removed from {was.folder}, {was.size / 2**20:,.1f} MiB.")
