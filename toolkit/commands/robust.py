"""`xstilts robust` and `xstilts perturbations`: what noise and attacks leave of a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from toolkit.commands.options import example, resolve, settings, with_sets
from toolkit.commands.screen import bars, print_table, say

if TYPE_CHECKING:
    from toolkit.perturb.attacked import AttackName


@click.command(
    epilog=example(
        "xstilts robust mnli squad/mnli --task xnli --perturb swap,keyboard --strength 0.1,0.3",
        "xstilts robust mnli --task xnli --languages en,de,zh --perturb character",
        "xstilts robust mnli --task xnli --perturb none --attack characters --set eval.limit=200",
        "xstilts robust mnli --task xnli --perturb code-switch --lexicons MUSE",
        "xstilts robust micro-nli --task micro-nli --perturb code-switch --lexicons micro --attack code-switch",
    )
)
@click.argument("exprs", nargs=-1, required=True, metavar="EXPR...")
@click.option("--task", required=True, metavar="TASK", help="Task whose rows are perturbed.")
@click.option("--languages", default="all", show_default=True, metavar="CODES", help="`all`, or codes with commas.")
@click.option(
    "--perturb",
    default="all",
    show_default=True,
    metavar="NAMES",
    help="`all`, `character`, `word`, `sentence`, `none`, or names with commas; a+b: one after the other.",
)
@click.option(
    "--strength", default="0.1,0.2", show_default=True, metavar="NUMBERS", help="Shares of words, with commas."
)
@click.option(
    "--attack",
    "attacks",
    multiple=True,
    type=click.Choice(["characters", "code-switch"]),
    help="Search for the change that turns each answer. Repeatable.",
)
@click.option(
    "--budget", default=200, show_default=True, metavar="N", help="Attack: times the model is asked about a row."
)
@click.option(
    "--max-changed",
    default=0.3,
    show_default=True,
    metavar="SHARE",
    help="Attack: share of a row's words that may change.",
)
@click.option("--baseline", metavar="EXPR", help="What the others are set beside. Default: the first.")
@click.option("--lexicons", metavar="DIR", help="Folder of lexicons en-de.txt, ...; `micro`: the micro-world's.")
@click.option("--mix-with", metavar="CODE", help="Language of the second sentence, for language-mix.")
@click.option(
    "--fields", metavar="NAMES", help="Text fields that are changed, with commas. Default: those of the kind."
)
@settings
def robust(
    exprs: tuple[str, ...],
    task: str,
    languages: str,
    perturb: str,
    strength: str,
    attacks: tuple[AttackName, ...],
    budget: int,
    max_changed: float,
    baseline: str | None,
    lexicons: str | None,
    mix_with: str | None,
    fields: str | None,
    **options: Any,
) -> None:
    """Score every EXPR clean, under noise and under attack: tables with significance, curves, MLflow runs.

    --seed seeds the noise. All compositions are scored on the same perturbed rows; an attack searches against each for itself.
    """
    from toolkit.perturb.attacked import AttackSettings
    from toolkit.recipes.robust.plan import Stress
    from toolkit.recipes.robust.run import robust as run
    from toolkit.recipes.session.session import Session

    noise = {"lexicons": lexicons, "mix_with": mix_with, "fields": fields, "seed": options["seed"]}
    config = resolve(**with_sets(options, "noise", **noise))
    searches = [
        AttackSettings(name=name, budget=budget, max_changed=max_changed, seed=config.noise.seed) for name in attacks
    ]
    with bars() as report:
        result = run(
            exprs,
            Session.open(config, report=report, say=say),
            task=task,
            languages=languages,
            stress=Stress(perturb, _numbers(strength), searches),
            baseline=baseline,
        )
    click.echo(result.text)
    say(f"Written to {result.folder}/")


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is no list of numbers; write for example 0.1,0.2", param_hint="--strength"
        ) from None


@click.command(epilog=example("xstilts perturbations", "xstilts perturbations --task xnli --language th"))
@click.option("--task", metavar="TASK", help="Only what can be done to this task's rows.")
@click.option("--language", metavar="CODE", help="Only what is defined in this language.")
def perturbations(task: str | None, language: str | None) -> None:
    """List every perturbation with its definition, source, and the scripts and languages it is valid in."""
    from toolkit.perturb import PERTURBATIONS
    from toolkit.tasks import get_task

    kind = get_task(task).kind if task else None
    rows = []
    for each in PERTURBATIONS.values():
        if kind and kind not in each.kinds:
            continue
        if language and each.why_not(kind or each.kinds[0], language):
            continue
        where = ", ".join(each.scripts) or (f"{len(each.languages)} languages" if each.languages else "all scripts")
        rows.append((each.name + ("" if each.keeps_meaning else "†"), each.level, where, each.definition, each.source))
    print_table(("name", "level", "valid in", "what it does", "source"), rows)
    say("†: a reader may answer otherwise too.")
