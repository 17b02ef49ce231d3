"""Masked language heads that the `adapters` library saved: transform and bias, never the last layer, which is the word embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.errors import ZooError
from toolkit.tasks.kinds import MASKED as MASKED_KINDS
from toolkit.zoo.adapterhub.forms import Head
from toolkit.zoo.adapterhub.layout import (
    MASKED,
    MASKED_CLASS,
    MASKED_FIELDS,
    MASKED_LAST,
    STATIC_BIAS,
    STATIC_LAST,
    STATIC_MASKED,
)
from toolkit.zoo.adapterhub.read import Saved, shown
from toolkit.zoo.values import Head as CardHead

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.modeling.backbone import Backbone

_TRANSFORM = ("dense.weight", "dense.bias", "layer_norm.weight", "layer_norm.bias")


def is_masked(saved: Saved) -> bool:
    """Return whether a saved head is one of masked language modelling."""
    if saved.kind != "head":
        return False
    config = saved.config
    if config is None:
        return saved.about.get("model_class") == MASKED_CLASS
    return isinstance(config, Mapping) and config.get("head_type") == MASKED_FIELDS["head_type"]


def masked_form(saved: Saved, tensors: Mapping[str, Tensor], backbone: Backbone) -> Head | str:
    """Return a saved masked language head in our form, or in words why it has none.

    Args:
        saved: the head.
        tensors: its tensors by the library's names; the last layer may be left out.
        backbone: whose word embeddings are the last layer.

    Raises:
        ZooError: it is of another vocabulary.
    """
    import torch

    config = saved.config
    biases: tuple[str, ...]
    if config is None:
        places, biases, last = STATIC_MASKED, STATIC_BIAS, STATIC_LAST
    else:
        for key, expected in MASKED_FIELDS.items():
            if config.get(key, expected) != expected:
                return f"it was made with {key}={shown(config[key])}, our text head has {expected}"
        stem = f"heads.{saved.name}"
        places = {ours: f"{stem}.{number}" for ours, number in MASKED.items()}
        biases, last = (f"{stem}.{MASKED_LAST}.bias",), f"{stem}.{MASKED_LAST}.weight"
    names = {f"{places[name.split('.')[0]]}.{name.split('.')[1]}": name for name in _TRANSFORM}
    if not set(names) <= set(tensors) <= {*names, *biases, last} or not any(name in tensors for name in biases):
        return (
            f"its tensors are {shown(', '.join(sorted(tensors)))}, expected {', '.join(sorted([*names, *biases[:1]]))}"
        )
    bias = next(tensors[name] for name in biases if name in tensors)
    if len(bias) != backbone.n_pieces or (last in tensors and len(tensors[last]) != backbone.n_pieces):
        raise ZooError(
            f"The masked language head of {saved.folder} is of a vocabulary of {len(bias):,} pieces, and {backbone.name} has "
            f"{backbone.n_pieces:,}; choose the backbone that it was made for."
        )
    if last in tensors:
        words, held = backbone.model.embeddings.word_embeddings.weight.detach().cpu(), tensors[last]
        if held.shape != words.shape or not torch.equal(held, words.to(held.dtype)):
            return f"its last layer is not the word embeddings of {backbone.name}, which learnt with it, or are of another checkpoint"
    return Head("text", (), {**{name: tensors[key] for key, name in names.items()}, "bias": bias})


def completed(name: str, head: Head | None, backbone: Backbone, notes: list[str]) -> Head | None:
    """Return the head of a language adapter with what the library left out of it: the checkpoint's own head, or the bias of it.

    An adapter model of `adapters` 1.3.0 that is made from a masked-LM checkpoint loses `lm_head.bias` (tests/upstream/test_text.py).

    Args:
        name: of the entry.
        head: as the folder has it; None: it has none.
        backbone: which may publish one.
        notes: gets a sentence for what was added.
    """
    import torch

    own = backbone.masked_head()
    if own is None:
        return head
    if head is None:
        notes.append(f"The folder holds no head for '{name}': it has that of the checkpoint (lm_head).")
        return Head("text", (), own)
    is_own = all(torch.equal(head.tensors[key].float(), own[key]) for key in _TRANSFORM)
    if is_own and not head.tensors["bias"].any() and own["bias"].any():
        notes.append(
            f"The head of '{name}' is the checkpoint's without its bias, which `adapters` loses (lm_head.bias); it has that of the "
            "checkpoint."
        )
        return Head("text", (), {**head.tensors, "bias": own["bias"]})
    return head


def card_head(head: Head) -> CardHead:
    """Return what a card says of a head."""
    return CardHead(head.kind, head.labels, pieces=len(head.tensors["bias"]) if head.kind in MASKED_KINDS else None)


def masked_tensors(name: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tensors of a text head as the library names those of its own head `name`."""
    found = {f"heads.{name}.{MASKED[key.split('.')[0]]}.{key.split('.')[1]}": arrays[key] for key in _TRANSFORM}
    return {**found, f"heads.{name}.{MASKED_LAST}.bias": arrays["bias"]}


def masked_config(n_pieces: int, width: int) -> dict[str, Any]:
    """Return the configuration of a masked language head as the library writes it."""
    return {**MASKED_FIELDS, "vocab_size": n_pieces, "embedding_size": width, "label2id": None}
