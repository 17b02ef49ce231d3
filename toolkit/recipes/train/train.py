"""Train what a composition lacks, stage by stage, each into the zoo."""

from __future__ import annotations

from pathlib import Path

from toolkit.composition import parse
from toolkit.composition.stages import describe, plan
from toolkit.config import Config
from toolkit.errors import ToolkitError, ZooError
from toolkit.progress import Report, silent
from toolkit.recipes.session import common
from toolkit.recipes.session.common import Say, say_nothing
from toolkit.recipes.train.merge import run_computed
from toolkit.recipes.train.stage import run_stage
from toolkit.tasks import get_task
from toolkit.tasks.catalogue.trains_on import source_task, training_rows
from toolkit.zoo import AdapterCard
from toolkit.zoo.lock import read_lock


def train(
    expression: str,
    config: Config,
    *,
    retrain: bool = False,
    lock: Path | None = None,
    report: Report = silent,
    say: Say = say_nothing,
) -> list[AdapterCard]:
    """Train every stage that the zoo lacks for a composition.

    Args:
        expression: composition, for example `fuse[mnli,squad]/xquad`.
        config: resolved configuration.
        retrain: train every stage again although the zoo holds it.
        lock: a lock file (`zoo lock`); what is trained on must be what it pins, and what it pins is never trained here.
        report: progress callback.
        say: called with sentences for the reader: the plan, settings, notes.

    Returns:
        The cards of the entries that were made, in order; empty where the zoo held them all.
    """
    composition = parse(expression)
    zoo = common.open_zoo(config)
    shelf = common.shelf(config)
    learn_all = config.train.learn == "all"
    if learn_all and config.adapter.kind == "full":
        raise ToolkitError("`adapter: full` learns in the whole encoder already; leave train.learn out.")
    stages = plan(composition, holds=lambda entry: zoo.holds(entry, shelf), retrain=retrain, learn_all=learn_all)
    say(describe(stages, rows=training_rows, backbone_learns=config.adapter.kind == "full"))
    if not stages:
        return []
    if lock is not None:
        made = {stage.entry for stage in stages}
        pinned = [entry for entry in read_lock(lock).entries if entry in made]
        if pinned:
            raise ZooError(
                f"{lock} pins '{pinned[0]}', which would be trained here; pull it (`xstilts zoo pull SRC --lock {lock}`)."
            )
        used = dict.fromkeys(parent for stage in stages for parent in stage.parents if parent not in made)
        common.require_locked(lock, [zoo.get(entry, shelf) for entry in used], expression)
    backbone = common.open_backbone(config, report=report)
    tracker = common.open_config_tracker(config)
    experiment = source_task(get_task(stages[-1].circuit.head_name.name)).name
    cards: list[AdapterCard] = []
    if len(stages) > 1:
        tags = {**composition.tags(), "journey": "train", "backbone": backbone.name}
        tracker.start(f"train {composition}", experiment=experiment, tags=tags, params={"stages": len(stages)})
    status = "FAILED"
    try:
        for i, stage in enumerate(stages):
            if config.adapter.kind == "full" and i > 0:
                backbone = common.open_backbone(config, report=report)  # the last stage trained it in place
            if stage.merge is not None:
                computed = run_computed(
                    stage, config, backbone, zoo, tracker, experiment=experiment, replace=retrain, say=say
                )
                cards.append(computed)
                continue
            cards.append(
                run_stage(
                    stage,
                    config,
                    backbone,
                    zoo,
                    tracker,
                    experiment=experiment,
                    retrain=retrain,
                    report=report,
                    say=say,
                )
            )
        status = "FINISHED"
    finally:
        if len(stages) > 1:
            if cards:
                tracker.log_metrics({f"dev/{s.task}/{s.metric}/{s.language}": s.value for s in cards[-1].scores})
            tracker.close(status)
        for note in tracker.notes:
            say(note)
    return cards
