"""The zoo: look at, check and clear the folder of trained adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.commands.options import Commands, example
from toolkit.errors import ToolkitError


@click.group(
    cls=Commands,
    epilog=example("xstilts zoo list", "xstilts zoo show mnli/squad --backbone embedded", "xstilts zoo verify"),
)
def zoo() -> None:
    """Look at, check and clear the folder of trained adapters."""


ZOO = click.option(
    "--zoo",
    "root",
    type=click.Path(path_type=Path),
    default=Path("adapter_zoo"),
    show_default=True,
    help="Folder of trained adapters.",
)
SHELF = click.option("--backbone", envvar="XSTILTS_BACKBONE", metavar="NAME", help="Only this backbone's.")


def card_of(root: Path, name: str, backbone: str | None) -> Any:
    """Return the card of an adapter; without a backbone it must be the only one of its name."""
    from toolkit.composition import parse
    from toolkit.zoo import Zoo

    held = Zoo(root)
    text = str(parse(name))
    shelves = [card.backbone.name for card in held.list(damaged=[]) if card.name == text]
    if backbone is None and len(shelves) > 1:
        raise ToolkitError(f"The zoo holds '{text}' for {', '.join(shelves)}; choose one with --backbone.")
    return held.get(text, backbone or (shelves[0] if shelves else "xlm-roberta-large"))


@zoo.command("show", epilog=example("xstilts zoo show mnli/squad", "xstilts zoo show mnli --backbone embedded"))
@click.argument("name")
@ZOO
@SHELF
def zoo_show(name: str, root: Path, backbone: str | None) -> None:
    """Print an adapter's card: recipe, parents, data seen, scores, files."""
    click.echo(card_of(root, name, backbone).to_text().rstrip())


@zoo.command("verify", epilog=example("xstilts zoo verify", "xstilts zoo verify mnli"))
@click.argument("name", required=False)
@ZOO
@SHELF
def zoo_verify(name: str | None, root: Path, backbone: str | None) -> None:
    """Check every file of one adapter, or of all, against the card's sha256."""
    from toolkit.zoo import Zoo

    held = Zoo(root)
    if name is None:
        faults = held.faults(backbone)
        if faults:
            raise ToolkitError("\n".join(faults))
    cards = [card_of(root, name, backbone)] if name else held.list(backbone)
    for card in cards:
        held.verify(card)
        click.echo(
            f"{card.name} on {card.backbone.name}: {len(card.files)} files, digest {card.digest[:12]}, as its card says"
        )
    if not cards:
        click.echo(f"The zoo {root} holds no adapters.")


@zoo.command("remove", epilog=example("xstilts zoo remove mnli/squad", "xstilts zoo remove mnli --force"))
@click.argument("name")
@click.option("--force", is_flag=True, help="Although another adapter was trained on top of it.")
@ZOO
@SHELF
def zoo_remove(name: str, force: bool, root: Path, backbone: str | None) -> None:
    """Remove an adapter; refused while another names it as a parent."""
    from toolkit.zoo import Zoo

    # With a backbone given no card is read, so that a damaged entry can be removed.
    shelf = backbone or card_of(root, name, None).backbone.name
    Zoo(root).remove(name, shelf, force=force)
    click.echo(f"Removed {name} ({shelf}).")
