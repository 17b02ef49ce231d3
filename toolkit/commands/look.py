"""Commands that look round: backbones, doctor, the demonstration, the records of runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Unpack

import click
from click.core import ParameterSource

import toolkit
from toolkit.commands.groups import Command, Commands, example
from toolkit.commands.options import PATH, Settings, resolve, settings
from toolkit.commands.screen import echo, show, telling
from toolkit.errors import ToolkitError


@click.group(
    cls=Commands,
    default="list",
    bare="list",
    epilog=example("xstilts backbones", "xstilts backbones pin xlm-roberta-large", "xstilts backbones verify embedded"),
)
def backbones() -> None:
    """List backbones, pin their commits, check their files."""


@backbones.command("list", epilog=example("xstilts backbones"))
def backbones_list() -> None:
    """List the backbones and whether each can be loaded here without a network."""
    show(toolkit.backbones())


@backbones.command("pin", epilog=example("xstilts backbones pin xlm-roberta-large", "xstilts backbones pin ORG/MODEL"))
@click.argument("models", nargs=-1, required=True, metavar="NAMES...")
@click.option("--out", type=PATH, metavar="PATH", help="File of pins. Default: XSTILTS_PINS, else configs/pins.yaml.")
def backbones_pin(models: tuple[str, ...], out: Path | None) -> None:
    """Write down the commit of models of the hub; from then on no other is loaded in this folder unless a setting asks.

    The commit is that of what is on this machine, else the hub's newest. Without a pin what is here is used, too, and a
    sentence says that the hub has other weights by now; with one the hub is not asked.
    """
    show(toolkit.backbones_pin(models, out=out))


@backbones.command(
    "verify", epilog=example("xstilts backbones verify xlm-roberta-large", "xstilts backbones verify DIR")
)
@click.argument("backbone", metavar="NAME")
def backbones_verify(backbone: str) -> None:
    """Read all weights of NAME, and compare them with the digest that was noted and the hub's checksums.

    Other commands take the noted digest for as long as the files have the same size, times and inode.
    """
    show(toolkit.backbones_verify(backbone))


@click.group(cls=Commands, epilog=example("xstilts track sync"))
def track() -> None:
    """Look after the records of runs."""


@track.command(
    "sync",
    epilog=example("MLFLOW_TRACKING_URI=http://server:5000 xstilts track sync", "xstilts track sync --folder demo"),
)
@click.option(
    "--folder", type=PATH, default=Path("."), show_default=True, metavar="DIR", help="Folder that holds xstilts-spool/."
)
def track_sync(folder: Path) -> None:
    """Upload the runs in the spool: those of killed commands, and those of a tracking server that was away."""
    show(toolkit.track_sync(folder))


def _given_for_the_page() -> str:
    """Return the first word of the command line that says nothing about MLflow's page."""
    ctx = click.get_current_context()
    for each in ctx.command.params:
        is_given = ctx.get_parameter_source(each.name or "") is ParameterSource.COMMANDLINE
        if is_given and each.name not in ("port", "host", "folder", "is_tried"):
            value = ctx.params.get(each.name or "")
            return f"'{value[0]}'" if isinstance(each, click.Argument) and value else each.opts[0]
    return ""


class UiOptions(Settings):
    """Options of `ui`."""

    port: int | None
    host: str
    folder: Path | None
    models: int | None


@click.command(
    epilog=example(
        "xstilts ui",
        "xstilts ui --folder demo --port 5001",
        "xstilts ui --try --zoo demo/adapter_zoo --backbone embedded",
        "xstilts ui --try mnli 'fuse[mnli,squad]/mnli' --backbone embedded",
    )
)
@click.argument("exprs", nargs=-1, metavar="[EXPR]...")
@click.option(
    "--try",
    "is_tried",
    is_flag=True,
    help="Open a page on which compositions answer texts of your own (docs/use.md).",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port on this machine; 0, with --try: one that is free. Default: 5000, with --try 8080.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="NAME",
    help="Address to listen on. Other than 127.0.0.1: other machines reach the page, without a password.",
)
@click.option("--folder", type=PATH, metavar="DIR", help="Folder that holds mlflow.db. Default: this one.")
@click.option(
    "--models",
    type=click.IntRange(1, 64),
    metavar="N",
    help="With --try, models that are open at once, each with a backbone of its own (XLM-R Large: 2.2 GB). Default: 4.",
)
@settings
def ui(exprs: tuple[str, ...], is_tried: bool, **options: Unpack[UiOptions]) -> None:
    """Open the MLflow UI on the runs of a folder (or of MLFLOW_TRACKING_URI), or a page to try compositions.

    Prints an address for each experiment, the one used last first. It opens the list of runs in a view that shows their
    scores as columns, grouped by composition, with charts; the view is saved with the experiment.

    With --try: a local page on which you write a row and compare the answers of several compositions, with the attention
    over the members of a fusion. EXPR are chosen at first. It needs `pip install 'xstilts[page]'`.
    """
    port, host, folder, models = options["port"], options["host"], options["folder"], options["models"]
    if is_tried:
        if folder is not None:
            raise ToolkitError("--folder names the runs that `xstilts ui` shows; with --try name the --zoo.")
        with telling() as tell:
            done = toolkit.try_page(
                exprs,
                resolve(options),
                host=host,
                port=8080 if port is None else port,
                models=models or 4,
                say=echo,
                report=tell["report"],
            )
        show(done)
        sys.exit(0)
    if port == 0:
        raise ToolkitError("MLflow's page needs a port from 1 to 65535; --port 0 is for `xstilts ui --try`.")
    if given := _given_for_the_page():
        raise ToolkitError(f"{given} is for the page on which compositions answer: `xstilts ui --try`.")
    from toolkit.recipes.look.ui import open_ui

    sys.exit(open_ui(folder or Path(), host=host, port=port or 5000, tell=echo))


@click.command(epilog=example("xstilts doctor", "xstilts doctor --data-root MIRROR"))
@settings
def doctor(**options: Unpack[Settings]) -> None:
    """Say what is installed and which backbones and data can be reached, with the fix for what cannot."""
    show(toolkit.doctor(resolve(options)))


@click.command(
    cls=Command, renamed={"--folder": "--out"}, epilog=example("xstilts demo", "xstilts demo --out /tmp/demo")
)
@click.option(
    "--out",
    type=PATH,
    default=Path("demo"),
    show_default=True,
    metavar="PATH",
    help="Folder for the demo's zoo, runs and MLflow store.",
)
@click.option("--backbone", default="embedded", show_default=True, metavar="NAME", help="Encoder.")
def demo(out: Path, backbone: str) -> None:
    """Train, stack, fuse, evaluate and retrieve on the embedded backbone and the micro-world, offline, in minutes."""
    with telling() as tell:
        found = toolkit.demo(out=out, backbone=backbone, **tell)
    show(found)
