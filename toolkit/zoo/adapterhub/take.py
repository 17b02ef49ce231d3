"""Adapters that the `adapters` library saved become entries of a zoo: checked against the circuit, converted, and said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from dataclasses import replace as replaced
from typing import TYPE_CHECKING, Literal

from toolkit.composition import Composition, Part, parse
from toolkit.config import AdapterConfig
from toolkit.errors import ZooError
from toolkit.modeling.hub_ids import BASE_MODELS
from toolkit.tasks.kinds import MASKED
from toolkit.zoo.adapterhub.compose import composition_of, match, refuse_doubles
from toolkit.zoo.adapterhub.forms import Head, adapter_shape, check_fusion, has_no_names, head_form
from toolkit.zoo.adapterhub.hub import Source
from toolkit.zoo.adapterhub.languages import is_language_adapter, leaf_names
from toolkit.zoo.adapterhub.masked import card_head, completed, is_masked, masked_form
from toolkit.zoo.adapterhub.read import Saved, by_layer, find, shown, weights
from toolkit.zoo.card import AdapterCard, Origin
from toolkit.zoo.orphans import refuse_orphans
from toolkit.zoo.shelf import find_shelf
from toolkit.zoo.store import Zoo
from toolkit.zoo.values import UNKNOWN_DATA
from toolkit.zoo.values import Backbone as CardBackbone
from toolkit.zoo.verify import check_shapes

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from toolkit.modeling.backbone import Backbone

Replacing = Literal["unneeded", "any"] | None
"""Entries that may be replaced: those that no other entry was trained on, or any; None: no entry."""
_FAMILY = ("xlm-roberta", "roberta")


@dataclass(frozen=True)
class Taken:
    """What an import did.

    Attributes:
        cards: the entries that are new in the zoo, from the backbone up.
        held: names of entries whose very same weights the zoo held already.
        notes: what was converted, left out or is not known, a sentence each.
    """

    cards: tuple[AdapterCard, ...]
    held: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass
class _Entry:
    """An entry on its way: its shape, its parts' tensors by file, what its head answers, and where they come from."""

    shape: AdapterConfig
    files: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    head: Head | None = None
    sources: dict[str, str] = field(default_factory=dict)


def take(
    zoo: Zoo,
    source: Source,
    backbone: Backbone,
    *,
    expression: str | None = None,
    same_as: str = "",
    labels: Sequence[str] = (),
    replace: Replacing = None,
) -> Taken:
    """Take what the `adapters` library saved into a zoo; nothing is stored before everything has been checked.

    Args:
        zoo: the zoo that takes it.
        source: the folder that `save_adapter`, `save_adapter_fusion`, `save_adapter_setup` or `save_all_adapters` wrote.
        backbone: the encoder it was trained on; the circuit that is checked against is wired into it.
        expression: the composition that the parts make; None takes it from the saved setup, or a lone adapter's name, which
            for a language adapter is `text.sw`.
        same_as: the folder's own name for that encoder, where it is another than the backbone's.
        labels: names of the classes of the last entry's head, in order. Where the folder has only `LABEL_0`, they are its
            names; where it names its classes, they are put into this order.
        replace: which entries of the same name are replaced.

    Raises:
        ZooError: PEFT's or another kind of adapter, another encoder, a missing or damaged part, a taken name.
    """
    folder = source.folder
    found, setup = find(folder)
    notes: list[str] = []
    refuse_doubles(found)
    names = leaf_names(found)
    composition = composition_of(found, setup, expression, folder, names)
    shelf = find_shelf(zoo.root, backbone.name)
    for saved in found:
        _check_encoder(saved, backbone, same_as, notes)
    chosen = match(composition, found, names)
    pending: dict[str, _Entry] = {}
    for name, of in composition.entries.items():
        own = {part: chosen[part] for part in of.own_parts if part in chosen}
        if any(part.kind != "head" for part in own):
            is_last = name == list(composition.entries)[-1]
            pending[name] = _read(name, own, backbone, labels if is_last else (), notes)
            pending[name].sources["source"] = source.name
        elif not zoo.holds(name, shelf):
            raise ZooError(
                f"'{composition}' needs '{name}', which neither {folder} nor the zoo {zoo.root} holds; import that one first, "
                "or name the composition that the folder holds (`--as`)."
            )
    shapes = {name: entry.shape for name, entry in pending.items()}
    for name in composition.entries:
        if name not in pending:
            held = zoo.get(name, shelf)
            zoo.verify(held)
            shapes[name] = AdapterConfig(**{key: held.shape.get(key, 0.0) for key in asdict(AdapterConfig())})
    for name, entry in pending.items():
        of = composition.entries[name]
        if not any(part.kind == "adapter" for part in of.own_parts):
            entry.shape = shapes[next(iter(of.entries))]  # a fusion alone is shaped by its members
        _check_circuit(name, entry, backbone, shapes)
    return _store(zoo, pending, composition, backbone, replace, notes)


