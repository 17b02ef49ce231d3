"""Journeys that compare compositions: `compare` and `robust`, and the list of perturbations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from toolkit.face.shared import Listing, Telling, listing, open_session
from toolkit.results.result import Record

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.perturb.attacked import AttackSettings
    from toolkit.recipes.compare.compare import Compared
    from toolkit.recipes.robust.run import RobustResult

RESAMPLES = 10_000


class Baseline(Telling, total=False):
    """`Telling`, and the composition that the others are compared with; default: the first."""

    baseline: str | None


def compare(
    exprs: Sequence[str],
    config: Config,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    metric: str | None = None,
    resamples: int = RESAMPLES,
    **options: Unpack[Baseline],
) -> Compared:
    """Score compositions on the same rows and test each difference to the baseline by a paired bootstrap.

    Args:
        exprs: compositions whose entries the zoo holds, two or more.
        config: resolved configuration; `train.seed` seeds the resampling.
        task: the task to score.
        languages: as for `evaluate`.
        metric: one of the task's measures; None: the main one.
        resamples: how many test sets are drawn.
        options: `baseline` (None: the first of `exprs`), `report` and `say`.
    """
    from toolkit.recipes.compare.compare import compare as run

    session = open_session(config, options)
    baseline = options.get("baseline")
    return run(
        list(map(session.spelled, exprs)),
        session,
        task=task,
        baseline=session.spelled(baseline) if baseline else None,
        languages=languages,
        metric=metric,
        resamples=resamples,
    )


def robust(
    exprs: Sequence[str],
    config: Config,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    perturb: str | Sequence[str] = "all",
    strengths: Sequence[float] = (0.1, 0.2),
    attacks: Sequence[AttackSettings] = (),
    **options: Unpack[Baseline],
) -> RobustResult:
    """Score compositions clean, under noise and under attack, all on the same perturbed rows.

    Args:
        exprs: compositions whose entries the zoo holds.
        config: resolved configuration; `noise` has the further settings.
        task: the task whose rows are perturbed.
        languages: `all`, or codes.
        perturb: `all`, a level (`character`, `word`, `sentence`), `none`, or names; `a+b`: one after the other.
        strengths: shares of words, in (0, 1].
        attacks: searches, each against each composition for itself.
        options: `baseline` (None: the first of `exprs`), `report` and `say`.
    """
    from toolkit.recipes.robust.plan import Stress
    from toolkit.recipes.robust.run import robust as run

    stress = Stress(perturb, strengths, attacks)
    session = open_session(config, options)
    baseline = options.get("baseline")
    return run(
        list(map(session.spelled, exprs)),
        session,
        task=task,
        languages=languages,
        stress=stress,
        baseline=session.spelled(baseline) if baseline else None,
    )


def perturbations(*, task: str | None = None, language: str | None = None) -> Listing:
    """Return every perturbation with its definition, source, and the scripts and languages it is valid in.

    Args:
        task: only what can be done to this task's rows.
        language: only what is defined in this language.
    """
    from toolkit.perturb import PERTURBATIONS
    from toolkit.tasks import BUILT_IN

    kind = BUILT_IN.get(task).kind if task else None
    rows: list[Record] = []
    cells = []
    for each in PERTURBATIONS.values():
        if kind and kind not in each.kinds:
            continue
        if language and each.why_not(kind or each.kinds[0], language):
            continue
        where = ", ".join(each.scripts) or (f"{len(each.languages)} languages" if each.languages else "all scripts")
        facts = {"level": each.level, "valid_in": where, "definition": each.definition, "source": each.source}
        rows.append({"name": each.name, "keeps_meaning": each.keeps_meaning, **facts})
        cells.append((each.name + ("" if each.keeps_meaning else "†"), *facts.values()))
    notes = ("†: a reader may answer otherwise too.",)
    return listing(rows, ("name", "level", "valid in", "what it does", "source"), cells, notes=notes)
