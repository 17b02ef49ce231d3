"""Plan of a suite: the composition that scores each task, given one expression for all, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.composition import Composition, CompositionError, parse
from toolkit.composition.exchange import in_language
from toolkit.config.command import command
from toolkit.errors import ToolkitError
from toolkit.recipes.session.home import home_language
from toolkit.recipes.session.session import Session
from toolkit.report import Table, render
from toolkit.report.table import Cell
from toolkit.tasks import Catalogue
from toolkit.tasks.kinds import RETRIEVED
from toolkit.tasks.suites import Entry, Suite, get_suite

TARGET = "TARGET"
_TARGET = re.compile(rf"\b{TARGET}\b")


@dataclass(frozen=True)
class Part:
    """One task of a suite and what scores it.

    Attributes:
        entry: the task as the benchmark counts it.
        composition: what is scored on it; empty where there is none.
        languages: those of the benchmark whose rows can be had.
        lacks: why it cannot be scored, as a sentence; empty where it can.
        command: the command that trains it, where one does.
    """

    entry: Entry
    composition: str
    languages: tuple[str, ...]
    lacks: str = ""
    command: str = ""

    @property
    def without(self) -> tuple[str, ...]:
        """Those of the benchmark's languages whose rows cannot be had."""
        return tuple(code for code in self.entry.languages if code not in self.languages)


def plan_suite(
    expression: str, session: Session, *, suite: str, instead: Mapping[str, str] | None = None
) -> tuple[Part, ...]:
    """Return what would score each task of a suite, and what it lacks. Loads no model.

    `TARGET` in the expression stands for what is trained for a task: the task that lends its rows (squad for xquad and
    mlqa), or, where the expression has that adapter already, a task of the suite that borrows them (`squad/xquad`). Of the
    ways to write it the first that the zoo holds is taken. Tasks scored by retrieval take what is below `TARGET`, and so
    does a task that is an intermediate of the expression itself.

    Args:
        expression: a composition with `TARGET` in it, for example `fuse[mnli,squad]/TARGET`; `TARGET` alone: without
            an intermediate task.
        suite: name of a suite.
        instead: task -> composition to take for it, whatever the expression says.

    Raises:
        ToolkitError: no such suite, an expression without `TARGET` or that is not a composition, or `instead` names a task
            that the suite lacks.
    """
    chosen, given = get_suite(suite), dict(instead or {})
    for task in given:
        if task not in chosen.tasks:
            raise ToolkitError(f"The suite '{suite}' has no task '{task}'; it has {', '.join(chosen.tasks)}.")
    check(expression)
    return tuple(_part(expression, entry, chosen, session, given.get(entry.task)) for entry in chosen.entries)


def describe_suite(planned: Sequence[Part]) -> str:
    """Return a plan as text: what scores each task, what is missing, and the commands that train it."""
    rows: list[tuple[Cell, ...]] = [
        (part.entry.task, part.composition or "-", share(part), "ready" if not part.lacks else part.lacks)
        for part in planned
    ]
    commands = dict.fromkeys(part.command for part in planned if part.command)
    table = Table("", ("task", "composition", "languages", "state"), tuple(rows))
    text = render(table, "text", width=400)
    text += "".join(f"{part.entry.task}: no rows in {', '.join(part.without)}.\n" for part in planned if part.without)
    return text + ("\nTo train what is missing:\n" + "".join(f"  {each}\n" for each in commands) if commands else "")


def share(part: Part) -> str:
    """Return how many of the benchmark's languages can be had."""
    return f"{len(part.languages)} of {len(part.entry.languages)}"


def check(expression: str) -> None:
    """Raise where an expression does not say where each task's own adapter goes, or is not a composition."""
    if not _TARGET.search(expression):
        raise ToolkitError(
            f"'{expression}' does not say where each task's own adapter goes; write {TARGET} there, as in "
            f"'{expression}/{TARGET}'."
        )
    parse(filled(expression))


def filled(expression: str, target: str = TARGET.lower()) -> str:
    """Return the expression with a name in the place of `TARGET`."""
    return _TARGET.sub(target, expression)


def _part(expression: str, entry: Entry, suite: Suite, session: Session, given: str | None) -> Part:
    config, catalogue = session.config, session.catalogue
    if entry.task not in catalogue:
        return Part(entry, "", (), "the catalogue has no such task.")
    task = catalogue.get(entry.task)
    reachable = task.reachable("score", data_root=config.data_root)
    languages = tuple(code for code in entry.languages if code in reachable)
    ways = [parse(given)] if given else _ways(expression, entry, suite, catalogue)
    part = Part(entry, str(ways[0]) if ways else "", languages)
    if not languages:
        return replace(part, lacks="no data can be reached; `xstilts doctor` says where it was looked for.")
    if not ways:
        return replace(
            part, lacks=f"'{expression}' leaves no circuit for it; name one with --instead {entry.task}=EXPR."
        )
    for way in ways:
        home = home_language(way, session) if way.follows_rows else None
        parts = way.parts if home is None else in_language(way, home).parts
        needed = [one for one in parts if one.kind != "head" or task.kind not in RETRIEVED]
        if all(session.zoo.holds(one.entry, session.shelf) for one in needed):
            return replace(part, composition=str(way))
    return replace(
        part,
        lacks=f"'{ways[0]}' is not trained.",
        command=command("train", str(ways[0]), config=config),
    )


def _ways(expression: str, entry: Entry, suite: Suite, catalogue: Catalogue) -> list[Composition]:
    """Return the compositions that would score a task, the best first."""
    task = catalogue.get(entry.task)
    text = "backbone" if expression == TARGET else re.sub(rf"[/@]{TARGET}$", "", expression)
    below = [] if _TARGET.search(text) else [parse(text)]
    if task.kind in RETRIEVED:
        return below
    lender = task.trains_on or task.name
    borrowers = [
        each.task
        for each in suite.entries
        if each.task in catalogue and lender in (each.task, catalogue.get(each.task).trains_on)
    ]
    held = {name.name for name in parse(filled(expression)).leaves()}
    found = []
    for name in dict.fromkeys([*entry.trains_as, lender, *borrowers, task.name]):
        if held & set(re.split(r"[\[\],]", name)):
            continue
        try:
            found.append(parse(filled(expression, name)))
        except CompositionError:
            continue  # `seq[siqa,copa]` cannot be everywhere
    # A task that is itself an intermediate of the expression: the adapter is there already.
    return found or below
