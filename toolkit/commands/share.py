"""The zoo's traffic: push, pull, lock, sync."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.commands.options import example
from toolkit.commands.screen import bars, say
from toolkit.commands.zoo import SHELF, ZOO, card_of, zoo
from toolkit.errors import ToolkitError

PLACES = """A place is a folder, `hf://org/repo` (HF_TOKEN or `hf auth login` to write), or any URL of fsspec: `s3://`, `gs://`
    and `ssh://` need the package that fsspec names for them."""
REPLACE = click.option("--replace", is_flag=True, help="Put it in place of other weights under the same name.")


@zoo.command(
    "push",
    help=f"""Send an adapter, and what it was trained on, to DEST.

    {PLACES}""",
    epilog=example(
        "xstilts zoo push mnli/squad /shared/adapters",
        "xstilts zoo push mnli hf://my-team/adapters",
        "xstilts zoo push mnli/squad s3://bucket/zoo --no-parents",
    ),
)
@click.argument("name")
@click.argument("dest")
@click.option("--no-parents", is_flag=True, help="Send the entry alone; its parents are named by digest.")
@REPLACE
@ZOO
@SHELF
def zoo_push(name: str, dest: str, no_parents: bool, replace: bool, root: Path, backbone: str | None) -> None:
    from toolkit.zoo import Zoo
    from toolkit.zoo.readme import readme
    from toolkit.zoo.share.share import push

    card = card_of(root, name, backbone)
    with bars() as report:
        moved = push(Zoo(root), card, dest, parents=not no_parents, replace=replace, readme=readme, report=report)
    _tell(moved, "Pushed", f"to {dest}")
    for parent in moved.by_digest:
        say(f"Not sent, named by digest: {parent}")


@zoo.command(
    "pull",
    help=f"""Fetch adapter NAME and what it was trained on from SRC; without NAME everything there.

    Every file's sha256 is checked before anything is visible; an interrupted pull goes on where it was. {PLACES}""",
    epilog=example(
        "xstilts zoo pull hf://my-team/adapters mnli/squad",
        "xstilts zoo pull /shared/adapters",
        "xstilts zoo pull s3://bucket/zoo mnli --backbone embedded",
        "xstilts zoo pull /shared/adapters --lock zoo.lock",
    ),
)
@click.argument("src")
@click.argument("name", required=False)
@click.option("--lock", type=click.Path(path_type=Path), metavar="FILE", help="Exactly what a lock pins, nothing else.")
@REPLACE
@ZOO
@SHELF
def zoo_pull(src: str, name: str | None, lock: Path | None, replace: bool, root: Path, backbone: str | None) -> None:
    from toolkit.zoo import Zoo
    from toolkit.zoo.lock import read_lock
    from toolkit.zoo.share.share import pull

    if lock and name:
        raise ToolkitError("Give a name or --lock: a lock says itself what is pulled.")
    pins = read_lock(lock).entries if lock else None
    with bars() as report:
        moved = pull(Zoo(root), src, name, backbone=backbone, pins=pins, replace=replace, report=report)
    _tell(moved, "Pulled", f"from {src}")


@zoo.command(
    "lock", epilog=example("xstilts zoo lock mnli/squad", "xstilts zoo lock 'fuse[mnli,squad]/xquad' --out paper.lock")
)
@click.argument("expr")
@click.option("--out", type=click.Path(path_type=Path), default=Path("zoo.lock"), show_default=True, metavar="FILE")
@ZOO
@SHELF
def zoo_lock(expr: str, out: Path, root: Path, backbone: str | None) -> None:
    """Pin EXPR, and what it was trained on, to exact digests.

    Whoever holds the file pulls those weights (`zoo pull SRC --lock FILE`) and uses no others (`eval EXPR --lock FILE`).
    """
    from toolkit.composition import parse
    from toolkit.zoo import Zoo
    from toolkit.zoo.lock import make_lock, write_lock

    first = next(iter(parse(expr).entries), expr)
    shelf = backbone or card_of(root, first, None).backbone.name
    made = make_lock(Zoo(root), expr, shelf)
    write_lock(made, out)
    for name, digest in made.entries.items():
        click.echo(f"{name}  {digest[:12]}")
    say(f"Written to {out}")


