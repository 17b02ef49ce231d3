"""Closed vocabularies of settings that other rooms name as well."""

from __future__ import annotations

from typing import Literal

Auto = Literal["auto"]
AdapterKind = Literal["seq_bn", "seq_bn_inv", "full"]
FusionMode = Literal["fast", "reference"]
MixtureKind = Literal["proportional", "equal", "temperature"]
Pooling = Literal["mean", "cls", "mean-no-special"]
LabelPiece = Literal["content", "first"]
AskedPrecision = Literal["auto", "fp32", "bf16", "fp16"]
Without = Literal["refuse", "skip", "english", "none"]
Kernel = Literal["fused-fp32", "fused-bf16", "products-fp32", "products-bf16"]
UsedKernel = Literal["plain", "fused-fp32", "fused-bf16", "products-fp32", "products-bf16"]
AskedKernel = Literal["auto", "plain", "fused-fp32", "fused-bf16", "products-fp32", "products-bf16"]
