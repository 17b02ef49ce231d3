"""Compare compositions on a task: the same rows, paired, and what of the differences is more than chance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.composition import parse
from toolkit.config.command import command
from toolkit.errors import DataError, ToolkitError
from toolkit.evaluation.identity import identity, read_identity
from toolkit.files import replace_text
from toolkit.metrics import MAIN
from toolkit.modeling.backbone import Backbone
from toolkit.outputs import Output, kept, settle
from toolkit.recipes.score.answers import FOLDER
from toolkit.recipes.score.evaluate import choose_languages, evaluate, parts_of, require_answering
from toolkit.recipes.score.outcomes import aligned, outcomes_of
from toolkit.recipes.score.pool import pooled_fingerprint, searched_pool
from toolkit.recipes.score.publish import Scored, result_folder
from toolkit.recipes.score.retrieve import retrieve
from toolkit.recipes.session.backbones import open_backbone
from toolkit.recipes.session.exchange import exchange_of, languages_scored
from toolkit.recipes.session.noise import scored_rows
from toolkit.recipes.session.session import Session
from toolkit.registry import each_once
from toolkit.report import render
from toolkit.report.compare import Comparison, compare_csv, compare_figure, compare_table, comparison
from toolkit.report.table import split_words
from toolkit.results.predictions import read_predictions
from toolkit.results.result import Record, WrittenResult, from_csv
from toolkit.results.score import Score, read_json
from toolkit.statistics.bootstrap import RESAMPLES, resample
from toolkit.statistics.outcomes import Outcomes
from toolkit.tasks import Task
from toolkit.tasks.kinds import POOLED, RETRIEVED, Kind
from toolkit.tracking import NOTE_TAG

FILES = ("compare.md", "compare.csv", "compare.tex", "compare.png", "compare.svg")
_TOLERANCE = 1e-6
# Protocols whose score of a kind is not one sum over rows.
WITHOUT_SUMS: Mapping[Kind, tuple[str, ...]] = {
    "pair": (),
    "choice": (),
    "span": (),
    "tags": (),
    "bitext": ("all", "mteb"),
    "mining": ("all", "mteb"),
    "retrieval": ("all",),
    "text": (),
}


@dataclass(frozen=True)
class Compared(WrittenResult):
    """Result of a comparison; its folder holds the files of `FILES`.

    Attributes:
        found: scores and differences.
        run_id: the tracker's run; None without one.
    """

    found: Comparison
    run_id: str | None = None

    def records(self) -> list[Record]:
        """Return one row for each composition and mean or language, as `compare.csv` has them."""
        return from_csv(compare_csv(self.found))


def compare(
    expressions: Sequence[str],
    session: Session,
    *,
    task: str,
    baseline: str | None = None,
    languages: str | Sequence[str] = "all",
    metric: str | None = None,
    resamples: int = RESAMPLES,
) -> Compared:
    """Score compositions on the same rows and test each difference to the baseline by a paired bootstrap.

    What an earlier evaluation left is taken where it is of the same weights, rows and settings; the rest is evaluated.

    Args:
        expressions: compositions whose entries the zoo holds.
        session: of the configuration; `train.seed` seeds the resampling.
        task: the task to score.
        baseline: the composition that the others are compared with; None: the first.
        languages: as for `evaluate`.
        metric: of the task's measures; None: the one that tables look at.
        resamples: how many test sets are drawn.

    Raises:
        ToolkitError: fewer than two compositions, or a measure that is not a sum over rows.
        DataError: the compositions were not scored on the same rows.
    """
    config = session.config
    target = session.catalogue.get(task)
    others = each_once([str(parse(text)) for text in expressions], "composition", said=expressions)
    names = list(dict.fromkeys([*([str(parse(baseline))] if baseline else []), *others]))
    if len(names) < 2:
        words = command("compare", names[0], "OTHER", "--task", task, config=config, sections=("eval", "noise"))
        raise ToolkitError(
            f"Only '{names[0]}' was named; a comparison needs two compositions: `{words}`."
            if names
            else "No composition was named; a comparison needs two."
        )
    for name in names:
        if parse(name).is_parallel:
            raise ToolkitError(f"'{name}' has several answers to a row; compare its members one by one.")
    wanted = choose_languages(target, languages, session)
    one = config.retrieve.protocol
    if one in WITHOUT_SUMS[target.kind]:
        raise ToolkitError(
            f"The protocol '{one}' gives no single score that is a sum over pairs; compare with `--set retrieve.protocol=jiant`, "
            "xtreme, laser or st."
        )
    metric = metric or MAIN[target.metric]
    for name in names:  # what the last one lacks is found before the first one is scored
        wanted = languages_scored(name, wanted, session)
        require_answering(_as_wired(name, wanted, target, session), target, session)
    scores: dict[str, dict[str, Score]] = {}
    systems: dict[str, dict[str, Outcomes]] = {}
    for name in names:
        answers = _answers(name, target, wanted, session)
        folder = answers.folder
        scores[name] = _scores(folder, metric, wanted, target)
        systems[name] = {code: _outcomes(folder, target, code, metric, scores[name][code]) for code in wanted}
    _require_equal_rows(scores)
    systems = aligned(systems, target)
    drawn = resample(systems, is_parallel=target.parallel, n_resamples=resamples, seed=config.train.seed)
    first = scores[names[0]][wanted[0]]
    found = comparison(
        drawn,
        baseline=names[0],
        title=_title(list(scores[names[0]].values())),
        n={code: scores[names[0]][code].n for code in wanted},
        is_generated=first.is_generated,
        is_parallel=target.parallel,
        pivot_language=target.train_language,
    )
    return _publish(found, target, session)


def _as_wired(name: str, languages: Sequence[str], target: Task, session: Session) -> str:
    """Return a composition as its circuit is wired, when it has an adapter for every language that it follows."""
    composition = parse(name)
    if not composition.follows_rows:
        return name
    return str(exchange_of(composition, languages, session, has_head=target.kind not in RETRIEVED).home)


@dataclass(frozen=True)
class _Answers:
    """Folder of a composition's scores and predictions; of a new evaluation what it wrote, whatever others write later."""

    folder: Path
    made: Scored | None = None


