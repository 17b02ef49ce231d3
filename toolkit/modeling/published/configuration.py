"""Configuration of a published encoder: the known fields of its `config.json`, and none that could load code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from toolkit.errors import SourceError, ToolkitError

Family = Literal["xlm-roberta", "roberta"]

# Fields by which transformers 4.56 to 5.2 takes code, kernels or a quantiser from elsewhere, at any depth of the file.
_CODE = re.compile(
    r"auto_map|custom_pipelines|custom_generate|trust_remote_code|quantization_config|compression_config|.*kernels?(_.*)?"
)
# Which attention is computed: a name of transformers' own is harmless, everything else names a repository.
_CHOSEN = re.compile(r".*(attn|attention|experts)_implementation(_internal)?")
_OWN = ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention", "flash_paged", "sdpa_paged")
_COUNTS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
_NUMBERS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "layer_norm_eps", "initializer_range")
_PIECES = ("pad_token_id", "bos_token_id", "eos_token_id")
# Fields that would change what an encoder computes, with the only value that circuits are made for.
_FIXED: Mapping[str, tuple[object, ...]] = {
    "is_decoder": (False, None),
    "is_encoder_decoder": (False, None),
    "add_cross_attention": (False, None),
    "pruned_heads": ({}, None),
    "position_embedding_type": ("absolute", None),
}
_EXPECTED = "expected a configuration of the XLM-R family"


def read_configuration(folder: Path) -> Any:
    """Return the configuration of the encoder in a folder, made of the fields that it is known to need.

    Args:
        folder: holds `config.json`.

    Raises:
        SourceError: the file is missing, is not JSON, or a field does not hold what it should.
        ToolkitError: a model of another family, or a field that could load code from elsewhere.
    """
    from toolkit.modeling.libraries import RobertaConfig, XLMRobertaConfig

    file = folder / "config.json"
    found = fields_of(folder)
    for field, value in _fields(found):
        if _loads_code(field, value):
            raise ToolkitError(
                f"{file} has the field '{field}', which can load code, kernels or a quantiser from elsewhere, and "
                f"xstilts never does; {_EXPECTED} without it."
            )
    family = found.get("model_type")
    if not isinstance(family, str):
        raise SourceError(f"{file} cannot be read (it names no model_type); {_EXPECTED}.")
    if family not in get_args(Family):
        raise ToolkitError(
            f"{folder} is a model of type '{family[:60]}'; expected one of the XLM-R family (xlm-roberta)."
        )
    known = _known(found, file)
    made = XLMRobertaConfig(**known) if family == "xlm-roberta" else RobertaConfig(**known)
    made.name_or_path = str(folder)
    return made


def fields_of(folder: Path) -> dict[str, Any]:
    """Return the fields of the `config.json` in a folder, as they are.

    Raises:
        SourceError: the file is missing, or is not a JSON object.
    """
    file = folder / "config.json"
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise SourceError(
            f"{file.parent} holds no config.json; a backbone folder is what `save_pretrained` or `hf download` leaves."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        said = str(error).strip().split("\n", 1)[0].rstrip(".")
        raise SourceError(f"{file} cannot be read ({said}); {_EXPECTED}.") from None
    if not isinstance(found, dict):
        raise SourceError(f"{file} cannot be read (it is not a JSON object); {_EXPECTED}.")
    return found


def _fields(value: object) -> Iterator[tuple[str, object]]:
    """Yield every field of a JSON value with what it holds, those of nested objects too."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            yield from one.items()
            todo += one.values()
        elif isinstance(one, list):
            todo += one


def _loads_code(field: str, value: object) -> bool:
    """Return whether a field could make a loader take code from elsewhere; an empty one cannot.

    Example:
        >>> _loads_code("_attn_implementation", "someone/kernel"), _loads_code("_attn_implementation", "sdpa")
        (True, False)
    """
    if not value:
        return False
    if _CHOSEN.fullmatch(field):
        chosen = value.values() if isinstance(value, dict) else [value]
        return any(each not in _OWN for each in chosen if each is not None)
    return _CODE.fullmatch(field) is not None


def _known(found: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return the fields that an encoder is built from, each with a value of its kind."""
    from toolkit.modeling.libraries import ACT2FN

    def refuse(field: str, what: str) -> SourceError:
        return SourceError(f"{file}: {field} is {str(found[field])[:60]!r}; expected {what}.")

    for field, allowed in _FIXED.items():
        if field in found and found[field] not in allowed:
            raise refuse(field, f"{allowed[0]!r}, the only one that encoders of the XLM-R family are read with")
    known: dict[str, Any] = {}
    for field in (name for name in (*_COUNTS, *_NUMBERS, *_PIECES) if name in found):
        value = known[field] = found[field]
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if field in _COUNTS and not (is_whole and 0 < value < 2**31):
            raise refuse(field, "a whole number above 0")
        if field in _PIECES and not (value is None or (is_whole and 0 <= value < 2**31)):
            raise refuse(field, "the number of a piece")
        if field in _NUMBERS and not ((is_whole or isinstance(value, float)) and 0 <= value < 1):
            raise refuse(field, "a number from 0 to below 1")
    if "hidden_act" in found:
        if not isinstance(found["hidden_act"], str) or found["hidden_act"] not in ACT2FN:
            raise refuse("hidden_act", "the name of an activation, such as 'gelu'")
        known["hidden_act"] = found["hidden_act"]
    width, heads = known.get("hidden_size", 768), known.get("num_attention_heads", 12)
    if width % heads:
        raise SourceError(f"{file}: hidden_size {width} is not a multiple of num_attention_heads {heads}; {_EXPECTED}.")
    return known
