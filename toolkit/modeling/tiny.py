"""The `tiny` backbone: two random layers and a character tokenizer, for tests and dry runs. Nothing in it is learnt."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from toolkit.modeling.seeded import seeded
from toolkit.modeling.special import as_text

HIDDEN, LAYERS, HEADS, FFN, POSITIONS = 32, 2, 4, 64, 514


@lru_cache(maxsize=1)
def tiny_tokenizer() -> Any:
    """Return a tokenizer whose pieces are single characters, with XLM-R's special tokens and `▁` convention."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

    from toolkit.modeling.libraries import XLMRobertaTokenizerFast

    # Latin to Thai, CJK ideographs and kana: the scripts of the tasks. The rest becomes <unk>.
    ranges = ((0x21, 0x2FF), (0x300, 0xE7F), (0x1E00, 0x1FFF), (0x2010, 0x2030), (0x3000, 0x30FF), (0x4E00, 0x9FFF))
    characters = [chr(c) for low, high in ranges for c in range(low, high + 1)]
    characters += [chr(c) for c in range(0xAC00, 0xD7A4)]
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("▁", -1.0)]
    pieces += [(c, -5.0) for c in characters]
    pieces.append(("<mask>", 0.0))
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")])
    return as_text(XLMRobertaTokenizerFast(tokenizer_object=tokenizer, model_max_length=512))


@lru_cache(maxsize=1)
def _vocabulary() -> int:
    return len(tiny_tokenizer())


def tiny_model(layers: int = LAYERS) -> Any:
    """Return a randomly initialised XLM-R encoder of width 32; the same weights at every call."""
    from toolkit.modeling.libraries import XLMRobertaConfig, XLMRobertaModel

    config = XLMRobertaConfig(
        vocab_size=_vocabulary(),
        hidden_size=HIDDEN,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        intermediate_size=FFN,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    with seeded(0):
        model = XLMRobertaModel(config, add_pooling_layer=False)
    model.eval()
    return model
