"""The frozen encoder: where it comes from, what identifies it, in which precision it is held."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from toolkit.config.words import AskedKernel, AskedPrecision, UsedKernel
from toolkit.errors import ToolkitError
from toolkit.modeling.attending import WAYS
from toolkit.modeling.attention import install_attention
from toolkit.modeling.embedded import embedded_folder
from toolkit.modeling.frozen import first_token, install_frozen, remove_frozen
from toolkit.modeling.hub_ids import HUB_IDS, check_backbone_name, is_folder
from toolkit.modeling.kernels import resolve_kernel
from toolkit.modeling.libraries import BottleneckLayer, init_adapters, no_init_weights
from toolkit.modeling.precision import DTYPES, Precision, pick_device, products_in, resolve_precision
from toolkit.modeling.products import install_products
from toolkit.modeling.published.configuration import read_configuration
from toolkit.modeling.published.download import download_checkpoint
from toolkit.modeling.published.masked_head import read_masked_head
from toolkit.modeling.published.tokenizer import read_tokenizer
from toolkit.modeling.published.weights import load_encoder, parameters_digest
from toolkit.modeling.special import as_text
from toolkit.modeling.tiny import tiny_model, tiny_tokenizer
from toolkit.paths import at_home

KNOWN = {
    "xlm-roberta-large": "XLM-R Large, 24 layers, width 1024, 559M parameters (hub: FacebookAI/xlm-roberta-large)",
    "xlm-roberta-base": "XLM-R Base, 12 layers, width 768, 278M parameters (hub: FacebookAI/xlm-roberta-base)",
    "embedded": "multilingual-e5-small, 12 layers, width 384, 118M parameters, arrives with pip, needs no hub",
    "tiny": "2 random layers of width 32, for tests and dry runs: it knows nothing",
}


@dataclass
class Backbone:
    """A frozen encoder with its tokenizer.

    Attributes:
        name: as asked for: `embedded`, `xlm-roberta-large`, a hub id or a folder.
        model: the encoder, `adapters`-enabled; none of its own weights require gradients unless `is_trainable`.
        tokenizer: XLM-R's fast tokenizer.
        digest: sha256 over the encoder's weights in the precision they were published in: what a card pins.
        revision: `org/name@commit` of a model of the hub; empty for others.
        precision: `fp32`, `bf16` or `fp16`, how the frozen weights are held and the products are computed.
        device: where it runs.
        folder: with the published files; None: made here.
        is_trainable: True only for `adapter: full`.
    """

    name: str
    model: Any
    tokenizer: Any
    digest: str
    precision: Precision
    device: torch.device
    is_trainable: bool = False
    own_parameters: dict[str, nn.Parameter] = field(default_factory=dict, repr=False)
    revision: str = ""
    folder: Path | None = None
    kernel: UsedKernel = "plain"

    @property
    def hidden_size(self) -> int:
        """Width H."""
        return int(self.model.config.hidden_size)

    @property
    def n_layers(self) -> int:
        """Number of transformer layers L."""
        return int(self.model.config.num_hidden_layers)

    @property
    def max_tokens(self) -> int:
        """Longest sequence, special tokens included (XLM-R counts positions from 2)."""
        return int(self.model.config.max_position_embeddings) - 2

    @property
    def n_pieces(self) -> int:
        """Size V of the vocabulary."""
        return int(self.model.config.vocab_size)

    @property
    def layer_norm_eps(self) -> float:
        """Epsilon of the layer norms."""
        return float(self.model.config.layer_norm_eps)

    def masked_head(self) -> dict[str, torch.Tensor] | None:
        """Return the weights of the checkpoint's own masked language head, float32, by `MaskedHead`'s names; None without one.

        Raises:
            SourceError: it is damaged, or of another vocabulary or width.
        """
        if self.folder is None:
            return None
        return read_masked_head(self.folder, self.hidden_size, self.n_pieces)

    def wired(self) -> list[str]:
        """Return the names of the adapters and fusions that a circuit has wired in; none after `Circuit.close`."""
        found: dict[str, None] = {}
        for module in self.model.modules():
            if isinstance(module, BottleneckLayer):
                found |= dict.fromkeys([*module.adapters, *module.adapter_fusion_layer])
        return [name.removeprefix("part:") for name in found]

    def held_digest(self) -> str:
        """Return a sha256 over the weights as they are held now; equal before and after any training."""
        return parameters_digest(self.own_parameters)

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Compute products in the backbone's precision inside this block."""
        with products_in(self.precision, self.device.type):
            yield

    def use_kernel(self, asked: AskedKernel) -> None:
        """Compute frozen layers as asked from now on; a backbone that learns is computed by the library's code.

        Raises:
            ToolkitError: this processor, device or precision lacks what is asked for.
        """
        if self.is_trainable:
            return
        config = self.model.config
        size = config.hidden_size // config.num_attention_heads
        self.kernel = resolve_kernel(asked, self.precision, self.device, size)
        remove_frozen(self.model)
        if self.kernel != "plain":
            install_frozen(self.model, WAYS[self.kernel])

    @contextmanager
    def first_token(self, is_alone: bool) -> Iterator[None]:
        """Compute the last layer for the first token alone inside this block if `is_alone`, where layers are in one piece: states are [B, 1, H]."""
        if not is_alone:
            yield
            return
        with first_token(self.model):
            yield

    @contextmanager
    def depth(self, layers: int | None) -> Iterator[None]:
        """Compute only the first `layers` transformer layers inside this block (None: all)."""
        if layers is None or layers == self.n_layers:
            yield
            return
        if not 0 <= layers <= self.n_layers:
            raise ToolkitError(
                f"Layer {layers} does not exist: {self.name} has layers 0 (embeddings) to {self.n_layers}."
            )
        whole = self.model.encoder.layer
        self.model.encoder.layer = whole[:layers]
        try:
            yield
        finally:
            self.model.encoder.layer = whole


