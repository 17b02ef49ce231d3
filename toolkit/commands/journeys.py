"""The journeys that learn and score: train, fuse, plan, eval, compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from toolkit.commands.fusions import Fuse
from toolkit.commands.options import LOCK, RESAMPLES, example, resolve, settings, with_sets
from toolkit.commands.predict import BY, SWEEP, VARIANT
from toolkit.commands.screen import bars, is_main_process, say
from toolkit.errors import ToolkitError

TOTAL = click.option(
    "--total-examples",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train each stage on N rows in all, drawn from its tasks together: one source and many at equal cost.",
)


@click.command(
    epilog=example(
        "xstilts train mnli",
        "xstilts train mnli/squad --backbone embedded --set train.limit=2000",
        "xstilts train 'seq[mnli,squad]' --config configs/train/adapter.yaml",
        "xstilts train 'mix[udpos.en,udpos.de]'",
        "xstilts train 'mix[tydiqa.en,tydiqa.sw,tydiqa.ko]' --total-examples 600 --set train.mixture=equal",
    )
)
@click.argument("expr")
@click.option("--retrain", is_flag=True, help="Train every stage again although the zoo holds it.")
@TOTAL
@LOCK
@settings
def train(expr: str, retrain: bool, total_examples: int | None, lock: Path | None, **options: Any) -> None:
    """Train what EXPR lacks, stage by stage, each into the zoo.

    A killed run goes on from its last checkpoint when the same command is given again.
    """
    _train(expr, resolve(**with_sets(options, "train", total_examples=total_examples)), retrain, lock)


@click.command(
    cls=Fuse,
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
@click.option("--retrain", is_flag=True, help="Train every stage again although the zoo holds it.")
@TOTAL
@settings
def fuse(
    members: tuple[str, ...],
    target: str,
    suggest: int | None,
    sweep: Path | None,
    variant: str | None,
    by: str,
    no_adapter: bool,
    retrain: bool,
    total_examples: int | None,
    **options: Any,
) -> None:
    """Fuse the adapters MEMBERS and train a target on top: `fuse[A,B,...]/TARGET`.

    With --suggest only say which members should help TARGET most, as `xstilts predict` ranks them.
    """
    if suggest is not None:
        from toolkit.recipes.transfer.suggest import suggest as propose

        config = resolve(**options)
        with bars() as report:
            found = propose(
                suggest,
                target,
                config,
                candidates=members,
                sweep=sweep,
                variant=variant,
                by=by,
                report=report,
                say=say,
            )
        click.echo(found.text)
        return
    if sweep is not None or variant is not None:
        raise click.UsageError("--sweep and --variant belong to --suggest N.")
    if not members:
        raise click.UsageError("Missing argument 'MEMBERS...'; or `--suggest N` to be told which.")
    _train(
        f"fuse[{','.join(members)}]{'@' if no_adapter else '/'}{target}",
        resolve(**with_sets(options, "train", total_examples=total_examples)),
        retrain,
    )


def _train(expr: str, config: Any, retrain: bool, lock: Path | None = None) -> None:
    from toolkit.recipes.train.train import train as run

    with bars() as report:
        cards = run(expr, config, retrain=retrain, lock=lock, report=report, say=say)
    for card in cards if is_main_process() else ():
        click.echo(
            f"{card.name}  {card.digest[:12]}  "
            + "  ".join(f"{s.task} dev {s.metric} {100 * s.value:.1f}" for s in card.scores)
        )


@click.command(epilog=example("xstilts plan 'fuse[mnli,squad]/xquad'", "xstilts plan 'seq[mnli,squad]/udpos' --json"))
@click.argument("expr")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per stage.")
@settings
def plan(expr: str, as_json: bool, **options: Any) -> None:
    """Print the stages that EXPR still lacks, given what the zoo holds. Trains nothing."""
    from toolkit.composition import parse
    from toolkit.composition.stages import describe
    from toolkit.composition.stages import plan as stages_of
    from toolkit.tasks.catalogue.trains_on import training_rows
    from toolkit.zoo import Zoo, shelf_name

    config = resolve(**options)
    held = Zoo(config.zoo)
    shelf = shelf_name(config.backbone.name, config.adapter.kind)
    learn_all = config.train.learn == "all"
    stages = stages_of(parse(expr), holds=lambda entry: held.holds(entry, shelf), learn_all=learn_all)
    rows = {ref: training_rows(ref) for stage in stages for ref in stage.tasks}
    if not as_json:
        click.echo(describe(stages, rows=rows.__getitem__, backbone_learns=config.adapter.kind == "full"))
    for stage in stages if as_json else ():
        learn = [f"{part.kind} {part.name}" for part in stage.learn]
        tasks = [str(task) for task in stage.tasks]
        found = {
            "entry": stage.entry,
            "tasks": tasks,
            "learn": learn,
            "parents": list(stage.parents),
            "warm_start": stage.warm_start,
        }
        click.echo(json.dumps(found))


@click.command(
    "eval",
    epilog=example(
        "xstilts eval mnli --task xnli --languages all",
        "xstilts eval 'fuse[mnli,squad]/xquad' --task xquad --languages en,de,zh",
        "xstilts eval mnli/squad --task xquad --lock zoo.lock",
        "xstilts eval backbone@mnli --task xnli --set eval.limit=500",
        "xstilts eval 'fuse[mnli,squad]/TARGET' --suite xtreme --dry-run",
        "xstilts eval mnli/TARGET --suite xtreme --with bucc=squad",
    ),
)
@click.argument("expr")
@click.option("--task", metavar="TASK", help="Task whose rows are scored.")
@click.option(
    "--suite",
    metavar="NAME",
    help="Every task of `xtreme`, `xtreme-r` or `micro`, and the average. TARGET in EXPR: each task's own adapter.",
)
@click.option(
    "--with",
    "instead",
    multiple=True,
    metavar="TASK=EXPR",
    help="With --suite: what to score on one of its tasks. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="With --suite: say what would score each task and what is missing.")
@click.option(
    "--languages",
    default="all",
    show_default=True,
    metavar="CODES",
    help="`all`, `pairs`, or codes with commas; `de.en`: context.question.",
)
@LOCK
@settings
def evaluate(
    expr: str,
    task: str | None,
    suite: str | None,
    instead: tuple[str, ...],
    dry_run: bool,
    languages: str,
    lock: Path | None,
    **options: Any,
) -> None:
    """Score EXPR on a task, zero-shot in every language: table, CSV, JSON, heat map, MLflow run.

    With --suite instead of --task: on every task of a benchmark, with the task means and the average.
    """
    if (task is None) == (suite is None):
        raise ToolkitError("Name what is scored: either --task TASK or --suite NAME.")
    config = resolve(**options)
    if task is None:
        assert suite is not None
        if languages != "all" or lock is not None:
            raise ToolkitError(
                "A suite has languages of its own and several compositions; leave --languages and --lock out."
            )
        _suite(expr, config, suite, instead, dry_run)
        return
    if dry_run or instead:
        raise ToolkitError("--dry-run and --with go with --suite; `xstilts plan EXPR` says what EXPR lacks.")
    from toolkit.recipes.score.evaluate import evaluate as run

    with bars() as report:
        result = run(expr, config, task=task, languages=languages, lock=lock, report=report, say=say)
    click.echo(result.text)
    say(f"Written to {result.folder}/")


def _suite(expr: str, config: Any, suite: str, instead: tuple[str, ...], dry_run: bool) -> None:
    from toolkit.recipes.score.suite import evaluate_suite
    from toolkit.recipes.score.suite_plan import describe_suite, plan_suite

    chosen = {}
    for each in instead:
        name, equals, composition = each.partition("=")
        if not (name and equals and composition):
            raise ToolkitError(f"--with {each} is not TASK=EXPR; write for example --with xquad=mnli/squad.")
        chosen[name] = composition
    if dry_run:
        click.echo(describe_suite(plan_suite(expr, config, suite=suite, instead=chosen)))
        return
    with bars() as report:
        result = evaluate_suite(expr, config, suite=suite, instead=chosen, report=report, say=say)
    click.echo(result.text)
    say(f"Written to {result.folder}/")


@click.command(
    epilog=example(
        "xstilts compare squad mnli/squad --task xquad",
        "xstilts compare 'fuse[mnli,squad]/udpos' mnli/udpos --baseline udpos --task udpos --languages en,de,sw",
        "xstilts compare backbone mnli --task tatoeba",
    )
)
@click.argument("exprs", nargs=-1, required=True, metavar="EXPR EXPR...")
@click.option("--task", required=True, metavar="TASK", help="Task whose rows are scored.")
@click.option("--baseline", metavar="EXPR", help="What the others are compared with. Default: the first EXPR.")
@click.option(
    "--languages", default="all", show_default=True, metavar="CODES", help="`all`, `pairs`, or codes with commas."
)
@click.option("--metric", metavar="NAME", help="A measure of the task, e.g. `em`. Default: the main one.")
@RESAMPLES
@settings
def compare(
    exprs: tuple[str, ...],
    task: str,
    baseline: str | None,
    languages: str,
    metric: str | None,
    resamples: int,
    **options: Any,
) -> None:
    """Compare compositions on the same rows: differences with 95 % intervals, marked where they are more than chance.

    What an earlier `eval` left is reused where weights, rows and settings are the same. Writes Markdown, CSV, LaTeX and a
    figure (PNG, SVG), and logs them to MLflow.
    """
    from toolkit.recipes.compare.compare import compare as run

    config = resolve(**options)
    with bars() as report:
        result = run(
            exprs,
            config,
            task=task,
            baseline=baseline,
            languages=languages,
            metric=metric,
            resamples=resamples,
            report=report,
            say=say,
        )
    click.echo(result.text)
    say(f"Written to {result.folder}/")
