"""What the three recipes share: opening the zoo, the backbone, a circuit with trained weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryFile

from toolkit.composition import Composition, Part, entries, parse, parts
from toolkit.config import AdapterConfig, Config, EvalConfig, TrainConfig
from toolkit.errors import ToolkitError, ZooError
from toolkit.features import MAX_LENGTH, Features
from toolkit.features.cache import GIB, cached_features
from toolkit.modeling.backbone import Backbone, load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.plan import plan
from toolkit.progress import Progress, Report
from toolkit.tasks import TASKS, Task
from toolkit.tasks.rows import Rows
from toolkit.tracking import Tracker, open_tracker
from toolkit.zoo import AdapterCard, Zoo, check_backbone, shelf_name
from toolkit.zoo.lock import read_lock

Say = Callable[[str], None]


def say_nothing(sentence: str) -> None:
    """Drop what a recipe has to say."""


def shelf(config: Config) -> str:
    """Return the zoo shelf of a configuration."""
    return shelf_name(config.backbone.name, config.adapter.kind)


def open_zoo(config: Config) -> Zoo:
    """Return the zoo that a configuration names."""
    return Zoo(config.zoo)


def require_writable(folder: Path) -> None:
    """Make a folder and raise where files cannot be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ToolkitError(
            f"The folder {folder} cannot be written ({error.strerror}); choose another zoo or --set run_dir=DIR."
        ) from error


def open_backbone(config: Config, *, report: Report) -> Backbone:
    """Load the backbone of a configuration; a frozen one is kept for the next call in this process."""
    report(Progress(f"load {config.backbone.name}", 0, 1))
    settings = config.backbone
    if config.adapter.kind == "full":
        # Trained in place, so never shared. Full training needs fp32 weights; bf16 then means autocast.
        backbone = load_backbone(
            settings.name, precision=settings.precision, revision=settings.revision, is_trainable=True
        )
    else:
        backbone = _frozen_backbone(settings.name, settings.precision, settings.revision)
    report(Progress(f"load {config.backbone.name}", 1, 1))
    return backbone


@lru_cache(maxsize=1)
def _frozen_backbone(name: str, precision: str, revision: str | None) -> Backbone:
    return load_backbone(name, precision=precision, revision=revision)


def open_config_tracker(config: Config) -> Tracker:
    """Return the tracker of a configuration."""
    # Of several processes that train together the first one records.
    is_recorded = config.tracking.enabled and os.environ.get("RANK", "0") == "0"
    tracking = config.tracking
    return open_tracker(
        "mlflow" if is_recorded else "none",
        uri=tracking.uri,
        folder=tracking.folder,
        experiment=tracking.experiment,
        parent=tracking.parent,
    )


def features_for(
    rows: Rows,
    kind: str,
    backbone: Backbone,
    settings: TrainConfig | EvalConfig,
    config: Config,
    *,
    what: str,
    report: Report,
    say: Say,
) -> Features:
    """Return the tokens of `rows` as training or evaluation wants them, from the cache where it has them."""
    report(Progress(what, 0, len(rows)))
    own = rows.task.passage_tokens or MAX_LENGTH[kind]
    length = own if settings.max_length == "auto" else settings.max_length
    found = cached_features(
        rows,
        kind,
        backbone.tokenizer,
        max_length=min(length, backbone.max_tokens),
        stride=settings.stride,
        label_piece=settings.label_piece,
        query_length=rows.task.query_tokens,
        max_bytes=round(config.cache_gib * GIB),
        say=say,
    )
    report(Progress(what, len(rows), len(rows)))
    return found


def head_spec(task: Task, train: TrainConfig | None = None) -> HeadSpec:
    """Return the head that answers a task; of a retrieval task with the pooling and temperature of its training."""
    if task.kind == "retrieval" and train is not None:
        return HeadSpec(task.kind, (), train.pooling, train.temperature)
    return HeadSpec(task.kind, task.labels if task.kind in ("pair", "tags") else ())


