"""Memory that is used up where no journey expected it: one sentence for each command, with the settings that take less."""

from __future__ import annotations

from toolkit.errors import is_out_of_memory
from toolkit.safe_text import short_words

_LEARNING = ("train", "fuse", "sweep", "run", "collapse")
_SEARCHING = ("retrieve", "mine")


def without_memory(error: BaseException, command: str) -> str | None:
    """Return the sentence for memory that is used up in a command; None for another error.

    Example:
        >>> print(without_memory(MemoryError(), "eval"))
        The memory of this machine is used up (MemoryError); lower --set eval.batch_size or --set eval.max_length, or take \
--precision bf16 or a smaller --backbone.
    """
    if not is_out_of_memory(error):
        return None
    where = "of the GPU" if str(error).startswith("CU") else "of this machine"
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    lower = "lower --set eval.batch_size or --set eval.max_length"
    if command in _LEARNING:
        lower = "give --set train.batch_size=auto or --set train.recompute=true, lower --set train.max_length"
    elif command in _SEARCHING:
        lower += " or --set retrieve.memory"
    return f"The memory {where} is used up ({short_words(said[:100])}); {lower}, or take --precision bf16 or a smaller --backbone."
