"""Names of backbones and hub ids of their published weights: naming one loads no torch."""

from __future__ import annotations

import re
from pathlib import Path

from toolkit.errors import SourceError, ToolkitError
from toolkit.registry import did_you_mean

HUB_IDS = {"xlm-roberta-large": "FacebookAI/xlm-roberta-large", "xlm-roberta-base": "FacebookAI/xlm-roberta-base"}
# What other names hold, for a page that says what an adapter was trained for.
BASE_MODELS = {**HUB_IDS, "embedded": "intfloat/multilingual-e5-small"}
NAMES = (*HUB_IDS, "embedded", "tiny")
# Models that the hub keeps without an organisation in their name, of a family that circuits can be wired into.
_WITHOUT_ORGANISATION = re.compile(r"(distil|xlm-)?roberta-(base|large)(-[a-z0-9-]+)?")
# Families as they are named in hub ids; a name with `roberta` or `xlm` in it is of none of them.
_OTHERS = [
    "albert",
    "bart",
    "barthez",
    "bert",
    "bertweet",
    "bigbird",
    "bloom",
    "canine",
    "deberta",
    "distilbert",
    "ernie",
    "electra",
    "fnet",
    "funnel",
    "gemma",
    "gpt",
    "gpt2",
    "labse",
    "led",
    "llama",
    "longformer",
    "mbart",
    "mbert",
    "mdeberta",
    "minilm",
    "mistral",
    "mobilebert",
    "modernbert",
    "mpnet",
    "mt5",
    "muril",
    "opt",
    "phi",
    "qwen",
    "reformer",
    "rembert",
    "splinter",
    "squeezebert",
    "t5",
    "umt5",
    "xglm",
    "xlnet",
]
_FAMILY = "expected one of the XLM-R family, such as xlm-roberta-base or `embedded`"


def check_backbone_name(name: str) -> None:
    """Refuse the name of a backbone that cannot be one, before anything is planned or fetched.

    Args:
        name: `embedded`, `tiny`, `xlm-roberta-large`, `xlm-roberta-base`, a hub id or a folder.

    Raises:
        ToolkitError: a slip of a known name, a model of another family, or a path that is not a folder.
    """
    if name in NAMES or Path(name).expanduser().is_dir():
        return
    if name.startswith(("/", "./", "../", "~")) or name.endswith("/"):
        raise SourceError(
            f"The backbone {name} is not a folder; expected what `save_pretrained` or `hf download` leaves."
        )
    if "/" in name or _WITHOUT_ORGANISATION.fullmatch(name):
        return
    if (family := other_family(name)) is not None:
        raise ToolkitError(f"Backbone '{name}' is a model of the {family} family; {_FAMILY}.")
    hint = did_you_mean(name, NAMES) or "Expected a hub id (ORG/NAME), a folder, or one of these."
    raise ToolkitError(f"No backbone named '{name}'. {hint} `xstilts backbones` lists all {len(NAMES)}.")


def other_family(name: str) -> str | None:
    """Return the family that a model's name tells, if circuits cannot be wired into it.

    Example:
        >>> other_family("google-bert/bert-base-uncased"), other_family("FacebookAI/xlm-roberta-base")
        ('bert', None)
    """
    words = re.split(r"[^a-z0-9]+", name.rpartition("/")[2].lower())
    if any("roberta" in word or word.startswith("xlm") for word in words):
        return None
    return next((word for word in words if word in _OTHERS), None)
