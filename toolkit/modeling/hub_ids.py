"""Names of backbones and hub ids of their published weights: naming one loads no torch."""

from __future__ import annotations

import re

from toolkit.errors import SourceError, ToolkitError
from toolkit.paths import at_home
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
    "alpaca",
    "bart",
    "barthez",
    "bert",
    "bigbird",
    "biogpt",
    "blenderbot",
    "bloom",
    "byt5",
    "camembert",
    "canine",
    "codegen",
    "cohere",
    "convbert",
    "data2vec",
    "deberta",
    "deepseek",
    "distilbert",
    "electra",
    "ernie",
    "esm",
    "esm2",
    "falcon",
    "flaubert",
    "fnet",
    "funnel",
    "gemma",
    "gpt",
    "gpt2",
    "granite",
    "labse",
    "layoutlm",
    "led",
    "llama",
    "longformer",
    "luke",
    "lxmert",
    "m2m100",
    "mamba",
    "marian",
    "mbart",
    "mbert",
    "mdeberta",
    "megatron",
    "minilm",
    "mistral",
    "mluke",
    "mobilebert",
    "modernbert",
    "mpnet",
    "mt5",
    "muril",
    "nezha",
    "nllb",
    "nystromformer",
    "olmo",
    "opt",
    "opus",
    "pegasus",
    "perceiver",
    "phi",
    "plbart",
    "prophetnet",
    "pythia",
    "qwen",
    "reformer",
    "rembert",
    "retribert",
    "roformer",
    "rwkv",
    "sbert",
    "smollm",
    "splinter",
    "squeezebert",
    "stablelm",
    "starcoder",
    "t5",
    "tapas",
    "tinyllama",
    "umberto",
    "umt5",
    "vicuna",
    "whisper",
    "xglm",
    "xlnet",
    "xmod",
    "zephyr",
]
# RoBERTas whose name ends like the other family's.
_ROBERTAS = ("codebert", "graphcodebert", "phobert")
# Models whose names begin like ours and that are of other types.
_LIKE_OURS = re.compile(r"xlm-(mlm|clm)|xlm-prophetnet|xlm-roberta-xx?l(?![a-z])")
_FAMILY = "expected one of the XLM-R family, such as xlm-roberta-base or `embedded`"


def is_folder(name: str) -> bool:
    """Return whether a backbone's name is that of a folder on this machine, which `embedded` and `tiny` never are."""
    return name not in ("embedded", "tiny") and at_home(name).is_dir()


def aliases(name: str) -> tuple[str, ...]:
    """Return the names that stand for one backbone, the given one first.

    Example:
        >>> aliases("FacebookAI/xlm-roberta-base"), aliases("embedded")
        (('FacebookAI/xlm-roberta-base', 'xlm-roberta-base'), ('embedded',))
    """
    known = next(((short, full) for short, full in HUB_IDS.items() if name in (short, full)), ())
    return (name, *(each for each in known if each != name))


def short_name(name: str) -> str:
    """Return the registry name of a hub id that has one, else the name itself.

    Example:
        >>> short_name("FacebookAI/xlm-roberta-base")
        'xlm-roberta-base'
    """
    return next((short for short, full in HUB_IDS.items() if name == full), name)


def check_backbone_name(name: str) -> None:
    """Refuse the name of a backbone that cannot be one, before anything is planned or fetched.

    Args:
        name: `embedded`, `tiny`, `xlm-roberta-large`, `xlm-roberta-base`, a hub id or a folder.

    Raises:
        ToolkitError: a slip of a known name, a model of another family, or a path that is not a folder.
    """
    if name in NAMES or at_home(name).is_dir():
        return
    if name.startswith(("/", "./", "../", "~")) or name.endswith("/"):
        raise SourceError(
            f"The backbone {name} is not a folder; expected what `save_pretrained` or `hf download` leaves."
        )
    if _WITHOUT_ORGANISATION.fullmatch(name):
        return
    if (family := other_family(name)) is not None and not is_kept(name):
        raise ToolkitError(f"Backbone '{name}' is, by its name, a model of the {family} family; {_FAMILY}.")
    if "/" in name:
        return
    spelt_out = re.sub(r"^xlm-?r(?![a-z])", "xlm-roberta", name.lower())
    hint = did_you_mean(spelt_out, NAMES) or "Expected a hub id (ORG/NAME), a folder, or one of these."
    raise ToolkitError(f"No backbone named '{name}'. {hint} `xstilts backbones` lists all {len(NAMES)}.")


def other_family(name: str) -> str | None:
    """Return the family that a model's name tells, if circuits cannot be wired into it.

    Example:
        >>> other_family("google-bert/bert-base-uncased"), other_family("FacebookAI/xlm-roberta-base")
        ('bert', None)
    """
    model = name.rpartition("/")[2].lower()
    if (special := _LIKE_OURS.match(model)) is not None:
        return special[0]
    words = re.split(r"[^a-z0-9]+", model)
    if any("roberta" in word or word.startswith("xlm") for word in words):
        return None
    if "mpnet" in words and "multilingual" in words:
        return None  # XLM-R that learnt from an MPNet: sentence-transformers/paraphrase-multilingual-mpnet-base-v2
    return next((stem for word in words if (stem := _family_of(word)) is not None), None)


def _family_of(word: str) -> str | None:
    """Return the family that one word of a model's name tells: as it is, or without the number of its version."""
    if word in _OTHERS:
        return word
    if word.endswith("bert") and word not in _ROBERTAS:
        return word
    stem = re.sub(r"(v?\d+)+$", "", word)
    return stem if stem in _OTHERS and len(stem) > 2 else None


def is_kept(name: str) -> bool:
    """Return whether the local cache of the hub holds the model, whose configuration then says its type."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False
