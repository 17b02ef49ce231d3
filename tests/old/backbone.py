"""The backbone of the files that release 0.1.0 wrote: two layers of width 16, their weights made from hashes.

Its weights are the same bits on every processor and with every version of the libraries, so that its digest is the one on
the stored cards. (The random weights of the backbone `tiny` depend on the vector instructions of the processor.)
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

NAME = "./minute"


def make_backbone(folder: Path) -> None:
    """Write the backbone into a folder as `save_pretrained` would."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    tokenizer = _tokenizer()
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=1,
    )
    model = XLMRobertaModel(config, add_pooling_layer=False)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_scale = name.endswith("LayerNorm.weight")
            parameter.copy_(
                torch.ones_like(parameter) if is_scale else torch.from_numpy(_hashed(name, parameter.shape))
            )
    model.save_pretrained(folder)


def _hashed(name: str, shape: Any) -> np.ndarray:
    """Return float32 numbers within 1/8 of 0, multiples of 2^-18."""
    n = int(np.prod(tuple(shape)))
    whole = np.frombuffer(hashlib.shake_256(name.encode()).digest(2 * n), "<i2")
    return (whole.astype(np.float32) / 2**18).reshape(tuple(shape))


def _tokenizer() -> Any:
    """Return a tokenizer whose pieces are the characters of Latin scripts."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("▁", -1.0)]
    pieces += [(chr(code), -5.0) for code in range(0x21, 0x180)]
    pieces.append(("<mask>", 0.0))
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")])
    return tokenizer
