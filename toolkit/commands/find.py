"""Finding in the zoo and clearing it: list, log, gc."""

from __future__ import annotations

from pathlib import Path

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
        scores = ", ".join(f"{s['task']} {s['metric']} {100 * s['value']:.1f}" for s in card.scores)
        rows.append((card.name, card.backbone["name"], f"{size(card) / 1e6:.1f} MB", scores, card.digest[:12]))
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
        click.echo(f"{card.name}  {card.backbone['name']}  {size(card) / 1e6:.1f} MB  {card.digest[:12]}")
    for folder in folders:
        click.echo(f"{folder}  left by an interrupted pull")
    if not cards and not folders:
        say("Nothing to remove.")
    elif yes:
        clear(held, cards, folders)
        say(f"Removed {len(cards)} adapters and {len(folders)} leftovers.")
    else:
        say("Nothing was removed; --yes removes these. Lock what you want to keep (`xstilts zoo lock EXPR`).")