def load_backbone(
    name: str,
    *,
    precision: AskedPrecision = "auto",
    revision: str | None = None,
    is_trainable: bool = False,
    device: torch.device | None = None,
    kernels: AskedKernel = "auto",
) -> Backbone:
    """Load a backbone and freeze it.

    Args:
        name: `embedded`, `tiny`, `xlm-roberta-large`, `xlm-roberta-base`, a hub id of the XLM-R family or a folder.
        precision: `auto`, `fp32`, `bf16` or `fp16`; bf16 and fp16 hold the frozen weights once, in that format.
        revision: hub revision (branch, tag or commit); None: see `published.revision.choose`.
        is_trainable: leave the encoder's own weights trainable (`adapter: full`), held in fp32.
        device: default: the first GPU, or the CPU.
        kernels: see `resolve_kernel`.

    Raises:
        SourceError: the weights cannot be reached; the message names the ways out.
        ToolkitError: not a model of the XLM-R family.
    """
    # The library warns at every forward pass without active adapters; a backbone alone is a legal circuit here.
    logging.getLogger("adapters").setLevel(logging.ERROR)
    device = device or pick_device()
    precision = resolve_precision(precision, device)
    check_backbone_name(name)
    # Held once: autocast would otherwise keep fp32 and cast every matrix at every step.
    dtype = torch.float32 if is_trainable else DTYPES[precision]
    if name == "tiny":
        model, tokenizer = tiny_model(), tiny_tokenizer()
        digest, found, folder = parameters_digest(dict(model.named_parameters())), "", None
        model.to(dtype)
    else:
        folder, found = _folder(name, revision)
        config = read_configuration(folder)
        tokenizer = read_tokenizer(folder, config.vocab_size)
        model, digest = load_encoder(config, folder, dtype=dtype, device=device)
    tokenizer = as_text(tokenizer)
    parameters = dict(model.named_parameters())
    with no_init_weights():  # it makes every linear layer again, around the weights that the old one holds
        init_adapters(model)
    for parameter in parameters.values():
        parameter.requires_grad_(is_trainable)
    model.to(device)
    model.eval()
    install_products(model)
    if not is_trainable:
        install_attention(model)
    backbone = Backbone(name, model, tokenizer, digest, precision, device, is_trainable, parameters, found, folder)
    backbone.use_kernel(kernels)
    return backbone


def _folder(name: str, revision: str | None) -> tuple[Path, str]:
    """Return the folder that holds a backbone's files, downloaded if need be, and `org/name@commit` of a model of the hub."""
    if name == "embedded":
        return embedded_folder(), ""
    if is_folder(name):
        return at_home(name), ""
    repo = HUB_IDS.get(name, name)
    folder = download_checkpoint(name, repo, revision)
    return folder, f"{repo}@{folder.name}"
