"""Special pieces (`<s>`, `<pad>`, `<mask>`, ...) that are typed in a text: cut like any other text."""

from __future__ import annotations

import re
from typing import Any


def as_text(tokenizer: Any) -> Any:
    """Let a fast tokenizer read its own special pieces as plain text where they occur in a text; returns the tokenizer.

    Two roads lead from the typed text `<pad>` to the id of the padding piece, and both are closed: special pieces are looked
    for in the text before it is cut (tokenizers), and the Unigram model holds them as pieces with the best of all scores
    (sentencepiece keeps them apart as control symbols, the conversion of transformers does not). The first is a switch of the
    tokenizer; against the second a special piece is parted after its first character, so that no piece of the
    model spans it. The ids of all other text stay as they are.

    Args:
        tokenizer: a fast tokenizer of transformers; one without a backend is returned as it is.
    """
    from tokenizers import Regex, pre_tokenizers

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or tokenizer.split_special_tokens:
        return tokenizer
    tokenizer.split_special_tokens = True
    typed = "|".join(f"{re.escape(each[0])}(?={re.escape(each[1:])})" for each in sorted(tokenizer.all_special_tokens))
    parted = pre_tokenizers.Split(Regex(typed), behavior="merged_with_previous")
    backend.pre_tokenizer = pre_tokenizers.Sequence([backend.pre_tokenizer, parted])
    return tokenizer
