"""Adapters as folders that the `adapters` library reads with `load_adapter`, `load_adapter_fusion` and `load_head`.

The fields are those that `adapters` 1.3.0 itself writes (tests/modeling/test_adapterhub.py loads an export there and compares
logits).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.composition import Average, Chain, Composition, Fuse, Merge, Parallel, Part, parse
from toolkit.errors import ToolkitError, ZooError
from toolkit.files import folder_beside
from toolkit.tasks.kinds import MASKED
from toolkit.zoo.adapterhub.layout import COUPLING, FILES, FUSION, HEADS, MODEL_TYPE, SEQ_BN, VERSION
from toolkit.zoo.adapterhub.masked import masked_config, masked_tensors
from toolkit.zoo.card import AdapterCard
from toolkit.zoo.files import save_tensors
from toolkit.zoo.names import asked_name
from toolkit.zoo.store import Zoo

_INVERTIBLE = "invertible."  # begins the names of an invertible layer's weights in the zoo's files


def export(zoo: Zoo, expression: str, backbone: str, folder: Path, *, choices: int = 2) -> list[str]:
    """Write a composition's parts as `adapters` reads them: one folder per adapter, per fusion, and for the head.

    Args:
        zoo: where its entries are; every file is verified before it is used.
        expression: composition.
        backbone: the backbone's name in the zoo.
        folder: a new or empty folder.
        choices: how many choices a multiple-choice head will be given; the library fixes their number, its weights do not
            depend on it.

    Returns:
        The names of the folders, in the order in which they are to be loaded.

    Raises:
        ZooError: an entry is missing or damaged, it has no such form, or the folder holds something.
    """
    composition = parse(expression)
    if composition.is_backbone:
        raise ZooError(f"'{composition}' is the encoder alone; there is no adapter to export.")
    setup = _blocks(composition.chain, Chain(()))
    needed = composition.parts
    cards = {part.entry: zoo.get(part.entry, backbone) for part in needed}
    for card in cards.values():
        zoo.verify_files(card)
        zoo.check_ancestors(card)
        if card.kind == "full":
            raise ZooError(f"'{card.name}' is a whole encoder, not an adapter; `adapters` has no folder for one.")
    _check_couplings(composition, cards)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZooError(f"{folder} holds something already; name a new folder.")
    members = _members(composition)
    try:
        with folder_beside(folder.absolute()) as beside:
            written = [_write(beside, zoo, cards[part.entry], part, members, choices) for part in needed]
            page = _page(composition, cards[needed[-1].entry], written, setup)
            (beside / "README.md").write_text(page, encoding="utf-8")
            if folder.exists():
                folder.rmdir()
            os.rename(beside, folder)
    except OSError as error:
        raise ZooError(f"Cannot write {folder} ({error.strerror}); free space or name another folder.") from error
    return [name for _, name in written]


def _check_couplings(composition: Composition, cards: Mapping[str, AdapterCard]) -> None:
    """Raise where the library would leave out an invertible layer: it asks the first adapter of a setup alone."""
    adapters = [part for part in composition.parts if part.kind == "adapter"]
    for part in adapters[1:]:
        if cards[part.entry].kind == "seq_bn_inv":
            raise ZooError(
                f"'{part.entry}' has an invertible layer, and `adapters` applies that of the first adapter of a setup alone, here "
                f"'{adapters[0].entry}'; export '{part.entry}' by itself, or use '{composition}' here."
            )


def _write(
    root: Path, zoo: Zoo, card: AdapterCard, part: Part, members: Mapping[str, list[str]], choices: int
) -> tuple[str, str]:
    """Write one part; return its kind and the name of its folder."""
    named: dict[str, Any] = {
        "name": part.name,
        "version": VERSION,
        "model_type": MODEL_TYPE,
        "model_class": "XLMRobertaAdapterModel",
    }
    named |= {"model_name": card.backbone.name, "hidden_size": card.backbone.hidden_size}
    if part.kind == "head":
        held_kind = card.heads[part.name].kind
        if held_kind not in HEADS and held_kind not in MASKED:
            raise ZooError(
                f"The head of '{card.name}' is of the kind '{held_kind}', which the adapters library does not have; use it here."
            )
        arrays = zoo.tensors(card, f"head.{part.name}.safetensors")
        if held_kind in MASKED:
            tensors = masked_tensors(part.name, arrays)
            config = masked_config(len(arrays["bias"]), card.backbone.hidden_size)
        else:
            kind, places = HEADS[held_kind]
            tensors = {
                f"heads.{part.name}.{places[key.split('.')[0]]}.{key.split('.')[1]}": array
                for key, array in arrays.items()
            }
            config = _head_config(card, part, kind, choices)
    else:
        held = {"adapter": "adapters", "fusion": "adapter_fusion_layer"}[part.kind]
        tensors, layers = {}, set()
        for key, array in zoo.tensors(card, f"{part.kind}.safetensors").items():
            if part.kind == "adapter" and key.startswith(_INVERTIBLE):
                tensors[f"roberta.invertible_adapters.{part.name}.{key.removeprefix(_INVERTIBLE)}"] = array
                continue
            found = re.fullmatch(r"(layer\.(\d+))\.(.+)", key)
            if not found:
                raise ZooError(f"Tensor '{key}' of '{card.name}' belongs to no layer; expected `layer.N.`...")
            tensors[f"roberta.encoder.{found[1]}.output.{held}.{part.name}.{found[3]}"] = array
            layers.add(int(found[2]))
        if part.kind == "adapter":
            shape = card.shape
            config = SEQ_BN | {key: shape[key] for key in ("reduction_factor", "non_linearity", "dropout")}
            config |= COUPLING if card.kind == "seq_bn_inv" else {}
            # What the library is not told is left out, it adds, with random weights.
            config["leave_out"] = sorted(set(range(card.backbone.layers)) - layers)
        else:
            config = FUSION
            named["adapter_names"] = members[part.name]
    folder = root / f"{part.kind}.{part.name}"
    folder.mkdir()
    config_file, file, _ = FILES[part.kind]
    save_tensors(tensors, folder / file)
    text = json.dumps({**named, "config": config}, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / config_file).write_text(text + "\n", encoding="utf-8")
    return part.kind, folder.name


def _head_config(card: AdapterCard, part: Part, kind: str, choices: int) -> dict[str, Any]:
    labels = list(card.heads[part.name].labels)
    config: dict[str, Any] = {"head_type": kind, "activation_function": "tanh", "dropout_prob": None}
    config["layers"] = 2 if kind in ("classification", "multiple_choice") else 1
    if kind in ("classification", "multiple_choice"):
        config["use_pooler"] = False
    if kind == "classification":
        config["bias"] = True
    if kind == "multiple_choice":
        config["num_choices"] = choices
        labels = [str(number) for number in range(choices)]
    else:
        config["num_labels"] = len(labels) or 2
    config["label2id"] = {label: number for number, label in enumerate(labels or ["start", "end"])}
    return config


def _blocks(chain: Chain, below: Chain) -> str:
    """Return a chain as the library's composition blocks, in Python."""
    blocks = []
    for unit in chain.units:
        name = json.dumps(Composition(below / unit).slug)
        if isinstance(unit, Fuse):
            blocks.append(f"Fuse({', '.join(_blocks(member, below) for member in unit.members)}, name={name})")
        elif isinstance(unit, (Average, Parallel, Merge)):
            raise ToolkitError(
                f"'{unit}' has no form that is exported; export its members, or a name, a/b, fuse, seq or mix."
            )
        else:
            blocks.append(name)
        below = below / unit
    # A single name is never wrapped: the library would apply the layer norm once more.
    return blocks[0] if len(blocks) == 1 else f"Stack({', '.join(blocks)})"


