"""Journey `rank`: rank sources for a target, and compare the ranking with the gains of a finished sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.composition import Name, parse
from toolkit.config.command import command
from toolkit.errors import ToolkitError
from toolkit.outputs import Output
from toolkit.recipes.session.session import Session
from toolkit.recipes.train.train import train
from toolkit.recipes.transfer.evidence import Absent, Context
from toolkit.recipes.transfer.predictors import PREDICTORS, Predictor, extract, get_predictor, scores
from toolkit.recipes.transfer.probe import task_name
from toolkit.recipes.transfer.similarity import level
from toolkit.recipes.transfer.write import prediction_folder, track_prediction, write_prediction
from toolkit.registry import each_once
from toolkit.report import GENERATED_NOTE, render
from toolkit.report.transfer_tables import against_table, prediction_csv, ranking_table, validation_table
from toolkit.results.result import Record, WrittenResult, from_csv
from toolkit.similarity import Validation, validate
from toolkit.similarity.ranking import COMBINED, Ranked, Ranking, TransferRanking, order, verdicts
from toolkit.similarity.ranks import reciprocal_rank_fusion
from toolkit.sweeps.transfers import Observed, observe

ALL = "all"
_COMBINED = "the predictors that are not controls, joined by reciprocal rank fusion; nothing is fitted"


@dataclass(frozen=True)
class TransferRanked(WrittenResult):
    """Result of a ranking of sources; its folder holds prediction.md, .csv, .json and the figures.

    Attributes:
        found: every number.
        run_id: the tracker's run; None without one.
    """

    found: TransferRanking
    run_id: str | None = None

    def records(self) -> list[Record]:
        """Return one row for each target, predictor and source, as `prediction.csv` has them."""
        return from_csv(prediction_csv(self.found))


def rank(
    target: str | None,
    session: Session,
    *,
    sources: Sequence[str] = (),
    sweep: Path | None = None,
    variant: str | None = None,
    by: str | Sequence[str] = ALL,
    is_trained: bool = False,
) -> TransferRanked:
    """Rank sources for a target by every predictor; with a finished sweep also report how reliable the predictors are.

    Args:
        target: the task to predict for; None: every target of the sweep.
        session: of the configuration; with a sweep the sweep's backbone is used.
        sources: tasks to rank; none: the sweep's, else the tasks that the zoo holds an adapter of.
        sweep: folder of a finished sweep, whose adapters are read and whose gains predictions are compared with.
        variant: the point on the sweep's axis `settings`, if it has several.
        by: predictors; `all`: every one. With a sweep the controls are computed whatever is asked for.
        is_trained: train the adapters that the zoo lacks first.

    Raises:
        ToolkitError: an unknown target, source or predictor, nothing to rank, or a sweep that is not finished.
    """
    found, session, _ = prediction(
        target, session, sources=sources, sweep=sweep, variant=variant, by=by, is_trained=is_trained
    )
    folder = prediction_folder(target, session.config.run_dir, sweep)
    tables = [against_table(found)] if target is None else [ranking_table(found, found.of(target))]
    tables += [validation_table(found)] if found.validation is not None else []
    text = "\n".join([*(render(each, "text") for each in tables), *verdicts(found)])
    with Output(folder) as output:
        files = write_prediction(found, output.stage, target)
        output.commit()
    run_id = track_prediction(found, files, target, session)
    for note in found.notes:
        session.say(note)
    return TransferRanked(found=found, text=text, folder=folder, output=output, run_id=run_id)


def prediction(
    target: str | None,
    session: Session,
    *,
    sources: Sequence[str] = (),
    sweep: Path | None = None,
    variant: str | None = None,
    by: str | Sequence[str] = ALL,
    is_trained: bool = False,
) -> tuple[TransferRanking, Session, Observed | None]:
    """Return the prediction, the session with the sweep's backbone, and the sweep; arguments as for `rank`."""
    if target is None and sweep is None:
        raise ToolkitError(
            "Neither a target nor a sweep was named; `xstilts rank TARGET` or `xstilts rank --sweep DIR`."
        )
    catalogue = session.catalogue
    for text in (*sources, *([target] if target else [])):
        task_name(text, catalogue)
    observed = None if sweep is None else observe(sweep, catalogue, variant=variant)
    if observed is not None:
        session = session.with_config(observed.configured(session.config))
    chosen, is_combined = _chosen(by, has_sweep=observed is not None)
    named = each_once(sources, "source")
    candidates = tuple(dict.fromkeys(named or (observed.sources if observed else held_sources(session, target))))
    targets = tuple(dict.fromkeys((*([target] if target else []), *(observed.targets if observed else ()))))
    if not any(source != one for source in candidates for one in targets):
        raise ToolkitError(
            f"There is nothing to rank for '{target}': the zoo {session.zoo.root} holds no other task's adapter for "
            f"{session.shelf.asked}; train some (`{command('train', 'mnli', config=session.config)}`), or name sources "
            "with --train."
        )
    zoos, gains = (observed.zoos, observed.gains) if observed else (None, None)
    with Context(session, zoos=zoos, gains=gains) as context:
        if is_trained:
            _train_missing(candidates, targets, chosen, context)
        extract(chosen, candidates, targets, context)
        rankings = [_ranking(one, candidates, chosen, is_combined, context, observed) for one in targets]
    lead = COMBINED if is_combined else chosen[0].name
    definitions = {each.name: each.definition for each in chosen} | ({COMBINED: _COMBINED} if is_combined else {})
    controls = tuple(each.name for each in chosen if each.is_control)
    generated = [
        name for name in (*candidates, *targets) if catalogue.get(task_name(name, catalogue).name).is_generated
    ]
    found = TransferRanking(
        backbone=session.shelf.name,
        definitions={name: definitions[name] for name in sorted(definitions, key=lambda name: name != lead)},
        controls=controls,
        lead=lead,
        rankings=tuple(replace(each, ranked=order(each.ranked, lead)) for each in rankings),
        validation=_validated(rankings, tuple(definitions), controls, observed),
        sweep=observed.name if observed else "",
        variant=variant or "",
        fingerprint=observed.fingerprint if observed else "",
        is_generated=bool(generated),
        notes=_notes(observed, target, bool(generated)),
    )
    return found, session, observed


