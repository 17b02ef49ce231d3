"""Journeys of the public face: each opens a session for its configuration and loads its recipe when first called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from toolkit.config import Config
from toolkit.progress import Report, Say, say_nothing, silent
from toolkit.statistics.bootstrap import RESAMPLES

if TYPE_CHECKING:
    from toolkit.recipes.compare.compare import Compared
    from toolkit.recipes.fusion.attention import Attention
    from toolkit.recipes.fusion.cost import Cheaper
    from toolkit.recipes.score.publish import Scored
    from toolkit.recipes.score.suite_plan import Part
    from toolkit.recipes.score.suite_write import SuiteResult
    from toolkit.recipes.session.session import Session
    from toolkit.recipes.transfer.predict import Predicted
    from toolkit.recipes.transfer.similarity import SimilarityResult
    from toolkit.recipes.transfer.suggest import Suggested
    from toolkit.zoo import AdapterCard


class Telling(TypedDict, total=False):
    """Callbacks of a journey: `report` for progress, `say` for sentences to the reader; by default nothing is shown."""

    report: Report
    say: Say


def train(
    expression: str,
    config: Config,
    *,
    retrain: bool = False,
    lock: Path | None = None,
    report: Report = silent,
    say: Say = say_nothing,
) -> list[AdapterCard]:
    """Train every stage that the zoo lacks for a composition, see `recipes.train.train.train`."""
    from toolkit.recipes.train.train import train as run

    return run(expression, _session(config, report, say), retrain=retrain, lock=lock)


def evaluate(
    expression: str,
    config: Config,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
    report: Report = silent,
    say: Say = say_nothing,
) -> Scored:
    """Score a trained composition on a task, see `recipes.score.evaluate.evaluate`."""
    from toolkit.recipes.score.evaluate import evaluate as run

    return run(expression, _session(config, report, say), task=task, languages=languages, lock=lock)


def evaluate_suite(
    expression: str,
    config: Config,
    *,
    suite: str,
    instead: Mapping[str, str] | None = None,
    report: Report = silent,
    say: Say = say_nothing,
) -> SuiteResult:
    """Score every task of a suite, see `recipes.score.suite.evaluate_suite`."""
    from toolkit.recipes.score.suite import evaluate_suite as run

    return run(expression, _session(config, report, say), suite=suite, instead=instead)


def plan_suite(
    expression: str,
    config: Config,
    *,
    suite: str,
    instead: Mapping[str, str] | None = None,
    report: Report = silent,
    say: Say = say_nothing,
) -> tuple[Part, ...]:
    """Return what would score each task of a suite, see `recipes.score.suite_plan.plan_suite`."""
    from toolkit.recipes.score.suite_plan import plan_suite as run

    return run(expression, _session(config, report, say), suite=suite, instead=instead)


def retrieve(
    expression: str,
    config: Config,
    *,
    task: str = "tatoeba",
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
    layers: str | None = None,
    report: Report = silent,
    say: Say = say_nothing,
) -> Scored:
    """Retrieve or mine with sentence vectors, see `recipes.score.retrieve.retrieve`."""
    from toolkit.recipes.score.retrieve import retrieve as run

    return run(expression, _session(config, report, say), task=task, languages=languages, lock=lock, layers=layers)


def compare_layers(
    expressions: Sequence[str],
    config: Config,
    *,
    task: str = "tatoeba",
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
    layers: str = "all",
    report: Report = silent,
    say: Say = say_nothing,
) -> tuple[list[Scored], Path]:
    """Retrieve with several compositions at every layer, see `recipes.score.retrieve.compare_layers`."""
    from toolkit.recipes.score.retrieve import compare_layers as run

    return run(expressions, _session(config, report, say), task=task, languages=languages, lock=lock, layers=layers)


def compare(
    expressions: Sequence[str],
    config: Config,
    *,
    task: str,
    baseline: str | None = None,
    languages: str | Sequence[str] = "all",
    metric: str | None = None,
    resamples: int = RESAMPLES,
    report: Report = silent,
    say: Say = say_nothing,
) -> Compared:
    """Test differences between compositions, see `recipes.compare.compare.compare`."""
    from toolkit.recipes.compare.compare import compare as run

    return run(
        expressions,
        _session(config, report, say),
        task=task,
        baseline=baseline,
        languages=languages,
        metric=metric,
        resamples=resamples,
    )


def attention(
    expression: str,
    config: Config,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
    report: Report = silent,
    say: Say = say_nothing,
) -> Attention:
    """Measure what the fusions of a composition attend to, see `recipes.fusion.attention.attention`."""
    from toolkit.recipes.fusion.attention import attention as run

    return run(expression, _session(config, report, say), task=task, languages=languages, lock=lock)


def prune(
    expression: str,
    config: Config,
    *,
    keep: int,
    task: str | None = None,
    languages: str | Sequence[str] = "all",
    replace_entry: bool = False,
    report: Report = silent,
    say: Say = say_nothing,
) -> Cheaper:
    """Drop the members of a fusion with the least attention, see `recipes.fusion.prune.prune`."""
    from toolkit.recipes.fusion.prune import prune as run

    return run(
        expression,
        _session(config, report, say),
        keep=keep,
        task=task,
        languages=languages,
        replace_entry=replace_entry,
    )


def collapse(
    expression: str,
    config: Config,
    *,
    name: str | None = None,
    task: str | None = None,
    text_file: Path | None = None,
    languages: str | Sequence[str] = "all",
    replace_entry: bool = False,
    report: Report = silent,
    say: Say = say_nothing,
) -> Cheaper:
    """Distil a composition into one adapter, see `recipes.fusion.collapse.collapse`."""
    from toolkit.recipes.fusion.collapse import collapse as run

    return run(
        expression,
        _session(config, report, say),
        name=name,
        task=task,
        text_file=text_file,
        languages=languages,
        replace_entry=replace_entry,
    )


def mine_files(
    source: Path,
    target: Path,
    out: Path,
    config: Config,
    *,
    expression: str = "backbone",
    report: Report = silent,
    say: Say = say_nothing,
) -> int:
    """Mine two text files for translations, see `recipes.score.mining.mine_files`."""
    from toolkit.recipes.score.mining import mine_files as run

    return run(source, target, out, _session(config, report, say), expression=expression)


def compare_tasks(
    tasks: Sequence[str],
    config: Config,
    *,
    by: str | Sequence[str] = "all",
    train: bool = False,
    **tell: Unpack[Telling],
) -> SimilarityResult:
    """Compare tasks by every predictor, see `recipes.transfer.similarity.compare_tasks`."""
    from toolkit.recipes.transfer.similarity import compare_tasks as run

    return run(tasks, _told(config, tell), by=by, train=train)


def predict(
    target: str | None,
    config: Config,
    *,
    sources: Sequence[str] = (),
    sweep: Path | None = None,
    variant: str | None = None,
    by: str | Sequence[str] = "all",
    is_trained: bool = False,
    **tell: Unpack[Telling],
) -> Predicted:
    """Rank sources for a target, see `recipes.transfer.predict.predict`."""
    from toolkit.recipes.transfer.predict import predict as run

    session = _told(config, tell)
    return run(target, session, sources=sources, sweep=sweep, variant=variant, by=by, is_trained=is_trained)


def suggest(
    n: int,
    target: str,
    config: Config,
    *,
    candidates: Sequence[str] = (),
    sweep: Path | None = None,
    variant: str | None = None,
    by: str | Sequence[str] = "all",
    **tell: Unpack[Telling],
) -> Suggested:
    """Propose the members of a fusion, see `recipes.transfer.suggest.suggest`."""
    from toolkit.recipes.transfer.suggest import suggest as run

    return run(n, target, _told(config, tell), candidates=candidates, sweep=sweep, variant=variant, by=by)


def _told(config: Config, tell: Telling) -> Session:
    return _session(config, tell.get("report", silent), tell.get("say", say_nothing))


def _session(config: Config, report: Report, say: Say) -> Session:
    from toolkit.recipes.session.session import Session

    return Session.open(config, report=report, say=say)
