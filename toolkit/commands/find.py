"""Finding in the zoo, comparing and clearing it: list, log, diff, site, gc."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from toolkit.commands.options import example
from toolkit.commands.screen import print_table, say
from toolkit.commands.share import zoo  # the group, with push, pull and their like in it already
from toolkit.commands.zoo import SHELF, ZOO, card_of


@zoo.command(
    "list",
    epilog=example(
        "xstilts zoo list",
        "xstilts zoo list --task xnli --better-than 55 --sort score",
        "xstilts zoo list --backbone embedded --language de",
    ),
)
@click.option("--task", metavar="TASK", help="Only those that learnt it.")
@click.option("--language", metavar="CODE", help="Only those trained on or scored in it.")
@click.option("--better-than", metavar="[TASK=]PERCENT", help="Only those with a score above it, e.g. 60 or xnli=60.")
@click.option("--sort", type=click.Choice(["name", "score", "size", "created"]), default="name", show_default=True)
@ZOO
@SHELF
def zoo_list(
    task: str | None, language: str | None, better_than: str | None, sort: str, root: Path, backbone: str | None
) -> None:
    """Print adapters with their backbone, size, dev scores and digest."""
    from toolkit.zoo import Zoo
    from toolkit.zoo.find import choose, size

    damaged: list[str] = []
    held = Zoo(root).list(backbone, damaged=damaged)
    rows = []
    for card in choose(held, task=task, language=language, better_than=better_than, sort=sort):
        scores = ", ".join(f"{s.task} {s.metric} {100 * s.value:.1f}" for s in card.scores)
        rows.append((card.name, card.backbone.name, f"{size(card) / 1e6:.1f} MB", scores, card.digest[:12]))
    if rows:
        print_table(("adapter", "backbone", "size", "dev", "digest"), rows)
    elif held:
        click.echo(f"None of the {len(held)} adapters in {root} fits.")
    else:
        click.echo(f"The zoo {root} holds no adapters" + (f" for {backbone}." if backbone else "."))
    for sentence in damaged:
        say(f"Damaged: {sentence}")


@zoo.command("log", epilog=example("xstilts zoo log mnli/squad", "xstilts zoo log mnli --backbone embedded"))
@click.argument("name")
@ZOO
@SHELF
def zoo_log(name: str, root: Path, backbone: str | None) -> None:
    """Print how an adapter came to be: when, from which rows, on top of what."""
    from toolkit.zoo import Zoo
    from toolkit.zoo.find import history

    for line in history(Zoo(root), card_of(root, name, backbone)):
        click.echo(line)


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
def zoo_diff(first: str, second: str, at: str | None, root: Path, backbone: str | None) -> None:
    """Compare two adapters: recipe, data, scores, and their weights layer by layer.

    Relative difference: 2 |a - b| / (|a| + |b|), 0 for equal weights.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.diff import diff

    with _zoo_at(at, second, backbone) as other:
        mine, theirs = card_of(root, first, backbone), card_of(other or root, second, backbone)
        found = diff((Zoo(root), mine), (Zoo(other or root), theirs))
    if mine.digest == theirs.digest:
        click.echo(f"The same weights: {mine.digest[:12]}")
    heads = (f"{mine.name}", f"{theirs.name}" + (f" at {at}" if at else ""))
    for title, rows in (("made", found.made), ("data seen", found.data)):
        if rows:
            print_table((title, *heads), rows)
            click.echo()
    if found.scores:
        shown = [
            (" ".join(key), *("-" if one is None else f"{100 * one:.2f}" for one in (a, b)), _change(a, b))
            for key, a, b in found.scores
        ]
        print_table(("score", *heads, "change"), shown)
        click.echo()
    if found.weights:
        weights = [
            (
                one.part,
                "" if one.layer is None else str(one.layer),
                f"{one.relative:.4f}",
                f"{one.cosine:.4f}",
                *(f"{norm:.3f}" for norm in one.norms),
            )
            for one in found.weights
        ]
        norms = ("first", "second") if heads[0] == heads[1] else heads
        print_table(
            ("weights", "layer", "relative difference", "cosine", *(f"norm of {one}" for one in norms)), weights
        )
    for note in found.notes:
        click.echo(note)


def _change(a: float | None, b: float | None) -> str:
    return "" if a is None or b is None else f"{100 * (b - a):+.2f}"


@contextmanager
def _zoo_at(place: str | None, name: str, backbone: str | None) -> Iterator[Any]:
    """Yield a folder that holds `name` as a place has it: the place itself, or what is fetched from it for the moment."""
    from tempfile import TemporaryDirectory

    from toolkit.zoo import Zoo
    from toolkit.zoo.share.share import pull

    if place is None or Path(place).is_dir():
        yield Path(place) if place else None
        return
    with TemporaryDirectory() as folder:
        pull(Zoo(folder), place, name, backbone=backbone)
        yield Path(folder)


@zoo.command("site", epilog=example("xstilts zoo site gallery", "xstilts zoo site public --zoo /shared/adapters"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@ZOO
def zoo_site(folder: Path, root: Path) -> None:
    """Write a gallery into DIR: one page with cards, lineage and scores.

    It opens from the disk or from any web server, and fetches nothing.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.site import write_site

    page, number, damaged = write_site(Zoo(root), folder)
    click.echo(str(page))
    say(f"{number} adapters; open it in a browser.")
    for sentence in damaged:
        say(f"Damaged: {sentence}")


@zoo.command("gc", epilog=example("xstilts zoo gc", "xstilts zoo gc --lock paper.lock --yes"))
@click.option(
    "--lock",
    "locks",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep what it names. Repeatable; *.lock in this folder and in the zoo's are always read.",
)
@click.option("--yes", is_flag=True, help="Remove them; without it they are only listed.")
@ZOO
def zoo_gc(locks: tuple[Path, ...], yes: bool, root: Path) -> None:
    """List what no lock, card or fusion names, and what interrupted pulls left; remove it with --yes.

    An adapter that was removed may leave others unneeded: these are listed the next time.
    """
    from toolkit.zoo import Zoo
    from toolkit.zoo.find import clear, leftovers, size, unneeded
    from toolkit.zoo.lock import read_lock

    held = Zoo(root)
    files = dict.fromkeys(path for path in (*locks, *sorted(Path().glob("*.lock")), *sorted(root.glob("*.lock"))))
    files = {path: None for path in files if path.name != ".lock"}
    cards, folders = unneeded(held, [read_lock(path) for path in files]), leftovers(held)
    for path in files:
        say(f"Kept, as {path} names it: everything it pins")
    for card in cards:
        click.echo(f"{card.name}  {card.backbone.name}  {size(card) / 1e6:.1f} MB  {card.digest[:12]}")
    for folder in folders:
        click.echo(f"{folder}  left by an interrupted pull")
    if not cards and not folders:
        say("Nothing to remove.")
    elif yes:
        clear(held, cards, folders)
        say(f"Removed {len(cards)} adapters and {len(folders)} leftovers.")
    else:
        say("Nothing was removed; --yes removes these. Lock what you want to keep (`xstilts zoo lock EXPR`).")
