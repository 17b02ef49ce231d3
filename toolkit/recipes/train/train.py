"""Train what a composition lacks, stage by stage, each into the zoo."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.composition import Composition, parse
from toolkit.composition.stages import Stage
from toolkit.config import to_dict
from toolkit.errors import ToolkitError, ZooError
from toolkit.files import load_json, replace_text
from toolkit.recipes.session.backbones import is_here, open_backbone
from toolkit.recipes.session.home import as_trained
from toolkit.recipes.session.lease import leased_names
from toolkit.recipes.session.names import task_of
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.together import together
from toolkit.recipes.session.weights import require_locked
from toolkit.recipes.train.merge import run_computed
from toolkit.recipes.train.pending import complete
from toolkit.recipes.train.plan import Asked, Planned, plan_training, require_asked
from toolkit.recipes.train.settings import whole_settings
from toolkit.recipes.train.sources import sources_of
from toolkit.recipes.train.stage import run_stage
from toolkit.zoo import AdapterCard
from toolkit.zoo.lock import read_lock

_WORK = ("backbone", "adapter", "train", "merge", "fusion")  # the settings that make two trainings the same work


def train(
    expression: str,
    session: Session,
    *,
    asked: Asked = Asked(),  # noqa: B008  # frozen
    lock: Path | None = None,
) -> list[AdapterCard]:
    """Train every stage that the zoo lacks for a composition.

    Args:
        expression: composition, for example `fuse[mnli,squad]/xquad`.
        session: of the configuration; its reader gets the plan, settings and notes.
        asked: the name of a variant, and what is trained again.
        lock: a lock file (`zoo lock`); what is trained on must be what it pins, and what it pins is never trained here.

    Returns:
        The cards of the entries that were made, in order; empty where the zoo held them all.

    Raises:
        ToolkitError: the zoo holds what was asked for, trained with other settings.
    """
    return together(session, lambda own: _trained(expression, own, asked, lock))


def _trained(expression: str, session: Session, asked: Asked, lock: Path | None) -> list[AdapterCard]:
    composition = as_trained(parse(expression), session)
    config, zoo, shelf = session.config, session.zoo, session.shelf
    if config.train.learn == "all" and config.adapter.kind == "full":
        raise ToolkitError("`adapter: full` learns in the whole encoder already; leave train.learn out.")
    complete(session)
    planned = plan_training(expression, session, asked)
    stages = planned.stages
    made = {entry for stage in stages for entry in stage.makes}
    pinned = [] if lock is None else [entry for entry in read_lock(lock).entries if entry in made]
    if pinned:
        raise ZooError(
            f"{lock} pins '{pinned[0]}', which would be trained here; pull it (`xstilts zoo pull SRC --lock {shlex.quote(str(lock))}`)."
        )
    require_asked(planned, session, force=asked.force)
    session.say(planned.brief)
    if not stages:
        session.tracker.tidy()  # the command before may have been killed when only its record was missing
        with _whole_run(composition, stages, session, asked) as last:
            if last and zoo.holds(last, shelf):
                _log_dev(zoo.get(last, shelf), session)
            return []
    if lock is not None:
        used = dict.fromkeys(parent for stage in stages for parent in stage.parents if parent not in made)
        require_locked(lock, [zoo.get(entry, shelf) for entry in used], expression)
    experiment = _experiment(stages, session)
    with leased_names(made, session), _whole_run(composition, stages, session, asked):
        _require_as_planned(made, planned, session)
        cards: list[AdapterCard] = []
        try:
            for card in _made(stages, session, experiment=experiment, replaced=planned.replaced):
                cards.append(card)
        finally:
            if cards:  # of the run of several stages, where there is one
                _log_dev(cards[-1], session)
    return cards


def _log_dev(card: AdapterCard, session: Session) -> None:
    session.tracker.log_metrics({f"dev/{s.task}/{s.metric}/{s.language}": s.value for s in card.scores})


def _require_as_planned(made: Iterable[str], planned: Planned, session: Session) -> None:
    """Raise where the zoo got an entry after the plan was made: whoever held its name has just made it."""
    for entry in made:
        if entry not in planned.replaced and session.zoo.holds(entry, session.shelf):
            raise ToolkitError(
                f"The zoo {session.config.zoo} got '{entry}' from another process at this moment; run the same command again."
            )


@contextmanager
def _whole_run(composition: Composition, stages: Sequence[Stage], session: Session, asked: Asked) -> Iterator[str]:
    """Keep the run that the runs of several stages are nested under, and give its last entry; empty without such a run.

    A file next to the checkpoints says that it is not finished: the command that continues may have one stage left, or none.
    """
    work = _work(composition, asked, session)
    mark = Path(session.config.run_dir) / "checkpoints" / f"{work}.json"
    known = _read(mark)
    if len(stages) < 2 and not known:
        yield ""
        return
    n_stages = int(known.get("stages", len(stages)))
    experiment = str(known.get("experiment") or _experiment(stages, session))
    last = str(known.get("last") or (stages[-1].entry if stages else ""))
    with session.tracked(
        f"train {composition}, {n_stages} stages",
        experiment=experiment,
        tags={**composition.tags(), "journey": "train", "backbone": session.config.backbone.name},
        params={"stages": n_stages},
        resume=work,
    ):
        if session.config.tracking.enabled:
            replace_text(mark, json.dumps({"stages": n_stages, "experiment": experiment, "last": last}))
        yield last
    mark.unlink(missing_ok=True)


def _read(mark: Path) -> dict[str, Any]:
    try:
        found = load_json(mark)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _experiment(stages: Sequence[Stage], session: Session) -> str:
    """Return where `eval` of the same expression goes as well: all that was done for a target is one experiment."""
    return session.catalogue.get(task_of(stages[-1].circuit, session)).name


def _work(composition: Composition, asked: Asked, session: Session) -> str:
    """Return the key of a training of several stages: by it the command that continues finds the run that it left."""
    settings = {name: value for name, value in to_dict(session.config).items() if name in _WORK}
    settings["train"] = whole_settings(session.config.train, processes=session.ranks.count)
    told = json.dumps([str(composition), asked.name, settings], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _made(
    stages: Sequence[Stage], session: Session, *, experiment: str, replaced: Collection[str]
) -> Iterator[AdapterCard]:
    """Make the stages one after another, and yield their cards."""
    held = dict.fromkeys(name for stage in stages for name in stage.parents if session.zoo.holds(name, session.shelf))
    cards = [session.zoo.get(name, session.shelf) for name in held]
    if not is_here(session):
        for stage in stages:
            if stage.merge is None:
                sources_of(stage, session)  # rows that cannot be had are found before a large download
    backbone = open_backbone(session, cards)
    for number, stage in enumerate(stages):
        if session.config.adapter.kind == "full" and number > 0:
            backbone = open_backbone(session, cards)  # the last stage trained it in place
        make = run_stage if stage.merge is None else run_computed
        yield make(
            stage, session, backbone, experiment=experiment, is_replaced=any(entry in replaced for entry in stage.makes)
        )
