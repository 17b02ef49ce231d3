"""Two tokenizers: one piece per character, and XLM-R's own vocabulary from the embedded backbone."""

from __future__ import annotations

from typing import Any

import pytest

from tests import pieces


@pytest.fixture(scope="session")
def characters() -> Any:
    """The tiny backbone's tokenizer: every character is one piece."""
    from toolkit.modeling.tiny import tiny_tokenizer

    return tiny_tokenizer()


@pytest.fixture(scope="session")
def xlmr() -> Any:
    """XLM-R's tokenizer, as the embedded backbone brings it."""
    return pieces.xlmr()
