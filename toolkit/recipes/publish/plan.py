"""Plan of `results`: what `eval` and `retrieve` left of a composition, task by task."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.composition import parse
from toolkit.errors import ToolkitError
from toolkit.evaluation.identity import read_identity
from toolkit.recipes.score.answers import FOLDER
from toolkit.recipes.score.publish import result_folder
from toolkit.recipes.score.suite_plan import TARGET, plan_suite
from toolkit.recipes.session.session import Session
from toolkit.results.score import Score, read_json
from toolkit.tasks import Task
from toolkit.tasks.kinds import RETRIEVED

Layout = Literal["csv", "json", "mteb", "xtreme"]


@dataclass(frozen=True)
class Held:
    """What one journey left of a composition on a task.

    Attributes:
        task: the task.
        composition: what was scored.
        folder: of its files.
        scores: as `scores.json` has them.
        weights: digest of what answered, for a reader: of the backbone and of every entry.
    """

    task: Task
    composition: str
    folder: Path
    scores: tuple[Score, ...]
    weights: str

    @property
    def predictions(self) -> Path:
        """The folder of its predictions."""
        return self.folder / FOLDER


def held_results(expression: str, session: Session, tasks: Iterable[str] = ()) -> list[Held]:
    """Return what was left of a composition, or of each task's own where the expression holds `TARGET`.

    Args:
        expression: a composition, or one with `TARGET` for the tasks of XTREME (as `eval --suite xtreme` takes it).
        tasks: only these; none: all that are there.

    Raises:
        ToolkitError: nothing is there, or nothing of a task that is named.
    """
    if TARGET in expression:
        by_task = {part.entry.task: part.composition for part in plan_suite(expression, session, suite="xtreme")}
    else:
        own = str(parse(session.spelled(expression)))
        by_task = {task.name: own for task in session.catalogue}
    wanted = list(tasks)
    for name in wanted:
        session.catalogue.get(name)
    found = [
        held
        for name, composition in by_task.items()
        if composition and (not wanted or name in wanted) and (held := _held(name, composition, session)) is not None
    ]
    missing = [name for name in wanted if name not in {each.task.name for each in found}]
    if missing or not found:
        name = missing[0] if missing else "xnli"
        journey = "retrieve" if session.catalogue.get(name).kind in RETRIEVED else "eval"
        raise ToolkitError(
            f"{session.config.run_dir} holds no results of '{expression}'{f' on {name}' if missing else ''}; "
            f"`xstilts {journey} '{expression}' --task {name}` makes them."
        )
    return found


def _held(name: str, composition: str, session: Session) -> Held | None:
    task = session.catalogue.get(name)
    journey = "retrieve" if task.kind in RETRIEVED else "eval"
    folder = result_folder(composition, name, session.config, journey=journey)
    if not (folder / "scores.json").is_file():
        return None
    scores = tuple(read_json(folder / "scores.json"))
    identity = read_identity(folder / FOLDER) or {}
    entries = "+".join(f"{entry}-{digest[:8]}" for entry, digest in sorted(dict(identity.get("entries") or {}).items()))
    weights = "+".join(filter(None, [str(identity.get("backbone", "unknown"))[:12], entries]))
    return Held(task, composition, folder, scores, weights) if scores else None