def file_of(part: Part, entry: str | None = None) -> str:
    """Return the file that holds a part in its own entry, or in `entry`, which holds a copy that learnt along there.

    Example:
        >>> file_of(Part("adapter", "mnli", "mnli")), file_of(Part("adapter", "mnli", "mnli"), "mnli/squad")
        ('adapter.safetensors', 'below.adapter.mnli.safetensors')
    """
    if part.kind == "head":
        return f"head.{part.name}.safetensors"
    return f"{part.kind}.safetensors" if entry in (None, part.entry) else f"below.{part.kind}.{part.name}.safetensors"


Place = tuple[str, str]  # an entry and a file in it
# What a card decides of an adapter's shape; dropout is the configuration's, for it changes no stored weight.
_SHAPE = ("kind", "reduction_factor", "non_linearity", "leave_out_lower", "leave_out_upper")


def places(composition: Composition, cards: Mapping[str, AdapterCard]) -> dict[Part, Place]:
    """Return where the weights of each part of a composition lie.

    Mostly in the part's own entry. What was trained with `train.learn: all` holds copies of what lies below it, and whatever
    contains it runs on these.

    Args:
        composition: what is wired.
        cards: of its entries, by name; an entry without a card is taken to hold no copies.

    Raises:
        ToolkitError: two entries of the composition need different copies of one part.
    """
    known: dict[str, dict[tuple[str, str], Place]] = {}
    every = {**entries(composition), str(composition): composition}
    for text, entry in every.items():  # from the backbone up: what an entry builds on comes before it
        found = known[text] = {}
        below = [name for name in entries(entry) if name != text]
        for part in parts(entry):
            key, own = (part.kind, part.entry), (part.entry, file_of(part))
            if part.kind == "head":
                continue
            if text in cards and file_of(part, text) in cards[text].files:
                found[key] = (text, file_of(part, text))
                continue
            wanted = {known[name][key]: name for name in below if name != part.entry and key in known[name]}
            if len(wanted) > 1:
                first, second = list(wanted.values())[:2]
                raise ToolkitError(
                    f"'{first}' and '{second}' need different weights of '{part.entry}': one of them was trained with "
                    "train.learn=all and holds a copy of its own; use them apart."
                )
            found[key] = next(iter(wanted), own)
    of = known[str(composition)]
    return {part: of.get((part.kind, part.entry), (part.entry, file_of(part))) for part in parts(composition)}


def require_trained(composition: Composition, zoo: Zoo, config: Config) -> None:
    """Raise where the zoo lacks an entry that the composition needs, with the stages that would make it."""
    missing = [part.entry for part in parts(composition) if not zoo.holds(part.entry, shelf(config))]
    if missing:
        if any(ref.name not in TASKS for ref in composition.leaves()):
            zoo.get(
                missing[0], shelf(config)
            )  # no task either, so the name is a slip: raises with the nearest adapters
        stages = plan(composition, holds=lambda entry: zoo.holds(entry, shelf(config)))
        names = ", ".join(f"'{entry}'" for entry in dict.fromkeys(missing))
        raise ZooError(
            f"{names} {'is' if len(set(missing)) == 1 else 'are'} not in the zoo {config.zoo} for {config.backbone.name}; "
            f"`xstilts train '{composition}' --backbone {config.backbone.name}` makes it in "
            f"{len(stages)} stage{'s' if len(stages) != 1 else ''}."
        )


def load_part(circuit: Circuit, part: Part, zoo: Zoo, config: Config, *, place: Place | None = None) -> None:
    """Load a part's weights from the zoo, after every check.

    Args:
        place: where they lie if not in the part's own entry (a copy that learnt along, a warm start).
    """
    backbone = circuit.backbone
    entry, file = place or (part.entry, file_of(part))
    card = zoo.get(entry, shelf(config))
    check_backbone(card, backbone.name, backbone.digest, backbone.hidden_size)
    circuit.load(part, zoo.tensors(card, file, expected=circuit.shapes_of(part)))


def check_parents(card: AdapterCard, zoo: Zoo, config: Config) -> None:
    """Raise where a parent in the zoo is no longer the one that an entry was trained on."""
    for parent in card.parents:
        if not zoo.holds(parent.name, shelf(config)):
            raise ZooError(
                f"'{card.name}' was trained on '{parent.name}', which the zoo {config.zoo} does not hold; pull or train it."
            )
        found = zoo.get(parent.name, shelf(config)).digest
        if found != parent.digest:
            raise ZooError(
                f"'{card.name}' was trained on '{parent.name}' {parent.digest[:12]}, but the zoo holds {found[:12]}; "
                f"train '{card.name}' again with --retrain, or pull the parent it was made from."
            )