def _check_encoder(saved: Saved, backbone: Backbone, same_as: str, notes: list[str]) -> None:
    """Raise where a part was made for another encoder than the backbone, as far as its folder tells."""
    about, what = saved.about, f"{saved.kind.capitalize()} '{shown(saved.name)}' of {saved.folder}"
    if about.get("model_type") not in _FAMILY:
        raise ZooError(f"{what} was made for a model of type '{shown(about.get('model_type'))}'; expected xlm-roberta.")
    if about.get("hidden_size") != backbone.hidden_size:
        raise ZooError(
            f"{what} was made for an encoder of width {shown(about.get('hidden_size'))}; {backbone.name} has {backbone.hidden_size}."
        )
    name = about.get("model_name")
    if not isinstance(name, str) or not name:
        note = f"The folder does not name its encoder: only width and layers were compared with {backbone.name}."
        notes += [note] if note not in notes else []
    elif name != same_as and _plain(name) not in {
        _plain(backbone.name),
        _plain(BASE_MODELS.get(backbone.name, "/")),
    } - {""}:
        raise ZooError(
            f"{what} was made for '{shown(name)}'; this backbone is {backbone.name}. Choose that backbone, or say that both are "
            f"the same weights with `--same-as '{shown(name)}'`."
        )


def _plain(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].lower()


def _read(name: str, own: Mapping[Part, Saved], backbone: Backbone, labels: Sequence[str], notes: list[str]) -> _Entry:
    """Read an entry's parts; a head that has no form here is left out, and said."""
    missing = [part for part in parse(name).own_parts if part not in own]
    for part in missing:
        if part.kind != "head":
            raise ZooError(
                f"'{name}' needs the {part.kind} '{part.name}', which the folder does not hold; name what it holds with `--as`."
            )
    entry = _Entry(AdapterConfig())
    is_language = False
    for part, saved in own.items():
        tensors, file = weights(saved)
        entry.sources[f"{part.kind} {part.name}"] = f"{shown(saved.name)} ({file})"
        entry.sources["format"] = shown(saved.about.get("version", "unknown"), 40)
        entry.sources["model_name"] = _plain(shown(saved.about.get("model_name") or "unknown"))
        if file.endswith(".bin"):
            notes.append(f"{saved.folder.name}/{file} is a pickle: read as tensors only, and stored as safetensors.")
        if part.kind == "adapter":
            entry.shape = adapter_shape(saved, backbone.n_layers)
            is_language = is_language_adapter(saved)
        elif part.kind == "fusion":
            check_fusion(saved)
        if part.kind != "head":
            held = by_layer(saved, tensors)
            entry.files[f"{part.kind}.safetensors"] = held
            # Task adapters of releases before 1.0 name an invertible layer that they do not have; the library leaves it out too.
            if saved.about.get("type") == "text_task" and not any(key.startswith("invertible.") for key in held):
                entry.shape = replaced(entry.shape, kind="seq_bn")
            continue
        masked = is_masked(saved)
        if masked and labels:
            raise ZooError(
                f"The head of {saved.folder} is of the kind 'text' and has no classes to name; leave --labels out."
            )
        head = masked_form(saved, tensors, backbone) if masked else head_form(saved, tensors, labels)
        if isinstance(head, str):
            notes.append(f"The head of '{name}' was left out: {head}.")
            del entry.sources[f"{part.kind} {part.name}"]
        else:
            entry.head = head
            if head.was != head.labels:
                notes.append(
                    f"The classes of '{name}' were put into the order of --labels; the folder has {', '.join(head.was)}."
                )
            if head.labels and has_no_names(head.labels):
                notes.append(
                    f"The classes of '{name}' have no names in the folder; give them in order with `--labels A,B,...`."
                )
    head_part = next((part for part in parse(name).own_parts if part.kind == "head"), None)
    if head_part and (is_language or (entry.head and entry.head.kind == "text")):
        entry.head = completed(name, entry.head, backbone, notes)
    if head_part and entry.head:
        entry.files[f"head.{head_part.name}.safetensors"] = dict(entry.head.tensors)
    elif any(part.kind == "head" for part in missing):
        notes.append(f"The folder holds no head for '{name}'.")
    return entry


