"""Loading of a model: the composition wired on a backbone of its own, with its weights checked as for an evaluation."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from toolkit.composition import Composition, parse
from toolkit.errors import ToolkitError
from toolkit.recipes.answer.model import Model, Wired
from toolkit.recipes.score.evaluate import heads_for
from toolkit.recipes.session.backbones import take_backbone
from toolkit.recipes.session.circuits import say_path, trained_circuit
from toolkit.recipes.session.home import held_languages
from toolkit.recipes.session.names import task_of
from toolkit.recipes.session.session import Session
from toolkit.tasks.kinds import EVALUATED
from toolkit.tasks.own.convert import refuse_other_kinds

# Wiring draws from the process's generators, and a random backbone is what they are seeded for: threads load in turn.
_ALONE = Lock()


def load_model(expression: str, session: Session, *, task: str | None = None, lock: Path | None = None) -> Model:
    """Load a trained composition.

    Args:
        expression: composition whose entries the zoo holds, or `backbone` for vectors alone.
        session: of the configuration.
        task: whose rows it answers; None: the task that its head was trained on.
        lock: a lock file (`zoo lock`); anything but the weights that it pins is refused.

    Raises:
        ToolkitError: it is not trained, not sound, gives several answers at once, or its head does not answer the task.
    """
    composition = parse(expression)
    if composition.is_parallel:
        raise ToolkitError(f"'{expression}' gives several answers to one row; load one member at a time.")
    target = None if task is None else session.catalogue.get(task)
    if target is not None:
        refuse_other_kinds(target)
    spoken = list(held_languages(composition, session)) if composition.follows_rows else None
    no_head = "" if target is not None else _lacks_head(composition, session)
    with _ALONE:
        circuit, cards = trained_circuit(
            expression, session, heads={} if no_head else None, lock=lock, backbone=take_backbone, languages=spoken
        )
    try:
        say_path(circuit, session.say)
        if no_head:
            return Model(Wired(circuit, cards, None, no_head=no_head), session)
        if target is None:
            target = session.catalogue.get(task_of(composition, session))
        (head,) = heads_for(circuit, target, session.config)
        return Model(Wired(circuit, cards, target, head), session)
    except BaseException:
        circuit.close()
        raise


def _lacks_head(composition: Composition, session: Session) -> str:
    """Return why a composition answers no row, or an empty text: it has no head, or one that only pools vectors."""
    text = str(composition)
    heads = [part for part in composition.parts if part.kind == "head"]
    if not heads:
        return f"'{text}' has no head, so it gives vectors and no answers; name a composition with one, such as {text}@mnli."
    for part in heads:
        if not session.zoo.holds(part.entry, session.shelf):
            return ""  # the sentence of what is not trained says more
        held = session.zoo.get(part.entry, session.shelf).heads.get(part.name)
        if held is None:
            return f"'{part.entry}' was imported without a head '{part.name}', so it gives vectors and no answers."
        if held.kind not in EVALUATED:
            return (
                f"'{text}' was trained to retrieve, so it gives vectors and no answers: `model.embed`, `xstilts embed`."
            )
    return ""
