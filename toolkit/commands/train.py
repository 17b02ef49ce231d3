"""Commands that learn: `train`, `fuse` and `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

import click

import toolkit
from toolkit.commands.fusion import prune
from toolkit.commands.groups import Command, example
from toolkit.commands.options import (
    AS_NAME,
    BY,
    FORCE,
    LOCK,
    REQUEUE,
    Settings,
    resolve,
    settings,
)
from toolkit.commands.screen import echo, is_main_process, telling
from toolkit.commands.transfer import SWEEP, VARIANT

if TYPE_CHECKING:
    from toolkit.face.learn import Trained

TOTAL = click.option(
    "--total-examples",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train each stage on N rows in all, drawn from its tasks together: one source and many at equal cost.",
)
RETRAIN = click.option(
    "--retrain",
    type=click.Choice(["last", "all"]),
    metavar="[=all]",
    help="Train the last stage again although the zoo holds it, and replace it; `--retrain=all`: every stage.",
)
ALONE = {"--retrain": "last"}


class TrainOptions(Settings):
    """Options of `train`."""

    new_name: str | None
    retrain: Literal["last", "all"] | None
    force: bool
    total_examples: int | None
    lock: Path | None


@click.command(
    cls=Command,
    alone=ALONE,
    epilog=example(
        "xstilts train mnli",
        "xstilts train mnli/squad --backbone embedded --set train.limit=2000",
        "xstilts train mnli --seed 1 --as mnli-seed1",
        "xstilts train 'seq[mnli,squad]' --config train/adapter",
        "xstilts train 'mix[udpos.en,udpos.de]'",
        "xstilts train 'mix[tydiqa.en,tydiqa.sw,tydiqa.ko]' --total-examples 600 --set train.mixture=equal",
    ),
)
@click.argument("expr")
@AS_NAME
@RETRAIN
@FORCE
@TOTAL
@LOCK
@REQUEUE
@settings
def train(expr: str, **options: Unpack[TrainOptions]) -> None:
    """Train what EXPR lacks, stage by stage, each into the zoo.

    Where the zoo holds EXPR with other settings, the command says which and stops: --as trains another entry, --retrain replaces.
    A killed run continues from its last checkpoint when the same command is given again.
    """
    config = resolve(options, train__total_examples=options["total_examples"])
    with telling() as tell:
        made = toolkit.train(expr, config, **_asked(options), lock=options["lock"], **tell)
    _show(made)


class Fuse(Command):
    """`fuse A B --target T`; `fuse prune EXPR` is `prune EXPR`."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of `prune` where that is meant."""
        if args[:1] == [prune.name]:
            return prune.make_context(f"{info_name} {prune.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


class FuseOptions(TrainOptions):
    """Options of `fuse`."""

    target: str
    suggest: int | None
    sweep: Path | None
    variant: str | None
    by: str
    no_adapter: bool


@click.command(
    cls=Fuse,
    alone=ALONE,
    epilog=example(
        "xstilts fuse mnli squad --target xquad",
        "xstilts fuse mnli squad csqa --target udpos --backbone embedded --data-root MIRROR",
        "xstilts fuse mnli squad --target xquad --no-adapter",
        "xstilts fuse --suggest 3 --target xquad --backbone embedded --data-root MIRROR",
        "xstilts fuse prune 'fuse[mnli,squad,csqa]/udpos' --keep 2",
    ),
)
@click.argument("members", nargs=-1)
@click.option("--target", required=True, metavar="TASK", help="Task that the fusion is trained for.")
@click.option(
    "--suggest",
    type=int,
    metavar="N",
    help="Propose N members (of MEMBERS, else of the sweep or the zoo), say why, and train nothing.",
)
@SWEEP
@VARIANT
@BY
@click.option(
    "--no-adapter", is_flag=True, help="Learn the fusion and a head only (`fuse[...]@TASK`), no adapter on top."
)
@AS_NAME
@RETRAIN
@FORCE
@TOTAL
@LOCK
@REQUEUE
@settings
def fuse(members: tuple[str, ...], **options: Unpack[FuseOptions]) -> None:
    """Fuse the adapters MEMBERS and train a target on top: `fuse[A,B,...]/TARGET`.

    With --suggest only say which members should help TARGET most, as `xstilts rank` ranks them.
    """
    if options["suggest"] is not None:
        _suggest(members, options["suggest"], options)
        return
    if options["sweep"] is not None or options["variant"] is not None or options["by"] != "all":
        raise click.UsageError("--by, --sweep and --variant belong to --suggest N.")
    if not members:
        raise click.UsageError("Missing argument 'MEMBERS...'; `--suggest N` proposes them.")
    config = resolve(options, train__total_examples=options["total_examples"])
    with telling() as tell:
        made = toolkit.fuse(
            members,
            options["target"],
            config,
            has_adapter=not options["no_adapter"],
            **_asked(options),
            lock=options["lock"],
            **tell,
        )
    _show(made)


def _suggest(members: tuple[str, ...], n: int, options: FuseOptions) -> None:
    config = resolve(options)
    with telling() as tell:
        found = toolkit.suggest(
            n,
            options["target"],
            config,
            candidates=members,
            sweep=options["sweep"],
            variant=options["variant"],
            by=options["by"],
            **tell,
        )
    echo(found.text)


class Asked(TypedDict):
    """How `toolkit.train` is asked to train."""

    name: str | None
    retrain: bool | Literal["last", "all"]
    force: bool


def _asked(options: TrainOptions) -> Asked:
    return {"name": options["new_name"], "retrain": options["retrain"] or False, "force": options["force"]}


def _show(made: Trained) -> None:
    if made.cards and is_main_process():
        echo(made.text)


class PlanOptions(Settings):
    """Options of `plan`."""

    new_name: str | None
    retrain: Literal["last", "all"] | None


@click.command(
    cls=Command,
    alone=ALONE,
    epilog=example(
        "xstilts plan 'fuse[mnli,squad]/xquad'",
        "xstilts plan mnli/squad --seed 1 --as squad-seed1",
        "xstilts plan 'seq[mnli,squad]/udpos' --json",
        "xstilts plan 'fuse[mnli,squad]/xquad' --memory --set train.recompute=true",
    ),
)
@click.argument("expr")
@AS_NAME
@RETRAIN
@click.option("--json", "as_json", is_flag=True, help="One JSON object per stage.")
@click.option("--memory", is_flag=True, help="Predict the peak memory of each stage, and of the evaluation after them.")
@click.option(
    "--row-tokens",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --memory: tokens of a training row of mean length. Default: what is usual for the kind of task.",
)
@settings
def plan(expr: str, as_json: bool, memory: bool, row_tokens: int | None, **options: Unpack[PlanOptions]) -> None:
    """Print the stages that EXPR still lacks, given what the zoo holds, and how that was trained; train nothing.

    Settings of a held entry that are others in this command are marked.
    """
    if row_tokens is not None and not memory:
        raise click.UsageError("--row-tokens goes with --memory.")
    config = resolve(options)
    found = toolkit.plan(
        expr,
        config,
        name=options["new_name"],
        retrain=options["retrain"] or False,
        memory=memory,
        row_tokens=row_tokens,
    )
    for line in found.json_lines if as_json else [found.text]:
        echo(line)
