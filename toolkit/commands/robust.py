"""Commands `robust` and `perturbations`: what noise and attacks leave of a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

import toolkit
from toolkit.commands.groups import example
from toolkit.commands.options import BASELINE, LANGUAGES, OUT, Results, resolve, settings
from toolkit.commands.screen import show, show_written, telling

if TYPE_CHECKING:
    from toolkit.perturb.attacked import AttackName


class RobustOptions(Results):
    """Options of `robust`."""

    task: str
    languages: str
    perturb: str
    strength: str
    attacks: tuple[AttackName, ...]
    budget: int
    max_changed: float
    baseline: str | None
    lexicons: str | None
    mix_with: str | None
    fields: str | None


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
@LANGUAGES
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
@BASELINE
@click.option("--lexicons", metavar="DIR", help="Folder of lexicons en-de.txt, ...; `micro`: the micro-world's.")
@click.option("--mix-with", metavar="CODE", help="Language of the second sentence, for language-mix.")
@click.option(
    "--fields", metavar="NAMES", help="Text fields that are changed, with commas. Default: those of the kind."
)
@OUT
@settings
def robust(exprs: tuple[str, ...], **options: Unpack[RobustOptions]) -> None:
    """Score every EXPR clean, under noise and under attack: tables with significance, curves, MLflow runs.

    --seed seeds the noise. All compositions are scored on the same perturbed rows; an attack searches against each for itself.
    """
    from toolkit.perturb.attacked import AttackSettings

    config = resolve(
        options,
        noise__lexicons=options["lexicons"],
        noise__mix_with=options["mix_with"],
        noise__fields=options["fields"],
        noise__seed=options["seed"],
    )
    budget, max_changed = options["budget"], options["max_changed"]
    attacks = [
        AttackSettings(name=name, budget=budget, max_changed=max_changed, seed=config.noise.seed)
        for name in options["attacks"]
    ]
    with telling() as tell:
        result = toolkit.robust(
            exprs,
            config,
            task=options["task"],
            languages=options["languages"],
            perturb=options["perturb"],
            strengths=_numbers(options["strength"]),
            attacks=attacks,
            baseline=options["baseline"],
            **tell,
        )
    show_written(result, options["out"])


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is not a list of numbers; write for example 0.1,0.2", param_hint="--strength"
        ) from None


@click.command(epilog=example("xstilts perturbations", "xstilts perturbations --task xnli --language th"))
@click.option("--task", metavar="TASK", help="Only what can be done to this task's rows.")
@click.option("--language", metavar="CODE", help="Only what is defined in this language.")
def perturbations(task: str | None, language: str | None) -> None:
    """List every perturbation with its definition, source, and the scripts and languages it is valid in."""
    show(toolkit.perturbations(task=task, language=language))