def _answers(name: str, task: Task, languages: Sequence[str], session: Session) -> _Answers:
    """Return a composition's scores and predictions, after evaluating it where need be."""
    is_retrieved = task.kind in RETRIEVED
    folder = result_folder(name, task.name, session.config, journey="retrieve" if is_retrieved else "eval")
    settle(folder)
    needed = dict.fromkeys(part.entry for part in parts_of(name, has_head=not is_retrieved))
    cards = [session.zoo.get(entry, session.shelf) for entry in needed if session.zoo.holds(entry, session.shelf)]
    backbone = open_backbone(session, cards)
    if _is_reusable(folder, name, task, languages, backbone, session):
        session.say(f"{name}: taken from {folder} (same weights, rows and settings).")
        return _Answers(folder)
    journey = retrieve if is_retrieved else evaluate
    with kept():
        made = journey(name, session, task=task.name, languages=languages)
    return _Answers(made.folder if made.output is None else made.output.stage, made)


def _is_reusable(
    folder: Path, name: str, task: Task, languages: Sequence[str], backbone: Backbone, session: Session
) -> bool:
    config, zoo, shelf = session.config, session.zoo, session.shelf
    composition, has_head = parse(name), task.kind not in RETRIEVED
    exchanged: tuple[str, ...] = ()
    if composition.follows_rows:
        exchange = exchange_of(composition, languages, session, has_head=has_head)
        name, exchanged = str(exchange.home), exchange.entries
    needed = {*(part.entry for part in parts_of(name, has_head=has_head)), *exchanged}
    if not all(zoo.holds(entry, shelf) for entry in needed):
        return False  # the evaluation says what is missing
    cards = {entry: zoo.get(entry, shelf) for entry in needed}
    if read_identity(folder / FOLDER) != identity(backbone, cards, config, task, composition):
        return False
    try:
        scores = read_json(folder / "scores.json")
    except DataError:
        return False
    rows = {code: scored_rows(task, code, session) for code in languages}
    pool = None
    if task.kind in POOLED:
        pool = searched_pool(task.pool("score", data_root=config.data_root), rows.values(), config.retrieve)
    for code in languages:
        found = {score.fingerprint for score in scores if score.language == code}
        expected = rows[code].fingerprint
        if pool is not None:
            expected = pooled_fingerprint(expected, pool)
        if found != {expected} or not (folder / FOLDER / f"{task.name}.{code}.jsonl").exists():
            return False
    return True