def _members(composition: Composition) -> dict[str, list[str]]:
    """Return each fusion's members, named by the last adapter of each, as the library registers them."""
    found, below = {}, Chain(())
    for unit in composition.chain.units:
        if isinstance(unit, Fuse):
            found[Composition(below / unit).slug] = [Composition(below / member).slug for member in unit.members]
        below = below / unit
    return found


def _encoder(card: AdapterCard) -> str:
    """Return the arguments that load the encoder of a card: its commit on the hub where it is known."""
    repo, _, commit = (card.backbone.revision or "").rpartition("@")
    return f'"{repo}", revision="{commit}"' if repo else f'"{asked_name(card.backbone.name)}"'


def _page(composition: Composition, card: AdapterCard, written: list[tuple[str, str]], setup: str) -> str:
    """Return the page that says how the folders are loaded."""
    calls = {"adapter": "load_adapter", "fusion": "load_adapter_fusion", "head": "load_head"}
    lines = [f'model.{calls[kind]}("{name}", use_safetensors=True)' for kind, name in written]
    head = written[-1][1].removeprefix("head.")
    return "\n".join(
        [
            f"# `{composition}` for the `adapters` library",
            "",
            f"Made for {card.backbone.name} (width {card.backbone.hidden_size}, {card.backbone.layers} layers).",
            "",
            "```python",
            "from adapters import Fuse, Stack, XLMRobertaAdapterModel",
            f"model = XLMRobertaAdapterModel.from_pretrained({_encoder(card)})",
            *lines,
            f"model.active_adapters = {setup}",
            f'model.active_head = "{head}"',
            "```",
            "",
        ]
    )
