"""Drop the members of a fusion that get the least attention, one at a time, and say what that costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from toolkit.composition import Chain, Composition, Fuse, parse
from toolkit.errors import ToolkitError
from toolkit.evaluation import mean_mass
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.recipes.fusion.attention import measure
from toolkit.recipes.fusion.cost import Cheaper, Cost, cost_table, held_rows, log_costs, measure_cost
from toolkit.recipes.score.evaluate import choose_languages, heads_for, seed_of
from toolkit.recipes.score.publish import result_folder
from toolkit.recipes.session.circuits import adapter_shapes, trained_circuit
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.weights import file_of, load_part, places
from toolkit.results.score import Score
from toolkit.tasks import get_task
from toolkit.tasks.catalogue.trains_on import source_task
from toolkit.zoo import AdapterCard, Origin


def prune(
    expression: str,
    session: Session,
    *,
    keep: int,
    task: str | None = None,
    languages: str | Sequence[str] = "all",
    replace_entry: bool = False,
) -> Cheaper:
    """Drop members of a trained fusion until `keep` are left, and put the result into the zoo as `fuse[what is left]...`.

    The member with the least attention goes, then attention is measured again. It is measured on the dev rows of the language
    that the fusion was trained in; scores are of the task's own rows. Nothing is trained: fusion, adapter on top and head keep
    their weights.

    Args:
        expression: an entry that ends in a fusion, or in a fusion and the leaf trained with it.
        session: of the configuration.
        keep: how many members stay, at least two.
        task: whose rows are scored; default: the head's.
        languages: as for `evaluate`.
        replace_entry: replace an entry of the new name.

    Raises:
        ToolkitError: the expression is another circuit, `keep` is out of range, or the zoo holds the new name.
    """
    began = time.perf_counter()
    whole = closed(parse(expression))
    fusion = fusion_of(whole)
    if not 2 <= keep < len(fusion.members):
        raise ToolkitError(
            f"--keep {keep} is out of range: '{fusion}' has {len(fusion.members)} members; keep at least 2 and fewer than it has."
        )
    target = get_task(task or whole.head_name.name)
    source = source_task(get_task(whole.head_name.name))
    wanted = choose_languages(target, languages, session)
    zoo, shelf = session.zoo, session.shelf
    circuit, cards = trained_circuit(str(whole), session, heads=None)
    with circuit:
        heads_for(circuit, target)  # raises where the head does not answer the task
        specs, backbone = dict(circuit.specs), circuit.backbone
        held = held_rows(circuit, target, wanted, session)
    costs: list[Cost] = []
    first: dict[str, float] = {}
    scores: tuple[Score, ...] = ()
    current, note = whole, "whole"
    while True:
        with _wired(current, whole, specs, backbone, cards, session) as circuit:
            masses, _ = measure(circuit, source, source.train_language or "en", session, split="dev")
            block = str(fusion_of(current))
            mass = {name: value for (of, name), value in mean_mass(masses, "fusion", "member").items() if of == block}
            cost, scores = measure_cost(circuit, target, held, session, seed=seed_of(cards), note=note)
        first = first or mass
        costs.append(cost)
        if len(mass) == keep:
            break
        dropped = min(mass, key=mass.__getitem__)
        session.say(f"{block}: {dropped} gets {100 * mass[dropped]:.1f} % of the attention, the least, and goes.")
        current, note = _without(current, dropped), f"without {dropped}"
        if len(mass) == keep + 1 and zoo.holds(str(current), shelf) and not replace_entry:
            raise ToolkitError(f"The zoo holds '{current}' already; replace it with --replace, or keep another number.")
    entry = cards[str(whole)]
    copies = {file_of(part, str(current)) for part in current.parts if part.entry != str(current)}
    files = {file: zoo.tensors(entry, file) for file in entry.files if not file.startswith("below.") or file in copies}
    lineage = dict.fromkeys([*(part.entry for part in current.parts if part.entry != str(current)), entry.name])
    steps = [{"composition": one.composition, "score": one.score, "parameters": one.parameters} for one in costs]
    card = AdapterCard.made_by(
        str(current),
        Origin(entry.backbone, [zoo.get(name, shelf) for name in lineage], entry.data_seen),
        {**entry.recipe, "pruned": {"from": entry.name, "attention": first, "steps": steps}},
        tasks=entry.tasks,
        heads=entry.heads,
        scores=scores,
        seconds=time.perf_counter() - began,
    )
    card = zoo.put(card, files, replace=replace_entry)
    text = cost_table(costs, target, held)
    folder = result_folder(str(current), target.name, session.config, journey="prune")
    run_id = log_costs(current, target.name, costs, folder, text, session, journey="prune")
    return Cheaper(card=card, costs=tuple(costs), text=text, folder=folder, run_id=run_id)


def closed(composition: Composition) -> Composition:
    """Return the composition with the head that a fusion at its end was trained for.

    Example:
        >>> str(closed(parse("fuse[mnli,squad]")))
        'fuse[mnli,squad]@squad'
    """
    if composition.head is None and isinstance(composition.chain.units[-1], Fuse):
        return Composition(composition.chain, composition.head_name)
    return composition


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
        f"'{composition}' is no entry that holds a fusion; name one that ends in it, such as 'fuse[a,b,c]/t' or 'fuse[a,b,c]@t'."
    )


def _without(composition: Composition, member: str) -> Composition:
    place, fusion = _fusion_at(composition)
    left = Fuse(tuple(one for one in fusion.members if str(one) != member))
    units = composition.chain.units
    return Composition(Chain((*units[:place], left, *units[place + 1 :])), composition.head)


@contextmanager
def _wired(
    current: Composition,
    whole: Composition,
    specs: Mapping[str, HeadSpec],
    backbone: Backbone,
    cards: Mapping[str, AdapterCard],
    session: Session,
) -> Iterator[Circuit]:
    """Wire what is left of a fusion with the weights of the whole."""
    adapter, shapes = adapter_shapes(cards.values(), session.config)
    shapes[str(current)] = shapes[str(whole)]
    at = {(part.kind, part.entry): place for part, place in places(whole, cards).items()}
    with Circuit(
        backbone, current, heads=specs, adapter=adapter, shapes=shapes, fusion=session.config.fusion
    ) as circuit:
        for part in current.parts:
            is_own = part.entry == str(current)
            place = (str(whole), file_of(part)) if is_own else at[part.kind, part.entry]
            load_part(circuit, part, session, place=place)
        yield circuit
