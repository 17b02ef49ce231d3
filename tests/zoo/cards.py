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


def card(name: str = "mnli", **other: Any) -> AdapterCard:
    fields: dict[str, Any] = {
        "backbone": TINY,
        "kind": "seq_bn",
        "tasks": ("mnli",),
        "heads": {"mnli": Head("pair", ("entailment", "neutral", "contradiction"))},
        "recipe": {"train": {"lr": 1e-05, "limit": None, "mixture": "no"}, "adapter": {"kind": "seq_bn"}},
        "data_seen": (Seen("mnli", "train", "no", 8815, is_generated=False),),
        "scores": (CardScore("mnli", "en", "accuracy", 0.1 + 0.2, n=9815),),
        "versions": {"torch": "2.13.0"},
        "licence": "MIT AND CC-BY-4.0",
        "created": "2024-02-30T12:00:00+00:00",
        "seconds": 12.5,
    }
    return AdapterCard(name, **{**fields, **other})


def weights(seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    return {
        ADAPTER: {
            "down": random.standard_normal((2, 8)).astype(np.float32),
            "up": random.standard_normal((8, 2)).astype(np.float32),
        },
        "head.mnli.safetensors": {"weight": random.standard_normal((3, 8)).astype(np.float32)},
    }


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
