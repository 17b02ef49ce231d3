"""Commands of the ready configurations: list, show and copy."""

from __future__ import annotations

from pathlib import Path

import click

import toolkit
from toolkit.commands.groups import Commands, example
from toolkit.commands.options import PATH
from toolkit.commands.screen import show
from toolkit.config.ready import KINDS, Kind


@click.group(
    cls=Commands,
    default="show",
    bare="list",
    epilog=example("xstilts configs", "xstilts configs train/jiant", "xstilts configs copy sweep/order-mini"),
)
def configs() -> None:
    """List the ready configurations, sweeps and task files, show one (`xstilts configs NAME`), or copy it.

    A name is looked up in the working folder's configs/ first, then among those that are shipped.
    """


@configs.command("list", epilog=example("xstilts configs list", "xstilts configs list sweep"))
@click.argument("kind", type=click.Choice(KINDS), required=False)
def configs_list(kind: Kind | None) -> None:
    """List the ready configurations with what they are for and the command that runs each."""
    show(toolkit.configs_list(kind), cut={"what": 30, "run by": 30}, drop=("run by", "from"))


@configs.command("show", epilog=example("xstilts configs show train/jiant"))
@click.argument("name", metavar="NAME")
def configs_show(name: str) -> None:
    """Print a ready configuration as it is written."""
    show(toolkit.configs_show(name))


@configs.command(
    "copy", epilog=example("xstilts configs copy sweep/order-mini", "xstilts configs copy jiant --out mine.yaml")
)
@click.argument("name", metavar="NAME")
@click.option("--out", type=PATH, metavar="PATH", help="File to write. Default: configs/KIND/NAME.yaml.")
@click.option("--replace", is_flag=True, help="Overwrite an existing file.")
def configs_copy(name: str, out: Path | None, replace: bool) -> None:
    """Copy a ready configuration to a file of your own, where it can be changed."""
    show(toolkit.configs_copy(name, out=out, replace=replace))
