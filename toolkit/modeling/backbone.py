"""The frozen encoder: where it comes from, what identifies it, in which precision it is held."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import adapters
import torch
from adapters.methods.bottleneck import BottleneckLayer
from torch import nn

from toolkit.config.words import AskedPrecision
from toolkit.errors import SourceError, ToolkitError
from toolkit.hub import prepare_hub
from toolkit.modeling.attention import install_attention
from toolkit.modeling.embedded import embedded_folder
from toolkit.modeling.hub_ids import HUB_IDS, check_backbone_name
from toolkit.modeling.precision import Precision, pick_device, resolve_precision
from toolkit.modeling.products import install_products
from toolkit.modeling.special import as_text
from toolkit.modeling.tiny import tiny_model, tiny_tokenizer

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
        precision: `fp32` or `bf16`, how the frozen weights are held and the products are computed.
        device: where it runs.
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

    def wired(self) -> list[str]:
        """Return the names of the adapters and fusions that a circuit has wired in; none after `Circuit.close`."""
        found: dict[str, None] = {}
        for module in self.model.modules():
            if isinstance(module, BottleneckLayer):
                found |= dict.fromkeys([*module.adapters, *module.adapter_fusion_layer])
        return [name.removeprefix("part:") for name in found]

    def held_digest(self) -> str:
        """Return a sha256 over the weights as they are held now; equal before and after any training."""
        return _digest(self.own_parameters)

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Compute products in the backbone's precision inside this block."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
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
) -> Backbone:
    """Load a backbone and freeze it.

    Args:
        name: `embedded`, `tiny`, `xlm-roberta-large`, `xlm-roberta-base`, a hub id of the XLM-R family or a folder.
        precision: `auto`, `fp32` or `bf16`; bf16 holds the frozen weights once, in bf16.
        revision: hub revision (branch, tag or commit).
        is_trainable: leave the encoder's own weights trainable (`adapter: full`), held in fp32.
        device: default: the first GPU, or the CPU.

    Raises:
        SourceError: the weights cannot be reached; the message names the ways out.
        ToolkitError: not a model of the XLM-R family.
    """
    # The library warns at every forward pass without active adapters; a backbone alone is a legal circuit here.
    logging.getLogger("adapters").setLevel(logging.ERROR)
    device = device or pick_device()
    precision = resolve_precision(precision, device)
    check_backbone_name(name)
    if name == "tiny":
        model, tokenizer = tiny_model(), tiny_tokenizer()
    elif name == "embedded":
        model, tokenizer = _from_folder(embedded_folder())
    elif Path(name).is_dir():
        model, tokenizer = _from_folder(Path(name))
    else:
        model, tokenizer = _from_hub(name, revision)
    tokenizer = as_text(tokenizer)
    parameters = dict(model.named_parameters())
    digest = _digest(parameters)
    adapters.init(model)
    for parameter in parameters.values():
        parameter.requires_grad_(is_trainable)
        if precision == "bf16" and not is_trainable:
            # Held once: autocast would otherwise keep fp32 and cast every matrix at every step.
            parameter.data = parameter.data.to(torch.bfloat16)
    model.to(device)
    model.eval()
    install_products(model)
    if not is_trainable:
        install_attention(model)
    return Backbone(name, model, tokenizer, digest, precision, device, is_trainable, parameters)


def _digest(parameters: dict[str, nn.Parameter]) -> str:
    digest = hashlib.sha256()
    for key in sorted(parameters):
        tensor = parameters[key].detach().cpu().contiguous()
        digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _from_folder(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoTokenizer, XLMRobertaTokenizerFast

    if not (folder / "config.json").is_file():
        raise SourceError(
            f"{folder} holds no config.json; a backbone folder is what `save_pretrained` or `hf download` leaves."
        )
    try:
        # False and not None: with None, transformers 4.57 asks on the terminal whether to run the folder's own code.
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, OSError) as error:
        raise SourceError(
            f"{folder}/config.json cannot be read ({_first_line(error)}); expected a configuration of the XLM-R family."
        ) from error
    _check_family(str(folder), config)
    if (folder / "tokenizer.json").is_file():
        tokenizer = XLMRobertaTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), model_max_length=512)
    elif (folder / "sentencepiece.bpe.model").is_file():
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    else:
        raise SourceError(
            f"{folder} holds no tokenizer (tokenizer.json or sentencepiece.bpe.model); copy the checkpoint's own into it."
        )
    return _encoder(str(folder), config), tokenizer


def _from_hub(name: str, revision: str | None) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoTokenizer

    prepare_hub()
    hub_id = HUB_IDS.get(name, name)
    try:
        config = AutoConfig.from_pretrained(hub_id, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise SourceError(
            f"Backbone '{name}' is neither a folder nor in the local cache, and the hub cannot be reached or has no such model; "
            f"download it where there is a network (`hf download {hub_id} --local-dir DIR`) and pass `--backbone DIR`, "
            "or use `--backbone embedded`, which needs no hub."
        ) from error
    _check_family(name, config)
    tokenizer = AutoTokenizer.from_pretrained(hub_id, revision=revision, trust_remote_code=False)
    return _encoder(hub_id, config, revision), tokenizer


def _check_family(name: str, config: Any) -> None:
    if config.model_type not in ("xlm-roberta", "roberta"):
        raise ToolkitError(
            f"{name} is a model of type '{config.model_type}'; expected one of the XLM-R family (xlm-roberta)."
        )


def _encoder(source: str, config: Any, revision: str | None = None) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoModel

    try:
        # SDPA is exact and several times faster than the eager attention on long inputs.
        model, report = AutoModel.from_pretrained(
            source,
            config=config,
            revision=revision,
            trust_remote_code=False,
            add_pooling_layer=False,
            attn_implementation="sdpa",
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, SafetensorError) as error:
        raise SourceError(
            f"The weights of {source} are missing or damaged ({_first_line(error)}); download the checkpoint again."
        ) from error
    if report["missing_keys"]:
        raise SourceError(
            f"{source} lacks {len(report['missing_keys'])} of the encoder's tensors, for example "
            f"'{sorted(report['missing_keys'])[0]}'; download the checkpoint again."
        )
    return model


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
