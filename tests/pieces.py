"""XLM-R's own pieces, from the embedded backbone: they take most of a second to load, once for all tests of a process."""

from __future__ import annotations

from functools import cache
from typing import Any


def plain() -> Any:
    """Return XLM-R's tokenizer as `transformers` reads it."""
    from transformers import XLMRobertaTokenizerFast

    from toolkit.modeling.embedded import embedded_folder

    return XLMRobertaTokenizerFast(tokenizer_file=str(embedded_folder() / "tokenizer.json"), model_max_length=512)


@cache
def xlmr() -> Any:
    """Return XLM-R's tokenizer as the embedded backbone brings it; for reading only."""
    from toolkit.modeling.special import as_text

    return as_text(plain())