def require_locked(lock: Path | None, cards: Iterable[AdapterCard], text: str) -> None:
    """Raise where a lock file is given and what is used is not exactly what it pins."""
    if lock is None:
        return
    pins, used = read_lock(lock), list(cards)
    if not used:
        raise ZooError(f"'{text}' takes nothing from the zoo, so {lock} cannot vouch for it; leave --lock out.")
    pins.check(used)


def trained_circuit(
    text: str, config: Config, *, heads: Mapping[str, HeadSpec] | None, report: Report, lock: Path | None = None
) -> tuple[Circuit, dict[str, AdapterCard]]:
    """Wire a composition and load every part from the zoo.

    Args:
        text: composition.
        heads: heads to hold; None takes those that the composition's own cards describe, {} none (retrieval).
        lock: a lock file; every entry must be the one that it names.

    Returns:
        The circuit, its head chosen, and the cards of its entries by name.
    """
    composition = parse(text)
    zoo = open_zoo(config)
    needed = [part for part in parts(composition) if part.kind != "head" or heads != {}]
    if heads != {}:
        require_trained(composition, zoo, config)
    else:
        _require_modules(composition, zoo, config)
    cards = {part.entry: zoo.get(part.entry, shelf(config)) for part in needed}
    # An entry of a head alone may hold copies of what lies below it, which retrieval takes as well.
    copies = {entry: zoo.get(entry, shelf(config)) for entry in entries(composition) if zoo.holds(entry, shelf(config))}
    held_at = places(composition, cards | copies)
    cards |= {entry: copies[entry] for entry, _ in held_at.values() if entry in copies}
    require_locked(lock, cards.values(), text)
    for card in cards.values():
        check_parents(card, zoo, config)
    if heads is None:
        heads = {}
        for part in needed:
            if part.kind == "head":
                card = cards[part.entry]
                held = card.heads.get(part.name)
                if held is None:
                    raise ZooError(
                        f"'{part.entry}' was imported without a head '{part.name}', so it cannot answer; retrieve with it, "
                        f"train on top of it, or import it again from a folder with its head."
                    )
                key = part.entry if composition.is_parallel and composition.head is None else part.name
                spec = HeadSpec(held.kind, held.labels)
                pooling, temperature = card.pooling(part.name), held.temperature
                heads[key] = replace(spec, pooling=pooling or spec.pooling, temperature=temperature or spec.temperature)
    backbone = open_backbone(config, report=report)
    adapter, shapes = adapter_shapes(cards.values(), config)
    circuit = Circuit(backbone, composition, heads=heads, adapter=adapter, shapes=shapes, fusion=config.fusion)
    try:
        # A fully trained encoder is its last entry's; the earlier ones of a chain are history.
        skipped = set(circuit.parts[:-1]) if circuit.is_full else set()
        for part in needed:
            if part not in skipped:
                load_part(circuit, part, zoo, config, place=held_at[part])
        circuit.eval()
        if config.eval.fold and not (config.fusion == "reference" and circuit.fusion_path):
            circuit.fold()
    except BaseException:
        circuit.close()
        raise
    return circuit, cards


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


def _require_modules(composition: Composition, zoo: Zoo, config: Config) -> None:
    for part in parts(composition):
        if part.kind != "head" and not zoo.holds(part.entry, shelf(config)):
            require_trained(composition, zoo, config)


def adapter_shapes(cards: Iterable[AdapterCard], config: Config) -> tuple[AdapterConfig, dict[str, AdapterConfig]]:
    """Return what adapters are where no card says otherwise, and the shape of each card's own."""
    shapes = {
        card.name: replace(
            config.adapter,
            **{key: card.shape[key] for key in _SHAPE},
        )
        for card in cards
    }
    kinds = {shape.kind for shape in shapes.values()}
    if len(kinds) > 1:
        raise ToolkitError(
            f"The entries {', '.join(shapes)} are of the kinds {', '.join(sorted(kinds))}; wire adapters of one kind."
        )
    return replace(config.adapter, kind=kinds.pop() if kinds else config.adapter.kind), shapes