def _check_circuit(name: str, entry: _Entry, backbone: Backbone, shapes: Mapping[str, AdapterConfig]) -> None:
    """Raise unless the tensors of an entry are exactly those that its circuit on this backbone has, each in its shape."""
    from toolkit.modeling.circuit import Circuit
    from toolkit.modeling.heads import HeadSpec

    composition = parse(name)
    own = composition.own_parts
    heads = {
        part.name: HeadSpec(entry.head.kind, entry.head.labels) for part in own if part.kind == "head" and entry.head
    }
    with Circuit(backbone, composition, heads=heads, adapter=entry.shape, shapes=dict(shapes)) as circuit:
        for part in own:
            file = f"head.{part.name}.safetensors" if part.kind == "head" else f"{part.kind}.safetensors"
            if file in entry.files:
                held = {key: tuple(tensor.shape) for key, tensor in entry.files[file].items()}
                check_shapes(f"The {part.kind} of '{name}'", held, circuit.shapes_of(part))


def _store(
    zoo: Zoo,
    pending: Mapping[str, _Entry],
    composition: Composition,
    backbone: Backbone,
    replace: Replacing,
    notes: list[str],
) -> Taken:
    import torch

    shelf = find_shelf(zoo.root, backbone.name)
    arrays: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for name, entry in pending.items():
        kinds = sorted({str(t.dtype) for held in entry.files.values() for t in held.values()} - {"torch.float32"})
        if kinds:
            notes.append(f"The weights of '{name}' are {', '.join(kinds)} in the folder, and float32 from here on.")
        arrays[name] = {
            file: {key: tensor.to(torch.float32).contiguous().numpy() for key, tensor in held.items()}
            for file, held in entry.files.items()
        }
    same = {name for name in pending if zoo.holds(name, shelf) and _is_same(zoo, zoo.get(name, shelf), arrays[name])}
    if taken := [name for name in pending if zoo.holds(name, shelf) and name not in same and not replace]:
        raise ZooError(
            f"The zoo {zoo.root} already holds '{taken[0]}' for {backbone.name} with other weights; choose another name with `--as`, "
            "remove it, or replace it (`--replace`)."
        )
    if replace == "unneeded":
        refuse_orphans(zoo, [name for name in pending if name not in same], shelf)
    held: dict[str, AdapterCard] = {}
    cards = []
    for name in composition.entries:
        if name not in pending or name in same:
            held[name] = zoo.get(name, shelf)
            continue
        card = _card(name, pending[name], CardBackbone.of(backbone, shelf.name), held)
        held[name] = zoo.put(card, arrays[name], replace=replace is not None)
        cards.append(held[name])
    return Taken(tuple(cards), tuple(name for name in pending if name in same), tuple(dict.fromkeys(notes)))


def _is_same(zoo: Zoo, card: AdapterCard, arrays: Mapping[str, Mapping[str, np.ndarray]]) -> bool:
    """Return whether a held entry has these very weights; it may have a head besides, which a folder need not bring."""
    import numpy as np

    if not set(arrays) <= set(card.files):
        return False
    for file, tensors in arrays.items():
        held = zoo.tensors(card, file)
        if set(held) != set(tensors) or not all(np.array_equal(held[key], tensors[key]) for key in held):
            return False
    return True


def _card(name: str, entry: _Entry, backbone: CardBackbone, held: Mapping[str, AdapterCard]) -> AdapterCard:
    composition = parse(name)
    parents = [held[one] for one in composition.entries if one != name]
    own = composition.own_parts
    head = next((part.name for part in own if part.kind == "head"), None)
    is_text = entry.head is not None and entry.head.kind in MASKED
    return AdapterCard.made_by(
        name,
        Origin(backbone, parents, (UNKNOWN_DATA,)),
        {"adapter": asdict(entry.shape), "imported": entry.sources},
        tasks=[str(leaf) for leaf in composition.chain.units[-1].leaves()] if head is None or is_text else [head],
        heads={head: card_head(entry.head)} if head and entry.head else {},
    )
