"""Circuits with trained weights, and the words that say how they compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.composition import Composition, parse
from toolkit.config import AdapterConfig, Config, TrainConfig
from toolkit.config.words import Pooling
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HEADS, HeadSpec
from toolkit.modeling.passes import Follower
from toolkit.progress import Say
from toolkit.recipes.session.backbones import fetched, open_backbone
from toolkit.recipes.session.exchange import SHAPE, exchange_of, require_fitting
from toolkit.recipes.session.home import several
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.weights import check_entry, load_part, places, require_locked, require_trained
from toolkit.tasks import Task
from toolkit.zoo import AdapterCard, Head


def head_spec(task: Task, train: TrainConfig | None = None) -> HeadSpec:
    """Return the head that answers a task, with the pooling, temperature and dropout of its training."""
    form = HEADS.get(task.kind)
    labels = task.labels if form is not None and form.has_labels else ()
    if train is None:
        return HeadSpec(task.kind, labels)
    return HeadSpec(task.kind, labels, train.pooling, train.temperature, train.head_dropout)


def trained_circuit(
    text: str,
    session: Session,
    *,
    heads: Mapping[str, HeadSpec] | None,
    lock: Path | None = None,
    backbone: Callable[[Session, Iterable[AdapterCard]], Backbone] = open_backbone,
    languages: Sequence[str] | None = None,
) -> tuple[Circuit, dict[str, AdapterCard]]:
    """Wire a composition and load every part from the zoo.

    Args:
        text: composition.
        heads: heads to hold; None takes those that the composition's own cards describe, {} none (retrieval).
        lock: a lock file; every entry must be the one that it names.
        backbone: gives the backbone, once every entry is found sound.
        languages: of the rows that it will answer; a composition that follows them (`text.*/mnli`) can turn to these.

    Returns:
        The circuit, its head chosen, and the cards of its entries by name, those of its own parts last.
    """
    composition = parse(text)
    exchange = None
    if composition.follows_rows:
        if languages is None:
            raise ToolkitError(several(composition, session))
        exchange = exchange_of(composition, languages, session, has_head=heads != {})
        composition = exchange.home
    config, zoo, shelf = session.config, session.zoo, session.shelf
    needed = [part for part in composition.parts if part.kind != "head" or heads != {}]
    if heads != {}:
        require_trained(composition, session)
    else:
        _require_modules(composition, session)
    cards = {part.entry: zoo.get(part.entry, shelf) for part in needed}
    # An entry of a head alone may hold copies of what is below it, which retrieval takes as well.
    copies = {entry: zoo.get(entry, shelf) for entry in composition.entries if zoo.holds(entry, shelf)}
    held_at = places(composition, cards | copies)
    cards |= {entry: copies[entry] for entry, _ in held_at.values() if entry in copies}
    if exchange is not None:
        cards = {entry: zoo.get(entry, shelf) for entry in exchange.entries if entry not in cards} | cards
        require_fitting(exchange, cards)
    require_locked(lock, cards.values(), text)
    for card in cards.values():
        check_entry(card, session)
    if heads is None:
        heads = _described(composition, cards)
    if session.ranks.count > 1:
        session.ranks.broadcast(_Wired(text, fetched(session, cards.values()), heads, languages))
    loaded = backbone(session, cards.values())
    adapter, shapes = adapter_shapes(cards.values(), config)
    circuit = Circuit(loaded, composition, heads=heads, adapter=adapter, shapes=shapes, fusion=config.fusion)
    try:
        # A fully trained encoder is its last entry's; the earlier ones of a chain are history.
        skipped = set(circuit.parts[:-1]) if circuit.is_full else set()
        for part in needed:
            if part not in skipped:
                load_part(circuit, part, session, place=held_at[part])
        circuit.eval()
        if config.eval.fold and not (config.fusion == "reference" and circuit.fusion_path):
            circuit.fold()
    except BaseException:
        circuit.close()
        raise
    circuit.ranks = session.ranks
    if exchange is not None:
        exchange.attach(circuit, session, held_at)
    return circuit, cards


def _described(composition: Composition, cards: Mapping[str, AdapterCard]) -> dict[str, HeadSpec]:
    """Return the heads of a composition as the cards of its entries describe them."""
    heads = {}
    for part in composition.parts:
        if part.kind == "head":
            card = cards[part.entry]
            held = card.heads.get(part.name)
            if held is None:
                raise ZooError(
                    f"'{part.entry}' was imported without a head '{part.name}', so it cannot answer; retrieve with it, "
                    f"train on top of it, or import it again from a folder with its head."
                )
            key = part.entry if composition.is_parallel and composition.head is None else part.name
            heads[key] = _spec(held, card.pooling(part.name))
    return heads


@dataclass(frozen=True)
class _Wired:
    """The composition that every process of a run wires and loads."""

    text: str
    config: Config
    heads: Mapping[str, HeadSpec]
    languages: Sequence[str] | None

    def do(self, follower: Follower) -> None:
        """Hold the circuit; what it is made from was found right by the main process."""
        session = Session.open(self.config)
        follower.hold(lambda: trained_circuit(self.text, session, heads=self.heads, languages=self.languages)[0])


def arithmetic(circuit: Circuit) -> str:
    """Return the words of a protocol that say how numbers are computed."""
    other = "" if circuit.fusion_path in ("", "fast") else " fusion=reference"
    return f"precision={circuit.backbone.precision}{other}"


def say_path(circuit: Circuit, say: Say) -> None:
    """Say where a circuit computes otherwise than by the fast path and folded."""
    if circuit.fusion_path not in ("", "fast"):
        say(f"{circuit.composition}: fusion {circuit.fusion_path}.")
    if circuit.unfolded:
        reason = next(iter(circuit.unfolded.values()))
        say(f"{circuit.composition}: {len(circuit.unfolded)} layers are not folded ({reason}).")


def _spec(held: Head, pooling: Pooling | None) -> HeadSpec:
    """Return what a card says of a head, with the defaults of this release where it says nothing."""
    spec = HeadSpec(held.kind, held.labels)
    return replace(spec, pooling=pooling or spec.pooling, temperature=held.temperature or spec.temperature)


def _require_modules(composition: Composition, session: Session) -> None:
    """Raise where an entry is missing; that of a head only where the composition names the head, because none answers."""
    for part in composition.parts:
        is_used = part.kind != "head" or composition.head is not None
        if is_used and not session.zoo.holds(part.entry, session.shelf):
            require_trained(composition, session)


def adapter_shapes(cards: Iterable[AdapterCard], config: Config) -> tuple[AdapterConfig, dict[str, AdapterConfig]]:
    """Return what adapters are where no card says otherwise, and the shape of each card's own."""
    shapes = {
        card.name: replace(
            config.adapter,
            **{key: card.shape[key] for key in SHAPE},
        )
        for card in cards
    }
    kinds = {shape.kind for shape in shapes.values()}
    if "full" in kinds and len(kinds) > 1:
        raise ToolkitError(
            f"The entries {', '.join(shapes)} are of the kinds {', '.join(sorted(kinds))}; wire adapters of one kind."
        )
    kind = config.adapter.kind if not kinds or config.adapter.kind in kinds else sorted(kinds)[0]
    return replace(config.adapter, kind=kind), shapes
