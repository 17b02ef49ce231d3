"""Process of a sweep: it does steps with the ordinary journeys."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.config import Config, from_dict
from toolkit.engine.messages import Answer, Hire, Job
from toolkit.engine.process import Voice, main
from toolkit.errors import ToolkitError
from toolkit.progress import Progress, Tell
from toolkit.recipes.session.backbones import open_backbone
from toolkit.recipes.session.gpus import take_own_gpu
from toolkit.recipes.session.resources import forget_peak, peak_memory_mib
from toolkit.recipes.session.session import Session
from toolkit.recipes.sweep.facts import BackboneFact, Need, RowsFact
from toolkit.recipes.sweep.messages import (
    CloseRun,
    DoStep,
    LookedUp,
    LookUp,
    Measure,
    OpenRun,
    Outcome,
    Resumed,
    StepDone,
)
from toolkit.recipes.sweep.own_run import OwnRun
from toolkit.recipes.sweep.speed import measure
from toolkit.results.score import from_dict as score_from_dict
from toolkit.sweeps import Step
from toolkit.tasks import Catalogue, catalogue_of
from toolkit.zoo import Zoo
from toolkit.zoo.entry import swap_in
from toolkit.zoo.scored import SCORES_FILE


class Steps:
    """What a process of a sweep can do; see `toolkit.engine.process`."""

    def __init__(self) -> None:
        self.own_run = OwnRun()

    def begin(self, hired: Hire, voice: Voice) -> None:
        """Take a GPU."""
        take_own_gpu(hired.number, voice.say)

    def do(self, job: Job, hired: Hire, voice: Voice) -> Answer:
        """Do a job of a sweep."""
        match job:
            case LookUp():
                return _look_up(job, hired.places, voice)
            case Measure():
                return measure(job.steps, hired.places, report=voice.report, say=voice.log)
            case DoStep():
                return _step(job, hired.places, voice, self.own_run)
            case OpenRun():
                return self.own_run.open(job, _session(hired.places, voice))
            case CloseRun():
                return self.own_run.close(job, _session(hired.places, voice))
        raise AssertionError(job)

    def stop(self, hired: Hire, voice: Voice) -> None:
        """End the sweep's own run, where this process has opened it."""
        if self.own_run.killed is not None:
            self.own_run.close(self.own_run.killed, _session(hired.places, voice))


TRADE = Steps


def _session(places: Mapping[str, Any], voice: Voice) -> Session:
    return Session.open(_configured({}, places), say=voice.say)


def _configured(settings: Mapping[str, Any], places: Mapping[str, Any], **more: Any) -> Config:
    return from_dict({**settings, **places, **more})


# -- facts --------------------------------------------------------------------------------------------------------


def _look_up(job: LookUp, places: Mapping[str, Any], voice: Voice) -> LookedUp:
    """Look up the weights and rows that determine results and that no configuration holds."""
    backbones: dict[str, BackboneFact] = {}
    rows: dict[str, RowsFact] = {}
    for name in job.backbones:
        hub_id, revision, precision = json.loads(name)
        settings = {"backbone": {"name": hub_id, "revision": revision, "precision": precision}}
        backbone = open_backbone(Session.open(_configured(settings, places), report=voice.report, say=voice.log))
        backbones[name] = {"digest": backbone.digest, "precision": backbone.precision}
    catalogue = catalogue_of(places["task_files"])
    for number, need in enumerate(job.needs):
        voice.report(Progress("look at the rows", number, len(job.needs)))
        rows[need.name] = _rows_fact(need, places, catalogue)
    voice.report(Progress("look at the rows", len(job.needs), len(job.needs)))
    return LookedUp(backbones, rows)


def _rows_fact(need: Need, places: Mapping[str, Any], catalogue: Catalogue) -> RowsFact:
    task = catalogue.get(need.task)
    root = None if places["data_root"] is None else Path(places["data_root"])
    try:
        if need.languages in ("all", "pairs"):
            codes = list(task.reachable(need.split, data_root=root, has_pairs=need.languages == "pairs"))
        else:
            codes = need.languages.split(",")
        found = {code: task.rows(need.split, code, data_root=root, limit=need.limit, seed=need.seed) for code in codes}
        prints = [(code, rows.fingerprint) for code, rows in found.items()]
    except ToolkitError as error:
        return {"fault": str(error)}
    whole = hashlib.sha256(json.dumps(prints).encode()).hexdigest()[:16]
    n_rows = sum(len(rows) for rows in found.values())
    fact: RowsFact = {"fingerprint": whole, "rows": n_rows}
    if need.limit is not None:
        fact["is_drawn"] = True
    if roads := sorted({rows.road for rows in found.values() if rows.road}):
        fact["roads"] = roads
    return fact


