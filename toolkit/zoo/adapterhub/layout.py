"""The layout of `adapters` 1.3.0: its files, and the fields of the configurations that have a form here.

Nothing of that library is needed to write or read them; tests/modeling/test_adapterhub*.py let the library itself do the other half.
"""

from __future__ import annotations

from typing import Any

from toolkit.tasks.kinds import Kind

VERSION = "adapters.1.3.0"
MODEL_TYPE = "xlm-roberta"
# Per kind of part: the configuration's file, the weights' name as safetensors and as a pickle.
FILES: dict[str, tuple[str, str, str]] = {
    "adapter": ("adapter_config.json", "adapter.safetensors", "pytorch_adapter.bin"),
    "fusion": (
        "adapter_fusion_config.json",
        "model_adapter_fusion.safetensors",
        "pytorch_model_adapter_fusion.bin",
    ),
    "head": ("head_config.json", "model_head.safetensors", "pytorch_model_head.bin"),
}
SETUP_FILE = "adapter_setup.json"
# `SeqBnConfig` of that version; reduction_factor, non_linearity, dropout and leave_out come from the card.
SEQ_BN: dict[str, Any] = {
    "mh_adapter": False,
    "output_adapter": True,
    "original_ln_before": True,
    "original_ln_after": True,
    "ln_before": False,
    "ln_after": False,
    "residual_before_ln": True,
    "adapter_residual_before_ln": False,
    "init_weights": "bert",
    "init_weights_seed": None,
    "is_parallel": False,
    "scaling": 1.0,
    "use_gating": False,
    "inv_adapter": None,
    "inv_adapter_reduction_factor": None,
    "cross_adapter": False,
    "leave_out": [],
    "stochastic_depth": 0.0,
    "phm_layer": False,
}
# `SeqBnInvConfig`: the same, and an invertible layer after the embeddings.
REDUCTION = 2
COUPLING = {"inv_adapter": "nice", "inv_adapter_reduction_factor": REDUCTION}
FUSION: dict[str, Any] = {
    "key": True,
    "query": True,
    "value": True,
    "query_before_ln": False,
    "regularization": True,
    "residual_before": False,
    "temperature": False,
    "value_before_softmax": True,
    "value_initialized": True,
    "dropout_prob": None,
}
# Our head's layers by their place in the library's `Sequential` (0 and 3 are dropout, 2 is tanh).
_TWO_LAYERS, _ONE_LAYER = {"dense": "1", "out": "4"}, {"out": "1"}
HEADS: dict[Kind, tuple[str, dict[str, str]]] = {
    "pair": ("classification", _TWO_LAYERS),
    "choice": ("multiple_choice", _TWO_LAYERS),
    "tags": ("tagging", _ONE_LAYER),
    "span": ("question_answering", _ONE_LAYER),
}
# Outputs of a head without classes; None: one for each class.
OUTPUTS: dict[Kind, int | None] = {"pair": None, "choice": 1, "tags": None, "span": 2}
# The masked language head: our names by the place in the library's `Sequential` (1 is GELU). The matrix of the last place is the
# encoder's word embeddings, which is never a part of a head here.
MASKED = {"dense": "0", "layer_norm": "2"}
MASKED_LAST = "3"
MASKED_FIELDS: dict[str, Any] = {
    "head_type": "masked_lm",
    "layers": 2,
    "activation_function": "gelu",
    "layer_norm": True,
    "bias": True,
    "shift_labels": False,
}
# The same of `XLMRobertaForMaskedLM`, whose bias has two names.
MASKED_CLASS = "XLMRobertaForMaskedLM"
STATIC_MASKED = {"dense": "lm_head.dense", "layer_norm": "lm_head.layer_norm"}
STATIC_BIAS, STATIC_LAST = ("lm_head.bias", "lm_head.decoder.bias"), "lm_head.decoder.weight"
# The heads that models of `transformers` bring along and the library saves with an adapter: our layers by their names.
STATIC_HEADS: dict[str, tuple[Kind, dict[str, str]]] = {
    "XLMRobertaForSequenceClassification": ("pair", {"dense": "classifier.dense", "out": "classifier.out_proj"}),
    "XLMRobertaForTokenClassification": ("tags", {"out": "classifier"}),
    "XLMRobertaForQuestionAnswering": ("span", {"out": "qa_outputs"}),
}
