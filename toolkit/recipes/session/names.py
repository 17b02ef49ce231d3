"""Names of variants: which may be given, which are free, and the task that one answers."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.composition import Chain, Composition, Name, parse
from toolkit.composition.variants import named
from toolkit.errors import ToolkitError
from toolkit.recipes.session.session import Session
from toolkit.zoo import AdapterCard


def require_name(name: str, session: Session) -> None:
    """Raise unless a name may be given to an entry: a plain NAME that is not a task's."""
    composition = parse(name)
    if composition.chain.units != (Name(name),) or composition.head is not None or composition.is_backbone:
        raise ToolkitError(f"'{name}' is not a plain name; an entry of its own name takes one, such as 'mnli-seed1'.")
    if name in session.catalogue:
        raise ToolkitError(
            f"'{name}' is a task, whose name is that of the adapter trained on its rows; choose another name, such as '{name}-2'."
        )


def free_name(card: AdapterCard, hint: str, session: Session) -> str:
    """Return a name that neither the zoo nor the catalogue has, for a variant of an entry."""
    composition = parse(card.name)
    stem = str(composition.head_name).replace(".", "-")
    number = 1
    while True:
        name = f"{stem}-{hint}" + (f"-{number}" if number > 1 else "")
        if name not in session.catalogue and not session.zoo.holds(str(named(composition, name)), session.shelf):
            return name
        number += 1


def task_of(composition: Composition, session: Session) -> str:
    """Return the name of the task that a composition's head answers: of a variant, the one that it was trained on."""
    name = composition.head_name.name
    if name in session.catalogue:
        return name
    holders = [part.entry for part in composition.parts if part.kind == "head"][-1:]
    if not composition.is_backbone:
        # A merge that is not made yet takes its heads from its members.
        holders.append(str(Composition(Chain(composition.chain.units[:-1]) / composition.head_name)))
    for entry in holders:
        if session.zoo.holds(entry, session.shelf):
            return session.zoo.get(entry, session.shelf).task or name
    return name


def of_language(task: str, languages: str | Sequence[str]) -> tuple[str, str | Sequence[str]]:
    """Return a task and the languages of its rows, where the two are written as in a composition.

    Raises:
        ToolkitError: languages are named twice.

    Example:
        >>> of_language("text.sw", "all"), of_language("xnli", "de,fr")
        (('text', 'sw'), ('xnli', 'de,fr'))
    """
    name, dot, language = task.partition(".")
    if not dot:
        return task, languages
    if languages != "all":
        raise ToolkitError(f"'{task}' names the rows in {language}; leave --languages out, or write --task {name}.")
    return name, language