def _scores(folder: Path, metric: str, languages: Sequence[str], task: Task) -> dict[str, Score]:
    scores = read_json(folder / "scores.json")
    found = {score.language: score for score in scores if score.metric == metric}
    if not found:
        known = ", ".join(dict.fromkeys(score.metric for score in scores))
        raise ToolkitError(f"'{task.name}' has no measure '{metric}'; it has {known}.")
    return {code: found[code] for code in languages}


def _outcomes(folder: Path, task: Task, language: str, metric: str, score: Score) -> Outcomes:
    path = folder / FOLDER / f"{task.name}.{language}.jsonl"
    found = outcomes_of([read_predictions(path)], task, metric)
    if abs(found.value - score.value) > _TOLERANCE:
        raise DataError(
            f"{path} comes to {metric} {found.value:.6f}, but scores.json next to it says {score.value:.6f}; remove "
            f"{folder} and compare again."
        )
    return found


def _require_equal_rows(scores: Mapping[str, Mapping[str, Score]]) -> None:
    (first, expected), *others = scores.items()
    for name, found in others:
        for code, score in expected.items():
            if found[code].fingerprint != score.fingerprint:
                raise DataError(
                    f"'{first}' and '{name}' were not scored on the same rows of {score.task} in {code} (fingerprints "
                    f"{score.fingerprint} and {found[code].fingerprint}); a paired test needs them equal: score both again."
                )
            if _shared(found[code].protocol) != _shared(score.protocol):
                raise DataError(
                    f"'{first}' and '{name}' were scored differently ({score.protocol}; {found[code].protocol}); score both "
                    "with the same settings."
                )


def _shared(protocol: str) -> str:
    """Return a protocol without the words that only compositions with a fusion have."""
    return " ".join(word for word in protocol.split() if word != "fusion=reference")


def _title(scores: Sequence[Score]) -> str:
    score = scores[0]
    parts = (score.task, f"{score.metric} in %", f"split {split_words(scores)}", score.backbone, score.protocol)
    return ", ".join(part for part in parts if part)


def _publish(found: Comparison, task: Task, session: Session) -> Compared:
    config = session.config
    names = (found.baseline, *found.others)
    folder = Path(config.run_dir) / "compare" / _folder_name(names) / task.name
    table = compare_table(found)
    markdown = render(table, "markdown")
    with Output(folder) as output:
        replace_text(output.stage / "compare.md", markdown)
        replace_text(output.stage / "compare.csv", compare_csv(found))
        replace_text(output.stage / "compare.tex", render(table, "latex"))
        for name in ("compare.png", "compare.svg"):
            compare_figure(found, output.stage / name)
        output.commit()
    with session.tracked(
        f"compare {', '.join(names)} on {task.name}",
        experiment=task.name,
        tags={"journey": "compare", "backbone": config.backbone.name, NOTE_TAG: markdown},
        params={"compared": ", ".join(names), "baseline": found.baseline, "backbone": config.backbone.name},
    ) as run:
        # No metrics: among the runs of this experiment they would be charts with a single bar.
        for name in FILES:
            run.log_artifact(output.stage / name)
        run_id = run.run_id
    return Compared(found=found, text=render(table, "text"), folder=folder, output=output, run_id=run_id or None)


def _folder_name(names: Sequence[str]) -> str:
    whole = "-vs-".join(parse(name).slug for name in names)
    return whole if len(whole) <= 100 else f"{whole[:80]}~{hashlib.sha256(whole.encode()).hexdigest()[:12]}"