@zoo.command(
    "readme", epilog=example("xstilts zoo readme mnli/squad", "xstilts zoo readme mnli --place hf://my-team/adapters")
)
@click.argument("name")
@click.option("--place", default="", metavar="PLACE", help="Where it can be pulled from, for the line that does so.")
@ZOO
@SHELF
def zoo_readme(name: str, place: str, root: Path, backbone: str | None) -> None:
    """Print an adapter's card as a README with the hub's model-card YAML; `zoo push` writes the same page."""
    from toolkit.zoo.readme import readme

    click.echo(readme(card_of(root, name, backbone), place).rstrip())


@zoo.command(
    "export",
    epilog=example(
        "xstilts zoo export mnli/squad out", "xstilts zoo export 'fuse[mnli,squad]/xquad' out --to adapterhub"
    ),
)
@click.argument("name")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["adapterhub"]), default="adapterhub", show_default=True, help="Whose format.")
@click.option("--choices", default=2, show_default=True, metavar="N", help="Choices of a multiple-choice head.")
@ZOO
@SHELF
def zoo_export(name: str, folder: Path, to: str, choices: int, root: Path, backbone: str | None) -> None:
    """Write NAME as folders that the `adapters` library reads; the README in DIR has the lines that load them."""
    from toolkit.composition import parse
    from toolkit.zoo import Zoo
    from toolkit.zoo.adapterhub import export

    first = next(iter(parse(name).entries), name)
    shelf = backbone or card_of(root, first, None).backbone.name
    for part in export(Zoo(root), name, shelf, folder, choices=choices):
        click.echo(part)
    say(f"Written to {folder} for {to}")


@zoo.command(
    "import",
    epilog=example(
        "xstilts zoo import saved/mnli --backbone xlm-roberta-base",
        "xstilts zoo import saved --as 'fuse[mnli,squad]/xquad' --backbone xlm-roberta-large",
        "xstilts zoo import saved/nli --as mnli --labels entailment,neutral,contradiction --backbone xlm-roberta-large",
    ),
)
@click.argument("src", type=click.Path(path_type=Path))
@click.option(
    "--backbone", envvar="XSTILTS_BACKBONE", required=True, metavar="NAME", help="The encoder it was made for."
)
@click.option("--as", "expression", metavar="EXPR", help="What it is called here, or how its parts are composed.")
@click.option(
    "--same-as", default="", metavar="NAME", help="The folder's own name for that encoder, where it is another."
)
@click.option(
    "--labels", default="", metavar="A,B,...", help="Names of the head's classes in order, where it has none."
)
@REPLACE
@ZOO
def zoo_import(
    src: Path, backbone: str, expression: str | None, same_as: str, labels: str, replace: bool, root: Path
) -> None:
    """Take what the `adapters` library saved in folder SRC: adapters, a fusion, their head.

    Every tensor is compared with what the circuit expects before anything is stored; a pickle is read as tensors only. PEFT and other
    kinds of adapters are refused.
    """
    from toolkit.modeling.backbone import load_backbone
    from toolkit.zoo import Zoo
    from toolkit.zoo.adapterhub import take

    names = [label.strip() for label in labels.split(",") if label.strip()]
    taken = take(
        Zoo(root),
        src,
        load_backbone(backbone, precision="fp32"),
        expression=expression,
        same_as=same_as,
        labels=names,
        replace=replace,
    )
    for card in taken.cards:
        click.echo(f"Imported {card.name}  {card.digest[:12]}  for {card.backbone.name}")
    for name in taken.held:
        say(f"Already here, the same weights: {name}")
    for note in taken.notes:
        say(note)
    say("Not known, and marked so in the card: the rows it saw, its scores, its licence.")


@zoo.command(
    "sync",
    help=f"""Fetch what PLACE has and this zoo lacks, then send what PLACE lacks. Nothing is replaced or removed.

    {PLACES}""",
    epilog=example("xstilts zoo sync /shared/adapters", "xstilts zoo sync hf://my-team/adapters --zoo my_zoo"),
)
@click.argument("place")
@ZOO
def zoo_sync(place: str, root: Path) -> None:
    from toolkit.zoo import Zoo
    from toolkit.zoo.readme import readme
    from toolkit.zoo.share.share import sync

    with bars() as report:
        pulled, pushed = sync(Zoo(root), place, readme=readme, report=report)
    _tell(pulled, "Pulled", f"from {place}")
    _tell(pushed, "Pushed", f"to {place}")
    if pushed.faults:
        raise ToolkitError("\n".join(dict.fromkeys(pushed.faults)))


def _tell(moved: Any, verb: str, where: str) -> None:
    for name in moved.sent:
        click.echo(f"{verb} {name} {where}")
    if not moved.sent:
        say(f"Nothing to move {where}: the same adapters are there already.")