def held_sources(session: Session, target: str | None = None) -> tuple[str, ...]:
    """Return the tasks that the zoo holds an adapter of, on the session's backbone, without the target."""
    found = []
    for card in session.zoo.list(session.shelf, damaged=[]):
        if card.name == target:
            continue
        composition = parse(card.name)
        leaf = composition.leaves()[0] if str(composition) == card.name and len(composition.leaves()) == 1 else None
        if isinstance(leaf, Name) and str(leaf) == card.name and leaf.name in session.catalogue:
            found.append(card.name)
    return tuple(found)


# -- what is computed ---------------------------------------------------------------------------------------------


def _chosen(by: str | Sequence[str], *, has_sweep: bool) -> tuple[list[Predictor], bool]:
    """Return the predictors to compute, those that were asked for first, and whether they are joined as well."""
    names = by.split(",") if isinstance(by, str) else list(by)
    names = each_once([name.strip() for name in names], "predictor")
    if names == [ALL]:
        asked = [each for each in PREDICTORS.values() if has_sweep or not each.needs_sweep]
        is_combined = True
    else:
        is_combined = COMBINED in names
        asked = [get_predictor(name) for name in names if name != COMBINED]
        if is_combined and not any(not each.is_control for each in asked):
            asked += [each for each in PREDICTORS.values() if not each.is_control and each not in asked]
    if fitted := [each.name for each in asked if each.needs_sweep and not has_sweep]:
        raise ToolkitError(f"'{fitted[0]}' is fitted on observed gains; name a finished sweep with --sweep DIR.")
    if has_sweep:  # predictors are compared with the controls
        asked += [each for each in PREDICTORS.values() if each.is_control and each not in asked]
    return asked, is_combined and sum(not each.is_control for each in asked) > 1


def _train_missing(
    sources: Sequence[str],
    targets: Sequence[str],
    chosen: Sequence[Predictor],
    context: Context,
) -> None:
    needs = {each.needs_adapters for each in chosen}
    wanted = [*(sources if needs - {""} else ()), *(targets if "both" in needs else ())]
    for task in dict.fromkeys(wanted):
        try:
            context.entry_of(task)
        except Absent:
            if context.has_train(task):
                train(context.lender(task), context.session)


def _ranking(
    target: str,
    sources: Sequence[str],
    chosen: Sequence[Predictor],
    is_combined: bool,
    context: Context,
    observed: Observed | None,
) -> Ranking:
    others = [source for source in sources if source != target]
    values: dict[str, dict[str, float]] = {source: {} for source in others}
    absent: dict[str, dict[str, str]] = {source: {} for source in others}
    for predictor in chosen:
        for source, value in scores(predictor, others, target, context).items():
            if isinstance(value, str):
                absent[source][predictor.name] = value
            else:
                values[source][predictor.name] = value
    if is_combined:
        of = [each.name for each in chosen if not each.is_control]
        joined = reciprocal_rank_fusion(
            [{source: found[name] for source, found in values.items() if name in found} for name in of]
        )
        for source in others:
            if source in joined:
                values[source][COMBINED] = joined[source]
            else:
                absent[source][COMBINED] = "no predictor distinguishes the sources."
    gains = observed.gains.get(target, {}) if observed else {}
    return Ranking(
        target=target,
        level=level(target, context.session.catalogue),
        ranked=tuple(
            Ranked(source, level(source, context.session.catalogue), values[source], absent[source], gains.get(source))
            for source in others
        ),
        metric=observed.metric.get(target, "") if observed else "",
        alone=observed.alone.get(target) if observed else None,
    )


def _validated(
    rankings: Sequence[Ranking], predictors: Sequence[str], controls: Sequence[str], observed: Observed | None
) -> Validation | None:
    if observed is None:
        return None
    gains = {each.target: each.gains for each in rankings if each.gains}
    if not gains:
        return None
    predictions = {
        name: {each.target: {one.source: one.values.get(name) for one in each.ranked} for each in rankings}
        for name in predictors
    }
    return validate(predictions, gains, controls=controls)


def _notes(observed: Observed | None, target: str | None, is_generated: bool) -> tuple[str, ...]:
    notes: list[str] = []
    if observed is not None:
        notes += observed.left_out
        if observed.seeds > 1:
            notes.append(f"Gains are means over {observed.seeds} seeds; adapters are those of seed {observed.seed}.")
        if target is not None and target not in observed.targets:
            notes.append(
                f"'{target}' is not a target of the sweep: the agreement there says how reliable this ranking is."
            )
    return (*notes, *([GENERATED_NOTE] if is_generated else []))
