"""Pooling of a composition that was trained to retrieve: the one of its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from toolkit.config import RetrieveConfig
from toolkit.progress import Say
from toolkit.zoo import AdapterCard


def as_trained(
    settings: RetrieveConfig, cards: Mapping[str, AdapterCard], n_layers: int, say: Say, *, layers: str | None = None
) -> RetrieveConfig:
    """Return settings with the last layer and the pooling of its training, where the last entry learnt a retrieval task.

    What is given by hand stays: a layer, a pooling, `layers`, or another protocol than the default.

    Args:
        cards: of a composition's entries, the last one's last.
        n_layers: depth of the backbone.
        layers: as given to `retrieve`.
    """
    if not cards or settings.protocol != RetrieveConfig.protocol:
        return settings
    card = list(cards.values())[-1]
    learnt = next((pooling for pooling in map(card.pooling, card.heads) if pooling is not None), None)
    if learnt is None:
        return settings
    layer = settings.layer if settings.layer is not None or layers else n_layers
    changed = replace(settings, layer=layer, pooling=settings.pooling or learnt)
    if changed != settings:
        say(
            f"'{card.name}' was trained to retrieve: its vectors are pooled as they were then, {learnt} of layer {n_layers}."
        )
    return changed
