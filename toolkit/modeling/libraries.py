"""The parts of `adapters` and `transformers` that circuits are made of, imported without what no forward pass needs.

Importing an encoder took 3.3 s of processor time on an idle machine, and takes 1.1 s here (transformers 4.57.6, torch 2.13). Every
module of this folder imports these names from here, so that the first import is this one.
tests/modeling/test_libraries.py says which packages a forward pass may import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from toolkit.modeling.later import names, put_off

Function = TypeVar("Function", bound=Callable[..., object])


def _as_it_is(function: Function) -> Function:
    """Hold the place of `torch._dynamo.allow_in_graph`, by which transformers marks one property for the compiler.

    That property is read where transformers records the outputs of models of other families; compiled, it is traced.
    """
    return function


_UNUSED = {
    # A list of all models, which reads the source of each.
    "transformers.models": {},
    # Assisted generation.
    "sklearn": {},
    "sklearn.metrics": names("sklearn.metrics", "roc_curve"),
    # Losses of object detection.
    "scipy.optimize": names("scipy.optimize", "linear_sum_assignment"),
    # The compiler, and attention that only it makes fast.
    "torch._dynamo": {"allow_in_graph": _as_it_is},
    "torch._dynamo._trace_wrapped_higher_order_op": names(
        "torch._dynamo._trace_wrapped_higher_order_op", "TransformGetItemToIndex"
    ),
    "transformers.integrations.flex_attention": names(
        "transformers.integrations.flex_attention", "flex_attention_forward"
    ),
    # Models spread over several devices.
    "torch.distributed.tensor": names("torch.distributed.tensor", "DTensor"),
    "transformers.integrations.tensor_parallel": names(
        "transformers.integrations.tensor_parallel",
        "_get_parameter_tp_plan",
        "distribute_model",
        "initialize_tensor_parallelism",
        "repack_weights",
        "replace_state_dict_local_with_dtensor",
        "shard_and_distribute_module",
        "verify_tp_plan",
    ),
    # Traces for debugging a new model.
    "transformers.model_debugging_utils": names(
        "transformers.model_debugging_utils", "model_addition_debugger_context"
    ),
}

with put_off(_UNUSED, opened=["transformers.models"]):
    import adapters.models.xlm_roberta.modeling_xlm_roberta
    from accelerate import init_empty_weights
    from adapters import SeqBnConfig
    from adapters import init as init_adapters
    from adapters.composition import AdapterCompositionBlock, Average, Fuse, Stack
    from adapters.context import ForwardContext
    from adapters.methods.bottleneck import BottleneckLayer
    from adapters.methods.modeling import Adapter
    from transformers import (
        RobertaConfig,
        RobertaModel,
        XLMRobertaConfig,
        XLMRobertaModel,
        XLMRobertaTokenizerFast,
    )
    from transformers.activations import ACT2FN
    from transformers.modeling_utils import no_init_weights

__all__ = [
    "ACT2FN",
    "Adapter",
    "AdapterCompositionBlock",
    "Average",
    "BottleneckLayer",
    "ForwardContext",
    "Fuse",
    "RobertaConfig",
    "RobertaModel",
    "SeqBnConfig",
    "Stack",
    "XLMRobertaConfig",
    "XLMRobertaModel",
    "XLMRobertaTokenizerFast",
    "adapters",
    "init_adapters",
    "init_empty_weights",
    "no_init_weights",
]
