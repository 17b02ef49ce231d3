"""Cards and weights that the tests of this room share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from toolkit.zoo import AdapterCard, Backbone, CardScore, Head, Seen
from toolkit.zoo.card import CARD_FILE

TINY = Backbone("tiny", "ab" * 32, 8, 2)
ADAPTER = "adapter.safetensors"
SHAPE = {"kind": "seq_bn", "reduction_factor": 4, "non_linearity": "relu"}


def card(name: str = "mnli", **other: Any) -> AdapterCard:
    fields: dict[str, Any] = {
        "backbone": TINY,
        "kind": "seq_bn",
        "tasks": ("mnli",),
        "heads": {"mnli": Head("pair", ("entailment", "neutral", "contradiction"))},
        "recipe": {"train": {"lr": 1e-05, "limit": None, "mixture": "no"}, "adapter": dict(SHAPE)},
        "data_seen": (Seen("mnli", "train", "no", 8815, is_generated=False),),
        "scores": (CardScore("mnli", "en", "accuracy", 0.1 + 0.2, n=9815),),
        "versions": {"torch": "2.13.0"},
        "licence": "MIT AND CC-BY-4.0",
        "created": "2024-02-30T12:00:00+00:00",
        "seconds": 12.5,
    }
    return AdapterCard(name, **{**fields, **other})


Weights = dict[str, dict[str, np.ndarray]]


def layers(of: Backbone, reduction_factor: int = 4) -> dict[str, tuple[int, ...]]:
    """Return the shapes of an adapter's tensors."""
    width, bottleneck = of.hidden_size, of.hidden_size // reduction_factor
    layer: dict[str, tuple[int, ...]] = {
        "adapter_down.0.weight": (bottleneck, width),
        "adapter_down.0.bias": (bottleneck,),
        "adapter_up.weight": (width, bottleneck),
        "adapter_up.bias": (width,),
    }
    return {f"layer.{n}.{name}": form for n in range(of.layers) for name, form in layer.items()}


def weights(seed: int = 0, *, is_fused: bool = False) -> Weights:
    """Return weights in the shapes that the card above says; a fusion has one more file."""
    random = np.random.default_rng(seed)
    width = TINY.hidden_size
    head = {"dense.weight": (width, width), "dense.bias": (width,), "out.weight": (3, width), "out.bias": (3,)}
    shapes: dict[str, dict[str, tuple[int, ...]]] = {ADAPTER: layers(TINY), "head.mnli.safetensors": head}
    if is_fused:
        parts = {f"{name}.weight": (width, width) for name in ("query", "key", "value")}
        biases = {f"{name}.bias": (width,) for name in ("query", "key")}
        shapes["fusion.safetensors"] = {f"layer.0.{name}": form for name, form in {**parts, **biases}.items()}
    return {
        file: {name: random.standard_normal(form).astype(np.float32) for name, form in held.items()}
        for file, held in shapes.items()
    }


def wide(name: str, seed: int = 0, *, reduction_factor: int = 2, **other: Any) -> tuple[AdapterCard, Weights]:
    """Return the card and the weights of an adapter of some MB, 8 over its reduction factor."""
    of = Backbone("tiny", TINY.digest, 1000, 1)
    random = np.random.default_rng(seed)
    held = {key: random.standard_normal(form).astype(np.float32) for key, form in layers(of, reduction_factor).items()}
    recipe = {"adapter": {**SHAPE, "reduction_factor": reduction_factor}}
    return card(name, backbone=of, recipe=recipe, **other), {ADAPTER: held}


def names_under(root: Path) -> list[str]:
    """Everything in a zoo but its locks."""
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*"))
    return sorted(path for path in paths if not path.endswith(".lock"))


def resealed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write a card that a stranger made: changed, with a digest and a seal that agree with themselves."""
    path = folder / CARD_FILE
    values = AdapterCard.from_text(path.read_text(encoding="utf-8")).to_dict()
    change(values)
    path.write_text(page(values), encoding="utf-8")


def page(values: dict[str, Any], *, has_own_digest: bool = True) -> str:
    """Return the sealed page of values that need not be a card, as a stranger writes them."""
    if has_own_digest and all("sha256" in held for held in values["files"].values()):
        files = sorted((name, held["sha256"]) for name, held in values["files"].items())
        named = json.dumps([values["name"], values["backbone"]["digest"], files])
        values = {**values, "digest": hashlib.sha256(named.encode()).hexdigest()}
    body = f"# A stranger's.\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}"
    return f"{body}seal: {hashlib.sha256(body.encode()).hexdigest()}\n"
