"""Drop the members of a fusion that get the least attention, one at a time, and measure what that costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from toolkit.composition import Chain, Composition, Fuse, parse
from toolkit.composition.variants import closed, named
from toolkit.errors import ToolkitError
from toolkit.evaluation.attention import mean_mass
from toolkit.modeling.circuit import Circuit
from toolkit.recipes.fusion.attention import measure
from toolkit.recipes.fusion.cost import Cheaper, Cost, Held, held_rows, made_cheaper, measure_cost, results_of
from toolkit.recipes.fusion.storing import Storing
from toolkit.recipes.score.evaluate import choose_languages, heads_for, seed_of
from toolkit.recipes.session.circuits import adapter_shapes, trained_circuit
from toolkit.recipes.session.lease import leased_names
from toolkit.recipes.session.names import require_name, task_of
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.weights import file_of, load_part, places
from toolkit.results.score import Score
from toolkit.tasks import Task
from toolkit.zoo import AdapterCard, Origin


def prune(
    expression: str,
    session: Session,
    *,
    keep: int,
    task: str | None = None,
    languages: str | Sequence[str] = "all",
    storing: Storing = Storing(),  # noqa: B008  # frozen
) -> Cheaper:
    """Drop members of a trained fusion until `keep` are left, and put the result into the zoo.

    The entry is the fusion of what is left under a name of its own: `fuse[a,b]/t-pruned` of `fuse[a,b,c]/t`, which is not the
    `fuse[a,b]/t` that training makes.

    The member with the least attention goes, then attention is measured again. It is measured on the dev rows of the language
    that the fusion was trained in; scores are of the task's own rows. Nothing is trained: fusion, adapter on top and head keep
    their weights.

    Args:
        expression: an entry that ends in a fusion, or in a fusion and the leaf trained with it.
        session: of the configuration.
        keep: how many members stay, at least two.
        task: whose rows are scored; default: the head's.
        languages: as for `evaluate`.
        storing: the new entry's name, default the leaf's (or head's) with `-pruned`; and what may be replaced.

    Raises:
        ToolkitError: the expression is another circuit, `keep` is out of range, or the name is a task's or taken.
    """
    began = time.perf_counter()
    whole = closed(parse(expression))
    fusion = fusion_of(whole)
    if not 2 <= keep < len(fusion.members):
        raise ToolkitError(
            f"--keep {keep} is out of range: '{fusion}' has {len(fusion.members)} members; keep at least 2 and fewer than it has."
        )
    catalogue = session.catalogue
    head = task_of(whole, session)
    target = catalogue.get(task or head)
    source = catalogue.source_task(catalogue.get(head))
    name = storing.name or _pruned_name(whole)
    require_name(name, session)
    wanted = choose_languages(target, languages, session)
    circuit, cards = trained_circuit(str(whole), session, heads=None)
    with circuit:
        heads_for(circuit, target, session.config)  # raises where the head does not answer the task
        trained = _Trained(whole, cards, circuit, held_rows(circuit, target, wanted, session))
    with ExitStack() as held:
        tried = [_tried(whole, "whole", trained, source, session)]
        while len(tried[-1].mass) > keep:
            block, mass = fusion_of(tried[-1].composition), tried[-1].mass
            dropped = min(mass, key=mass.__getitem__)
            session.say(f"{block}: {dropped} gets {100 * mass[dropped]:.1f} % of the attention, the least, and goes.")
            current = named(_without(tried[-1].composition, dropped), name)
            if len(mass) == keep + 1:
                results = results_of(str(current), target.name, session, journey="prune")
                storing.require_free(str(current), session, results=results)
                held.enter_context(leased_names([str(current)], session, "pruned"))
            tried.append(_tried(current, f"without {dropped}", trained, source, session))
        card = replace(_card(tried, trained, session), seconds=round(time.perf_counter() - began, 1))
        card = session.zoo.put(card, _files(tried[-1].composition, trained, session), replace=storing.replace)
        return made_cheaper(card, [one.cost for one in tried], trained.held, session, journey="prune")


@dataclass(frozen=True)
class _Trained:
    """The fusion as it was trained.

    Attributes:
        whole: its composition.
        cards: of its entries.
        circuit: closed by now: its backbone and its heads' specifications are used.
        held: the rows scored.
    """

    whole: Composition
    cards: dict[str, AdapterCard]
    circuit: Circuit
    held: list[Held]


@dataclass(frozen=True)
class _Tried:
    """A fusion with some of its members: what each gets of the attention, what it costs and scores."""

    composition: Composition
    mass: dict[str, float]
    cost: Cost
    scores: tuple[Score, ...]


def _tried(current: Composition, note: str, trained: _Trained, source: Task, session: Session) -> _Tried:
    """Measure what is left of a fusion, with the weights of the whole."""
    with _wired(current, trained, session) as circuit:
        masses, _ = measure(circuit, source, source.train_language or "en", session, split="dev")
        block = str(fusion_of(current))
        mass = {name: value for (of, name), value in mean_mass(masses, "fusion", "member").items() if of == block}
        cost, scores = measure_cost(circuit, trained.held, session, seed=seed_of(trained.cards), note=note)
    return _Tried(current, mass, cost, scores)


def _card(tried: Sequence[_Tried], trained: _Trained, session: Session) -> AdapterCard:
    last, entry = tried[-1], trained.cards[str(trained.whole)]
    below = (part.entry for part in last.composition.parts if part.entry != str(last.composition))
    lineage = dict.fromkeys([*below, entry.name])
    costs = [one.cost for one in tried]
    steps = [{"composition": one.composition, "score": one.score, "parameters": one.parameters} for one in costs]
    return AdapterCard.made_by(
        str(last.composition),
        Origin(entry.backbone, [session.zoo.get(name, session.shelf) for name in lineage], entry.data_seen),
        {
            **entry.recipe,
            "trained_as": entry.trained_as,
            "pruned": {"from": entry.name, "attention": tried[0].mass, "steps": steps},
        },
        tasks=entry.tasks,
        heads={last.composition.head_name.name: entry.heads[trained.whole.head_name.name]},
        scores=last.scores,
    )


def _files(current: Composition, trained: _Trained, session: Session) -> dict[str, dict[str, np.ndarray]]:
    """Return the weights of what is left by file, with its copies of what is below it."""
    entry = trained.cards[str(trained.whole)]
    copies = {file_of(part, str(current)) for part in current.parts if part.entry != str(current)}
    kept = [file for file in entry.files if not file.startswith("below.") or file in copies]
    heads = {f"head.{trained.whole.head_name.name}.safetensors": f"head.{current.head_name.name}.safetensors"}
    return {heads.get(file, file): session.zoo.tensors(entry, file) for file in kept}


def _pruned_name(whole: Composition) -> str:
    stem = str(whole.head_name).replace(".", "-").removesuffix("-pruned")
    return f"{stem}-pruned"


def fusion_of(composition: Composition) -> Fuse:
    """Return the fusion that an entry ends in, alone or below the leaf that was trained with it.

    Raises:
        ToolkitError: it ends otherwise.
    """
    return _fusion_at(composition)[1]


def _fusion_at(composition: Composition) -> tuple[int, Fuse]:
    units = composition.chain.units
    for place in (len(units) - 1, len(units) - 2):
        unit = units[place] if place >= 0 else None
        # `fuse[...]/t@x` is an entry of the head x alone.
        if isinstance(unit, Fuse) and (place == len(units) - 1 or composition.head is None):
            return place, unit
    raise ToolkitError(
        f"'{composition}' is not an entry that holds a fusion; name one that ends in it, such as 'fuse[a,b,c]/t' or 'fuse[a,b,c]@t'."
    )


def _without(composition: Composition, member: str) -> Composition:
    place, fusion = _fusion_at(composition)
    left = Fuse(tuple(one for one in fusion.members if str(one) != member))
    units = composition.chain.units
    return Composition(Chain((*units[:place], left, *units[place + 1 :])), composition.head)


@contextmanager
def _wired(current: Composition, trained: _Trained, session: Session) -> Iterator[Circuit]:
    """Wire what is left of a fusion with the weights of the whole."""
    whole, fusion = trained.whole, session.config.fusion
    adapter, shapes = adapter_shapes(trained.cards.values(), session.config)
    shapes[str(current)] = shapes[str(whole)]
    at = {(part.kind, part.entry): place for part, place in places(whole, trained.cards).items()}
    backbone, heads = trained.circuit.backbone, {current.head_name.name: trained.circuit.spec}
    with Circuit(backbone, current, heads=heads, adapter=adapter, shapes=shapes, fusion=fusion) as circuit:
        for part in current.parts:
            is_own = part.entry == str(current)
            named_there = replace(part, name=whole.head_name.name) if part.kind == "head" else part
            place = (str(whole), file_of(named_there)) if is_own else at[part.kind, part.entry]
            load_part(circuit, part, session, place=place)
        yield circuit
