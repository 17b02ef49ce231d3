"""Key of an evaluation's answers, stored with its predictions so that `compare` can reuse them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.composition import Composition, parse
from toolkit.config import Config
from toolkit.evaluation.settings import scoring_settings
from toolkit.files import load_json, replace_text
from toolkit.modeling.backbone import Backbone
from toolkit.tasks import Task
from toolkit.version import __version__
from toolkit.zoo import AdapterCard

FILE = "identity.json"


def identity(
    backbone: Backbone,
    cards: Mapping[str, AdapterCard],
    config: Config,
    target: Task,
    asked: Composition | None = None,
) -> dict[str, Any]:
    """Return what determines the answers, except for the rows, whose fingerprints are in the scores.

    Args:
        backbone: the one used.
        cards: of every entry of the composition.
        config: resolved configuration.
        target: what is scored.
        asked: the composition as it was written, which follows the language of its rows or not.
    """
    starred = [asked] if asked is not None and asked.follows_rows else []
    return {
        "task": target.name,
        "metric": target.metric,
        "backbone": backbone.digest,
        "precision": backbone.precision,
        "entries": {name: card.digest for name, card in sorted(cards.items())},
        **({"composition": str(asked)} if starred else {}),
        **scoring_settings(target, [*map(parse, cards), *starred], config),
        "version": __version__,
    }


def write_identity(folder: Path, found: Mapping[str, Any]) -> None:
    """Write an identity into the folder of the answers that it determines."""
    replace_text(folder / FILE, json.dumps(found, indent=1, sort_keys=True, default=str) + "\n")


def read_identity(folder: Path) -> dict[str, Any] | None:
    """Return the identity of the answers in a folder; None where there is none that can be read."""
    try:
        found = load_json(folder / FILE)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