# -- steps --------------------------------------------------------------------------------------------------------


def _step(job: DoStep, places: Mapping[str, Any], voice: Voice, own_run: OwnRun) -> StepDone:
    """Do one step in its own folder, whose zoo holds links to what the step builds on, and its own entry."""
    root, home = Path(job.root), Path(job.home)
    config = _configured(job.step.settings, places, zoo=home / "zoo", run_dir=home / "runs")
    tracking = replace(config.tracking, parent=job.run_id or None, experiment=job.experiment)
    config = replace(config, tracking=tracking)
    session = Session.open(config, report=voice.report, say=voice.log, tracker=own_run.of_steps(config))
    for below in job.below:
        adopt(Zoo(root / below.zoo), session.zoo, below.entry, session.shelf)
    forget_peak()
    began = time.perf_counter()
    done = _train(job.step, session, voice) if job.step.is_stage else _score(job, session)
    folder = home.relative_to(root) if job.step.is_stage else Path(done.folder).resolve().relative_to(root.resolve())
    predictions = folder / "predictions"
    return replace(
        done,
        seconds=round(time.perf_counter() - began, 3),
        peak_memory_mib=round(peak_memory_mib(), 1),
        parents={name: session.zoo.get(name, session.shelf).digest for name in job.direct},
        folder=str(folder),
        predictions=str(predictions) if not job.step.is_stage and (root / predictions).exists() else "",
    )


def _train(step: Step, session: Session, voice: Voice) -> StepDone:
    from toolkit.recipes.train.train import train

    first: list[int] = []
    has_checkpoint = any((session.config.run_dir / "checkpoints").rglob("checkpoint.pt"))

    def report(progress: Progress) -> None:
        if progress.what.startswith("train ") and not first:
            first.append(progress.done - 1 if has_checkpoint else 0)
            voice.send(Resumed(first[0]))
        voice.report(progress)

    made = train(step.composition, replace(session, tell=Tell(report, voice.log)))
    card = session.zoo.get(step.composition, session.shelf)
    scores = tuple(score_from_dict(row.to_dict()) for row in card.scores)
    return _done("made" if made else "found", scores, digest=card.digest)


def _score(job: DoStep, session: Session) -> StepDone:
    from toolkit.recipes.score.contamination import contamination
    from toolkit.recipes.score.evaluate import evaluate
    from toolkit.recipes.score.retrieve import retrieve

    step = job.step
    journey: Callable[..., Any] = evaluate if step.kind == "evaluate" else retrieve
    found = journey(step.composition, session, task=step.task, languages=step.languages)
    cards = [session.zoo.get(name, session.shelf) for name in job.direct]
    seen = tuple(contamination(cards, session.catalogue.get(step.task), session.zoo))
    return _done("made", tuple(found.scores), folder=str(found.folder), contamination=seen)


def _done(outcome: Outcome, scores: tuple[Any, ...], **more: Any) -> StepDone:
    """Return an answer without what the step costs, which the caller measures."""
    return StepDone(outcome, 0.0, 0.0, {}, more.pop("folder", ""), scores, **more)


def adopt(source: Zoo, into: Zoo, entry: str, shelf: str) -> None:
    """Put an entry of one zoo into another one of the same disk, by hard links: all of it or nothing.

    A sweep holds an entry as often as something builds on it, so it is linked; a file system without links gets copies.
    """
    card = source.get(entry, shelf)
    if into.holds(entry, shelf) and into.get(entry, shelf).digest == card.digest:
        return
    folder = source.folder(card)
    home = into.root / folder.relative_to(source.root)
    with into.writing(home.parent):
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=home.parent))
        for file in folder.iterdir():
            put = shutil.copy2 if file.name == SCORES_FILE else os.link  # lines are added to scores
            try:
                put(file, new / file.name)
            except OSError:
                shutil.copy2(file, new / file.name)
        new.chmod(0o755)
        swap_in(new, home)


if __name__ == "__main__":
    main(TRADE())
