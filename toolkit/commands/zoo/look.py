"""The group `zoo`, and its commands that look at, check and clear it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import toolkit
from toolkit.commands.groups import Commands, FormerArgument, example
from toolkit.commands.options import PATH, SHELF, ZOO
from toolkit.commands.screen import echo, show
from toolkit.errors import PartlyDone
from toolkit.face.shared import Listing

if TYPE_CHECKING:
    from toolkit.face.zoo import Sort


@click.group(
    cls=Commands,
    epilog=example("xstilts zoo list", "xstilts zoo show mnli/squad --backbone embedded", "xstilts zoo verify"),
)
def zoo() -> None:
    """Look at, check, clear and share the folder of trained adapters."""


@zoo.command(
    "list",
    epilog=example(
        "xstilts zoo list",
        "xstilts zoo list --task xnli --better-than 55 --sort score",
        "xstilts zoo list --backbone embedded --language de",
    ),
)
@click.option("--task", metavar="TASK", help="Only those that learnt it or were scored on it.")
@click.option("--language", metavar="CODE", help="Only those trained on or scored in it; scores in it.")
@click.option(
    "--better-than",
    metavar="[TASK=]PERCENT",
    help="Only those above it, zero-shot on TASK if they were evaluated, else on dev rows: 60 or xnli=60.",
)
@click.option("--sort", type=click.Choice(["name", "score", "size", "created"]), default="name", show_default=True)
@ZOO
@SHELF
def zoo_list(
    task: str | None, language: str | None, better_than: str | None, sort: Sort, zoo: Path, backbone: str | None
) -> None:
    """Print adapters with their backbone, size, dev scores, evaluations and digest.

    Scores of `eval` and `retrieve` are kept next to the adapter that reached them. The column zero-shot has their mean over
    the languages that the task is not trained in; scores of weights that were replaced are left out.
    """
    config = toolkit.configure(zoo=zoo)
    found = toolkit.zoo_list(
        config, task=task, language=language, better_than=better_than, sort=sort, backbone=backbone
    )
    show(found)


@zoo.command("show", epilog=example("xstilts zoo show mnli/squad", "xstilts zoo show mnli --backbone embedded"))
@click.argument("name")
@ZOO
@SHELF
def zoo_show(name: str, zoo: Path, backbone: str | None) -> None:
    """Print an adapter's card: recipe, parents, data seen, scores, files."""
    echo(toolkit.zoo_show(name, toolkit.configure(zoo=zoo), backbone=backbone).text)


@zoo.command("log", epilog=example("xstilts zoo log mnli/squad", "xstilts zoo log mnli --backbone embedded"))
@click.argument("name")
@ZOO
@SHELF
def zoo_log(name: str, zoo: Path, backbone: str | None) -> None:
    """Print how an adapter came to be: when, from which rows, on top of what."""
    show(toolkit.zoo_log(name, toolkit.configure(zoo=zoo), backbone=backbone))


@zoo.command(
    "diff",
    epilog=example(
        "xstilts zoo diff mnli mnli/squad",
        "xstilts zoo diff mnli mnli --at /shared/adapters",
        "xstilts zoo diff squad squad --at hf://my-team/adapters",
    ),
)
@click.argument("first")
@click.argument("second")
@click.option(
    "--at", metavar="PLACE", help="Where SECOND is: another zoo's folder, hf://org/repo or a URL. Default: here."
)
@ZOO
@SHELF
def zoo_diff(first: str, second: str, at: str | None, zoo: Path, backbone: str | None) -> None:
    """Compare two adapters: recipe, data, scores, and their weights layer by layer.

    Relative difference: 2 |a - b| / (|a| + |b|), 0 for equal weights.
    """
    echo(toolkit.zoo_diff(first, second, toolkit.configure(zoo=zoo), at=at, backbone=backbone).text)


@zoo.command("verify", epilog=example("xstilts zoo verify", "xstilts zoo verify mnli"))
@click.argument("name", required=False)
@ZOO
@SHELF
def zoo_verify(name: str | None, zoo: Path, backbone: str | None) -> None:
    """Check every file and every parent of one adapter, or of all, against the card.

    Of all, those that are sound are listed, the faults of the others printed, and the exit code is 1.
    """
    try:
        found = toolkit.zoo_verify(name, toolkit.configure(zoo=zoo), backbone=backbone)
    except PartlyDone as error:
        if not isinstance(error.done, Listing):
            raise
        found = error.done
    show(found)


@zoo.command("remove", epilog=example("xstilts zoo remove mnli/squad", "xstilts zoo remove mnli --force"))
@click.argument("name")
@click.option("--force", is_flag=True, help="Although another adapter was trained on top of it.")
@ZOO
@SHELF
def zoo_remove(name: str, force: bool, zoo: Path, backbone: str | None) -> None:
    """Remove an adapter; refused while another names it as a parent."""
    show(toolkit.zoo_remove(name, toolkit.configure(zoo=zoo), backbone=backbone, force=force))


@zoo.command(
    "gc", epilog=example("xstilts zoo gc --lock paper.lock --yes", "xstilts zoo gc --place s3://bucket/zoo --yes")
)
@click.option(
    "--lock",
    "locks",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Keep what it names. Repeatable; *.lock in this folder and in the zoo's are always read.",
)
@click.option("--place", metavar="PLACE", help="Look also at this URL for what pushes left that were killed.")
@click.option("--yes", is_flag=True, help="Remove them; without it they are only listed.")
@ZOO
def zoo_gc(locks: tuple[Path, ...], place: str | None, yes: bool, zoo: Path) -> None:
    """List what no lock, card or fusion names, and what killed processes left; remove it with --yes.

    An adapter that was removed may leave others unneeded: these are listed the next time. What an adapter that cannot be
    read may have been trained on is kept, and the exit code is 1.
    """
    show(toolkit.zoo_gc(toolkit.configure(zoo=zoo), locks=locks, remove=yes, place=place))


@zoo.command(
    "site", epilog=example("xstilts zoo site --out gallery", "xstilts zoo site --out public --zoo /shared/adapters")
)
@click.argument("folder", required=False, type=PATH, cls=FormerArgument)
@click.option("--out", type=PATH, metavar="PATH", help="Folder of the page.")
@ZOO
def zoo_site(folder: Path | None, out: Path | None, zoo: Path) -> None:
    """Write a gallery: cards, lineage and scores, on one page for up to 200 adapters.

    A larger zoo gets more pages, and one that lists all adapters by name. It opens from the disk or from any web server, and fetches nothing.
    """
    show(toolkit.zoo_site(toolkit.configure(zoo=zoo), out=out_of(out, folder)))


def out_of(out: Path | None, former: Path | None) -> Path:
    """Return where output goes: `--out`, or the argument that an earlier release had in its place."""
    path = out or former
    if path is None:
        raise click.UsageError("Missing option '--out'.")
    return path
