"""Settings of the encoder: the backbone, and the adapters that are put into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from toolkit.config.about import About
from toolkit.config.words import AdapterKind, AskedKernel, AskedPrecision


@dataclass(frozen=True)
class BackboneConfig:
    """The encoder that everything is stacked on."""

    name: Annotated[
        str,
        About(
            "registry name, hub id or local folder of the XLM-R family",
            also=("model", "model_name_or_path"),
            changes=("weights", "scores", "vectors", "similarity"),
        ),
    ] = "xlm-roberta-large"
    precision: Annotated[
        AskedPrecision,
        About(
            "auto: bf16 where the processor has it, fp16 with scaled losses on GPUs of Volta and Turing, which lack it, else fp32",
            changes=("weights", "scores", "vectors", "similarity"),
        ),
    ] = "auto"
    revision: Annotated[
        str | None,
        About(
            "commit, tag or branch of the hub id; null: that of the adapters used, a pin, what is here, else the newest",
            changes=("weights", "scores", "vectors", "similarity"),
        ),
    ] = None
    kernels: Annotated[
        AskedKernel,
        About(
            "how frozen layers are computed; plain: by the library's code; auto: in bf16 on a processor in one piece, with the "
            "attention that was measured fastest on it, else plain; a name: with that attention",
            changes=(),
        ),
    ] = "auto"


@dataclass(frozen=True)
class AdapterConfig:
    """What is put into the backbone and learnt."""

    kind: Annotated[
        AdapterKind,
        About(
            "seq_bn: bottleneck after the FFN; seq_bn_inv: and an invertible layer after the embeddings (languages); full: the whole backbone learns",
            changes=("weights", "merges"),
        ),
    ] = "seq_bn"
    reduction_factor: Annotated[
        int,
        About(
            "backbone width divided by bottleneck width (1024 / 16 = 64)",
            low=1,
            changes=("weights",),
            only=("adapter",),
        ),
    ] = 16
    non_linearity: Annotated[
        Literal["relu", "gelu", "gelu_new", "swish", "tanh", "leakyrelu"],
        About("inside the bottleneck", changes=("weights",), only=("adapter",)),
    ] = "relu"
    dropout: Annotated[
        float, About("inside the bottleneck", low=0, below=1, changes=("weights",), only=("adapter", "frozen"))
    ] = 0.0
    leave_out_lower: Annotated[
        float,
        About(
            "layers, from the embeddings up, that hold no adapter: a share of them, or from 1 on their number",
            low=0,
            changes=("weights",),
            only=("adapter",),
        ),
    ] = 0.0
    leave_out_upper: Annotated[
        float,
        About(
            "layers, from the top down, that hold no adapter: a share of them, or from 1 on their number",
            low=0,
            changes=("weights",),
            only=("adapter",),
        ),
    ] = 0.0
