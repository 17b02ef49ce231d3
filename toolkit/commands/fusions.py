"""Into a fusion: what it attends to, with fewer members, as one adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.commands.options import example, resolve, settings
from toolkit.commands.screen import bars, say

LANGUAGES = click.option(
    "--languages", default="all", show_default=True, metavar="CODES", help="`all`, or codes with commas."
)
SCORED = click.option("--task", metavar="TASK", help="Task whose rows are scored. Default: the head's.")
RETRAIN = click.option("--retrain", is_flag=True, help="Replace an entry of the new name.")


@click.command(
    epilog=example(
        "xstilts attention 'fuse[mnli,squad]/udpos' --task udpos",
        "xstilts attention 'fuse[mnli,squad]/udpos' --task xnli --languages en,de,sw --set eval.limit=500",
    )
)
@click.argument("expr")
@click.option("--task", required=True, metavar="TASK", help="Task whose rows are read.")
@LANGUAGES
@settings
def attention(expr: str, task: str, languages: str, **options: Any) -> None:
    """Show how the fusion in EXPR divides its attention: by member, language, layer and class of token."""
    from toolkit.face import attention as run

    with bars() as report:
        result = run(expr, resolve(**options), task=task, languages=languages, report=report, say=say)
    click.echo(result.text)
    say(f"Written to {result.folder}/")


@click.command(
    epilog=example(
        "xstilts prune 'fuse[mnli,squad,csqa]/udpos' --keep 2",
        "xstilts fuse prune 'fuse[mnli,squad,csqa]/udpos' --keep 2 --languages en,de --set eval.limit=500",
    )
)
@click.argument("expr")
@click.option("--keep", required=True, type=int, metavar="N", help="Members that stay, at least 2.")
@SCORED
@LANGUAGES
@RETRAIN
@settings
def prune(expr: str, keep: int, task: str | None, languages: str, retrain: bool, **options: Any) -> None:
    """Drop the members of the fusion EXPR that get the least attention, one at a time; score against cost.

    Nothing is trained. What is left goes into the zoo under its own name. `xstilts fuse prune` is the same.
    """
    from toolkit.face import prune as run

    config = resolve(**options)
    with bars() as report:
        result = run(
            expr, config, keep=keep, task=task, languages=languages, replace_entry=retrain, report=report, say=say
        )
    click.echo(result.text)
    click.echo(f"{result.card.name}  {result.card.digest[:12]}")


@click.command(
    epilog=example(
        "xstilts collapse 'fuse[mnli,squad]/udpos'",
        "xstilts collapse 'fuse[mnli,squad]/udpos' --as udpos-small --text sentences.txt --set train.epochs=5",
    )
)
@click.argument("expr")
@click.option("--as", "new_name", metavar="NAME", help="Name of the new adapter. Default: HEAD-collapsed.")
@click.option(
    "--text",
    "text_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A sentence a line, in place of the task's training rows.",
)
@SCORED
@LANGUAGES
@RETRAIN
@settings
def collapse(
    expr: str,
    new_name: str | None,
    text_file: Path | None,
    task: str | None,
    languages: str,
    retrain: bool,
    **options: Any,
) -> None:
    """Distil EXPR into one ordinary adapter on rows whose labels are not read; score against cost."""
    from toolkit.face import collapse as run

    config = resolve(**options)
    with bars() as report:
        result = run(
            expr,
            config,
            name=new_name,
            task=task,
            text_file=text_file,
            languages=languages,
            replace_entry=retrain,
            report=report,
            say=say,
        )
    click.echo(result.text)
    click.echo(f"{result.card.name}  {result.card.digest[:12]}")


class Fuse(click.Command):
    """`fuse A B --target T`; `fuse prune EXPR` is `prune EXPR`."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args[:1] == [prune.name]:
            return prune.make_context(f"{info_name} {prune.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)
