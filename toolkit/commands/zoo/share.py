"""Commands of the zoo that move adapters: between places, and to and from the `adapters` library."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypedDict, Unpack

import click

import toolkit
from toolkit.commands.groups import FormerArgument, example
from toolkit.commands.options import FORCE, PATH, REPLACE, SHELF, ZOO
from toolkit.commands.screen import show, voice
from toolkit.commands.zoo.look import out_of
from toolkit.commands.zoo.look import zoo as group

PLACES = """A place is a folder, `hf://org/repo` (HF_TOKEN or `hf auth login` to write), or any URL of fsspec: `s3://`, `gs://`
    and `ssh://` need the package that fsspec names for them."""


class MoveOptions(TypedDict):
    """Options of `zoo push` and `zoo pull`."""

    replace: bool
    force: bool
    zoo: Path
    backbone: str | None


def _replace(options: MoveOptions) -> bool | Literal["any"]:
    if options["force"] and not options["replace"]:
        raise click.UsageError("--force replaces what others were trained on; give it with --replace.")
    return "any" if options["force"] else options["replace"]


@group.command(
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
@FORCE
@ZOO
@SHELF
def zoo_push(name: str, dest: str, no_parents: bool, **options: Unpack[MoveOptions]) -> None:
    config = toolkit.configure(zoo=options["zoo"])
    replace, backbone = _replace(options), options["backbone"]
    with voice() as speaking:
        found = toolkit.zoo_push(
            name, dest, config, parents=not no_parents, replace=replace, backbone=backbone, report=speaking.report
        )
    show(found)


@group.command(
    "pull",
    help=f"""Fetch adapter NAME and what it was trained on from SRC; without NAME everything there.

    Every file's SHA-256 is checked before anything is visible; an interrupted pull continues where it was. Without NAME what
    is sound arrives, what is not is named, and the exit code is 1. {PLACES}""",
    epilog=example(
        "xstilts zoo pull hf://my-team/adapters mnli/squad",
        "xstilts zoo pull /shared/adapters",
        "xstilts zoo pull s3://bucket/zoo mnli --backbone embedded",
        "xstilts zoo pull /shared/adapters --lock zoo.lock",
    ),
)
@click.argument("src")
@click.argument("name", required=False)
@click.option("--lock", type=PATH, metavar="FILE", help="Exactly what a lock pins, nothing else.")
@REPLACE
@FORCE
@ZOO
@SHELF
def zoo_pull(src: str, name: str | None, lock: Path | None, **options: Unpack[MoveOptions]) -> None:
    config = toolkit.configure(zoo=options["zoo"])
    replace, backbone = _replace(options), options["backbone"]
    with voice() as speaking:
        found = toolkit.zoo_pull(
            src, config, name=name, lock=lock, replace=replace, backbone=backbone, report=speaking.report
        )
    show(found)


@group.command(
    "sync",
    help=f"""Fetch what PLACE has and this zoo lacks, then send what PLACE lacks. Nothing is replaced or removed.

    What cannot be moved is named, the rest is done, and the exit code is 1.

    {PLACES}""",
    epilog=example("xstilts zoo sync /shared/adapters", "xstilts zoo sync hf://my-team/adapters --zoo my_zoo"),
)
@click.argument("place")
@ZOO
def zoo_sync(place: str, zoo: Path) -> None:
    with voice() as speaking:
        found = toolkit.zoo_sync(place, toolkit.configure(zoo=zoo), report=speaking.report)
    show(found)


@group.command(
    "lock", epilog=example("xstilts zoo lock mnli/squad", "xstilts zoo lock 'fuse[mnli,squad]/xquad' --out paper.lock")
)
@click.argument("expr")
@click.option(
    "--out", type=PATH, default=Path("zoo.lock"), show_default=True, metavar="PATH", help="The lock file to write."
)
@ZOO
@SHELF
def zoo_lock(expr: str, out: Path, zoo: Path, backbone: str | None) -> None:
    """Pin EXPR, and what it was trained on, to exact digests.

    Whoever holds the file pulls those weights (`zoo pull SRC --lock FILE`) and uses no others (`eval EXPR --lock FILE`).
    """
    show(toolkit.zoo_lock(expr, toolkit.configure(zoo=zoo), out=out, backbone=backbone))


@group.command(
    "readme", epilog=example("xstilts zoo readme mnli/squad", "xstilts zoo readme mnli --place hf://my-team/adapters")
)
@click.argument("name")
@click.option("--place", default="", metavar="PLACE", help="Where it can be pulled from, for the line that does so.")
@ZOO
@SHELF
def zoo_readme(name: str, place: str, zoo: Path, backbone: str | None) -> None:
    """Print an adapter's card as a README with the hub's model-card YAML; `zoo push` writes the same page."""
    show(toolkit.zoo_readme(name, toolkit.configure(zoo=zoo), place=place, backbone=backbone))


class ExportOptions(TypedDict):
    """Options of `zoo export`."""

    folder: Path | None
    out: Path | None
    format: Literal["adapterhub"]
    choices: int
    zoo: Path
    backbone: str | None


@group.command(
    "export",
    renamed={"--to": "--format"},
    epilog=example(
        "xstilts zoo export mnli/squad --out saved",
        "xstilts zoo export 'fuse[mnli,squad]/xquad' --out saved --format adapterhub",
    ),
)
@click.argument("name")
@click.argument("folder", required=False, type=PATH, cls=FormerArgument)
@click.option("--out", type=PATH, metavar="PATH", help="A new or empty folder.")
@click.option(
    "--format", type=click.Choice(["adapterhub"]), default="adapterhub", show_default=True, help="Whose format."
)
@click.option("--choices", default=2, show_default=True, metavar="N", help="Choices of a multiple-choice head.")
@ZOO
@SHELF
def zoo_export(name: str, **options: Unpack[ExportOptions]) -> None:
    """Write NAME as folders that the `adapters` library reads; the README with them has the lines that load them."""
    found = toolkit.zoo_export(
        name,
        toolkit.configure(zoo=options["zoo"]),
        out=out_of(options["out"], options["folder"]),
        format=options["format"],
        choices=options["choices"],
        backbone=options["backbone"],
    )
    show(found)


class ImportOptions(TypedDict):
    """Options of `zoo import`."""

    backbone: str
    new_name: str | None
    same_as: str
    labels: str
    replace: bool
    force: bool
    zoo: Path


@group.command(
    "import",
    epilog=example(
        "xstilts zoo import saved/mnli --backbone xlm-roberta-base",
        "xstilts zoo import hf://AdapterHub/xlm-roberta-base-sw-wiki_pfeiffer --backbone xlm-roberta-base",
        "xstilts zoo import saved --as 'fuse[mnli,squad]/xquad' --backbone xlm-roberta-large",
        "xstilts zoo import saved/nli --as mnli --labels entailment,neutral,contradiction --backbone xlm-roberta-large",
    ),
)
@click.argument("src")
@click.option(
    "--backbone", envvar="XSTILTS_BACKBONE", required=True, metavar="NAME", help="The encoder it was made for."
)
@click.option("--as", "new_name", metavar="NAME", help="What it is called here, or how its parts are composed.")
@click.option(
    "--same-as", default="", metavar="NAME", help="The folder's own name for that encoder, where it is another."
)
@click.option(
    "--labels",
    default="",
    metavar="A,B,...",
    help="Order of the head's classes; their names, where the folder has only LABEL_0.",
)
@REPLACE
@FORCE
@ZOO
def zoo_import(src: str, **options: Unpack[ImportOptions]) -> None:
    """Take what the `adapters` library saved in SRC: adapters, a fusion, their head.

    SRC is a folder, or `hf://org/name` of the hub, with `@revision` for another than the newest; the card names the commit. A language
    adapter (MAD-X) is called `text.sw` here.

    Every tensor is compared with what the circuit expects before anything is stored; a pickle is read as tensors only. PEFT and other
    kinds of adapters are refused.
    """
    found = toolkit.zoo_import(
        src,
        toolkit.configure(zoo=options["zoo"], backbone=options["backbone"]),
        name=options["new_name"],
        same_as=options["same_as"],
        labels=[label.strip() for label in options["labels"].split(",") if label.strip()],
        replace=options["replace"],
        force=options["force"],
    )
    show(found)
