"""The cache of tokenised rows."""

from __future__ import annotations

import click

from toolkit.commands.options import Commands, example


@click.group(cls=Commands, invoke_without_command=True, epilog=example("xstilts cache", "xstilts cache clear"))
@click.pass_context
def cache(context: click.Context) -> None:
    """Say what the cache of tokenised rows holds, or clear it."""
    if context.invoked_subcommand is None:
        from toolkit.features.cache import held

        found = held()
        click.echo(f"{found.folder}: tokenised rows in {found.files} files, {found.size / 2**20:,.1f} MiB.")


@cache.command("clear", epilog=example("xstilts cache clear"))
def cache_clear() -> None:
    """Remove all tokenised rows; the next training or evaluation makes what it needs again."""
    from toolkit.features.cache import clear

    was = clear()
    click.echo(f"{was.files} files removed from {was.folder}, {was.size / 2**20:,.1f} MiB.")
