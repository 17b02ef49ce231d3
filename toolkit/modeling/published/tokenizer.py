"""Tokenizer of a published encoder: `tokenizer.json`, or the SentencePiece model that it was made from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from toolkit.errors import SourceError
from toolkit.modeling.published.kept import TOKENIZERS
from toolkit.modeling.published.layout import again

# The pieces that fairseq puts before SentencePiece's own; they are the first four of every XLM-R vocabulary.
_FIRST = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}


def read_tokenizer(folder: Path, vocabulary: int) -> Any:
    """Return the fast tokenizer of a folder.

    Args:
        folder: holds `tokenizer.json` or `sentencepiece.bpe.model`; `tokenizer_config.json` is not read.
        vocabulary: number of pieces that the encoder has vectors for.

    Raises:
        SourceError: neither is there, the file is damaged, or it has pieces without a vector.
    """
    from toolkit.modeling.libraries import XLMRobertaTokenizerFast

    file = next((folder / name for name in TOKENIZERS if (folder / name).is_file()), None)
    if file is None:
        raise SourceError(
            f"{folder} holds no tokenizer (tokenizer.json or sentencepiece.bpe.model); copy the checkpoint's own into it."
        )
    try:
        if file.name == TOKENIZERS[0]:
            found = XLMRobertaTokenizerFast(tokenizer_file=str(file), model_max_length=512)
        else:
            found = XLMRobertaTokenizerFast(tokenizer_object=_converted(file), model_max_length=512)
    except Exception as error:  # tokenizers and protobuf raise bare exceptions for a damaged file
        said = " ".join(str(error).split())[:160].rstrip(".")
        raise SourceError(f"{file} cannot be read ({said}); {again(folder)}.") from error
    # `len(found)` would make a dictionary of all pieces to count them.
    held = max([found.backend_tokenizer.get_vocab_size(with_added_tokens=False) - 1, *found.added_tokens_decoder]) + 1
    if held > vocabulary:
        raise SourceError(
            f"{file} has {held:,} pieces, and the encoder vectors for {vocabulary:,} (vocab_size in config.json); "
            "expected the tokenizer of the same checkpoint."
        )
    return found


def _converted(file: Path) -> Any:
    """Return a SentencePiece model as XLM-R's fast tokenizer, without the package `sentencepiece`."""
    from transformers.convert_slow_tokenizer import XLMRobertaConverter

    # All that the converter asks of the slow tokenizer, which only that package could make.
    slow = SimpleNamespace(vocab_file=str(file), convert_tokens_to_ids=_FIRST.__getitem__)
    converter = XLMRobertaConverter(slow)
    if len(converter.proto.pieces) < len(_FIRST):
        raise ValueError("it holds no pieces")
    return converter.converted()
