"""A backbone with a composition wired into it and exactly one head chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from adapters import Fuse, SeqBnConfig, Stack
from adapters.composition import AdapterCompositionBlock
from adapters.methods.bottleneck import BottleneckLayer
from torch import Tensor, nn

from toolkit.composition import Average, Chain, Composition, Merge, Parallel, Part, parts
from toolkit.composition import Fuse as FuseNode
from toolkit.config import AdapterConfig
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.fusion import install_fusion
from toolkit.modeling.heads import HeadSpec, build_head

Tensors = dict[str, np.ndarray]


class Circuit(nn.Module):
    """A backbone, the adapters and fusions of a composition, and the heads of its tasks.

    The circuit adds its parts to the backbone when built and takes them out again on `close()`; use it as a context
    manager. One circuit at a time is wired into a backbone.

    Args:
        backbone: the frozen encoder.
        composition: what flows.
        heads: one specification per head to hold; the first is active until `choose_head`. Empty for retrieval.
        adapter: shape of the bottleneck adapters.
        seed: every part starts from weights that depend on this seed and the part's own name alone, so that building
            parts in another order, or resuming, changes nothing.
        head_dropout: dropout inside the heads while training.
        fusion: `fast` (re-associated, exact) or `reference` (the library's own path).
    """

    def __init__(
        self,
        backbone: Backbone,
        composition: Composition,
        *,
        heads: Mapping[str, HeadSpec] | None = None,
        adapter: AdapterConfig | None = None,
        seed: int = 0,
        head_dropout: float = 0.1,
        fusion: str = "fast",
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.encoder = backbone.model
        self.composition = composition
        self.adapter = adapter or AdapterConfig()
        self.is_full = self.adapter.kind == "full"
        self.parts = tuple(part for part in parts(composition) if part.kind != "head")
        if self.is_full and any(part.kind == "fusion" for part in self.parts):
            raise ToolkitError(
                f"'{composition}' fuses adapters, but `adapter: full` trains the whole encoder and has none; use seq_bn."
            )
        self.specs = dict(heads or {})
        self.heads = nn.ModuleDict()
        try:
            if not self.is_full:
                self._wire(seed, fusion)
            for name, spec in self.specs.items():
                with _seeded(seed, f"head {name}"):
                    self.heads[_module_name(name)] = build_head(spec, backbone.hidden_size, dropout=head_dropout)
        except BaseException:
            self.close()
            raise
        self.active_head = next(iter(self.specs), None)
        self.to(backbone.device)
        self.eval()

    # -- wiring ---------------------------------------------------------------------------------------------------

    def _wire(self, seed: int, fusion: str) -> None:
        config = SeqBnConfig(
            reduction_factor=self.adapter.reduction_factor,
            non_linearity=self.adapter.non_linearity,
            dropout=self.adapter.dropout,
        )
        last_of: dict[str, list[str]] = {}
        setup = None if self.composition.is_backbone else self._setup(self.composition.chain, Chain(()), last_of)
        for part in self.parts:
            with _seeded(seed, f"{part.kind} {part.name}"):
                if part.kind == "adapter":
                    self.encoder.add_adapter(_module_name(part.name), config=config)
                else:
                    # The library registers a fusion by the last adapter of each member; a name of our own, because
                    # its default name joins those and collides between different members.
                    name = _module_name(part.name)
                    self.encoder.add_adapter_fusion(last_of[name], config="dynamic", name=name)
        self.encoder.set_active_adapters(setup)
        if any(part.kind == "fusion" for part in self.parts):
            install_fusion(self._bottlenecks(), fusion)
        for parameter in self.encoder.parameters():
            parameter.requires_grad_(False)
        self.encoder.to(self.backbone.device)

    def _setup(self, chain: Chain, below: Chain, last_of: dict[str, list[str]]) -> AdapterCompositionBlock | str:
        """Translate a chain of our language, read on top of `below`, into the library's blocks.

        `last_of` is filled with each fusion's members, named by the last adapter of each.
        """
        blocks: list[Any] = []
        for unit in chain.units:
            name = _module_name(Composition(below / unit).slug)
            if isinstance(unit, FuseNode):
                members = [self._setup(member, below, last_of) for member in unit.members]
                last_of[name] = [_module_name(Composition(below / member).slug) for member in unit.members]
                blocks.append(Fuse(*members, name=name))
            elif isinstance(unit, (Average, Parallel, Merge)):
                raise ToolkitError(f"'{unit}' parses, but this version does not wire it yet.")
            else:
                blocks.append(name)
            below = below / unit
        # A single name is never wrapped: the library would apply the layer norm once more.
        return blocks[0] if len(blocks) == 1 else Stack(*blocks)

    def _bottlenecks(self) -> list[tuple[str, BottleneckLayer]]:
        """Return the adapter layers that hold parts, by path from the encoder, e.g. `encoder.layer.0.output`."""
        found = []
        for path, module in self.encoder.named_modules():
            if isinstance(module, BottleneckLayer) and len(module.adapters) > 0:
                found.append((path, module))
        return found

    def close(self) -> None:
        """Take the parts out of the backbone, which is then as it was."""
        if self.is_full:
            return
        self.encoder.set_active_adapters(None)
        for part in reversed(self.parts):
            if part.kind == "fusion":
                self.encoder.delete_adapter_fusion(_module_name(part.name))
            else:
                self.encoder.delete_adapter(_module_name(part.name))

    def __enter__(self) -> Circuit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- running --------------------------------------------------------------------------------------------------

    def choose_head(self, name: str) -> None:
        """Let `name` answer from now on."""
        if name not in self.specs:
            raise ToolkitError(
                f"'{self.composition}' holds no head '{name}'; it holds {', '.join(self.specs) or 'none'}."
            )
        self.active_head = name

    @property
    def spec(self) -> HeadSpec:
        """The active head's specification."""
        if self.active_head is None:
            raise ToolkitError(f"'{self.composition}' is wired without a head, for retrieval.")
        return self.specs[self.active_head]

    def encode(self, input_ids: Tensor, attention_mask: Tensor, *, layers: int | None = None) -> Tensor:
        """Return the hidden states after `layers` layers (None: all): [B, T, H]."""
        with self.backbone.depth(layers), self.backbone.autocast():
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    def hidden_states(self, input_ids: Tensor, attention_mask: Tensor, *, layers: int) -> tuple[Tensor, ...]:
        """Return the embeddings and the hidden states after each of the first `layers` layers: layers + 1 of [B, T, H]."""
        with self.backbone.depth(layers), self.backbone.autocast():
            return self.encoder(
                input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
            ).hidden_states

    def forward(self, batch: Mapping[str, Tensor], head: str | None = None) -> Tensor:
        """Return the active (or the named) head's logits for a collated batch; shapes as in `build_head`."""
        states = self.encode(batch["input_ids"], batch["attention_mask"])
        # The head answers in fp32: it costs next to nothing, and bf16 logits tie and round.
        return self.heads[_module_name(head or self.active_head or "")](states.float())

    def train_mode(self, *, backbone_dropout: float) -> None:
        """Switch dropout on in adapters, fusions and heads, and in the frozen encoder at the given rate."""
        self.train()
        own = self._part_modules()
        inside = {id(module) for root in own for module in root.modules()}
        for module in self.encoder.modules():
            if isinstance(module, nn.Dropout) and id(module) not in inside:
                module.p = backbone_dropout
        for layer in self.encoder.encoder.layer:
            # Attention dropout is a number, not a module, on the SDPA path; without it the fused kernel is exact and fast.
            layer.attention.self.dropout_prob = backbone_dropout
        if backbone_dropout == 0.0:
            # Without dropout, eval and train mode compute the same; eval lets attention take its fused kernel.
            self.encoder.eval()
            for root in own:
                root.train()

    def _part_modules(self) -> list[nn.Module]:
        modules: list[nn.Module] = []
        for _, layer in self._bottlenecks():
            modules += [*layer.adapters.values(), *layer.adapter_fusion_layer.values()]
        return modules

    # -- weights --------------------------------------------------------------------------------------------------

    def parameters_of(self, part: Part) -> dict[str, nn.Parameter]:
        """Return a part's parameters by their names in the zoo's files, for example `layer.0.adapter_up.weight`."""
        if part.kind == "head":
            return dict(self.heads[_module_name(part.name)].named_parameters())
        if self.is_full:
            return dict(self.backbone.own_parameters)
        found: dict[str, nn.Parameter] = {}
        for path, layer in self._bottlenecks():
            held = layer.adapters if part.kind == "adapter" else layer.adapter_fusion_layer
            module = held[_module_name(part.name)]
            stem = path.removeprefix("encoder.").removesuffix(".output")
            found |= {f"{stem}.{key}": parameter for key, parameter in module.named_parameters()}
        return found

    def shapes_of(self, part: Part) -> dict[str, tuple[int, ...]]:
        """Return the shape that each tensor of a part must have."""
        return {key: tuple(parameter.shape) for key, parameter in self.parameters_of(part).items()}

    def tensors_of(self, part: Part) -> Tensors:
        """Return a copy of a part's weights, float32."""
        return {
            key: parameter.detach().float().cpu().numpy().copy() for key, parameter in self.parameters_of(part).items()
        }

    @torch.no_grad()
    def load(self, part: Part, tensors: Mapping[str, np.ndarray]) -> None:
        """Put weights into a part; every tensor must be there, in shape, and finite, or nothing is changed."""
        parameters = self.parameters_of(part)
        missing, extra = sorted(parameters.keys() - tensors.keys()), sorted(tensors.keys() - parameters.keys())
        if missing or extra:
            raise ZooError(
                f"The {part.kind} of '{part.entry}' has {len(missing)} tensors missing and {len(extra)} too many"
                f" (for example '{(missing or extra)[0]}'); train or pull it again."
            )
        for key, parameter in parameters.items():
            if tuple(tensors[key].shape) != tuple(parameter.shape):
                raise ZooError(
                    f"Tensor '{key}' of '{part.entry}' has shape {tuple(tensors[key].shape)}, expected "
                    f"{tuple(parameter.shape)}; it was made with another adapter configuration or backbone."
                )
            if not np.isfinite(tensors[key]).all():
                raise ZooError(
                    f"Tensor '{key}' of '{part.entry}' holds NaN or infinite numbers; train or pull it again."
                )
        for key, parameter in parameters.items():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(tensors[key])))

    def learnable(self, learn: Sequence[Part]) -> dict[str, nn.Parameter]:
        """Return the parameters of the parts in `learn`, by `kind:name/key`."""
        return {
            f"{part.kind}:{part.name}/{key}": parameter
            for part in learn
            for key, parameter in self.parameters_of(part).items()
        }

    def regularisation(self, learn: Sequence[Part], *, weight: float = 0.01) -> Tensor | None:
        """Return `weight * sum ||I - W_v||^2` over the value matrices of the fusions in `learn`, or None.

        It belongs into the loss: the library adds its gradient one step late and ignores its switch.
        Source: Pfeiffer et al. 2021, *AdapterFusion*; `adapters` 1.3.0 `get_fusion_regularization_loss`.
        """
        total: Tensor | None = None
        for part in learn:
            if part.kind != "fusion":
                continue
            for key, matrix in self.parameters_of(part).items():
                if key.endswith("value.weight"):
                    term = (torch.eye(len(matrix), device=matrix.device) - matrix).pow(2).sum()
                    total = term if total is None else total + term
        return None if total is None else weight * total


def _module_name(name: str) -> str:
    """Return `name` as a torch module name: no dots, and never an attribute of `nn.ModuleDict` such as `keys`."""
    return "part:" + name.replace(".", "~")


class _seeded:
    """Run a block under its own seed, made from the run's seed and the name of what is initialised."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
        self.seed = int.from_bytes(digest[:8], "little") >> 1
        self.fork = torch.random.fork_rng(devices=[])

    def __enter__(self) -> None:
        self.fork.__enter__()
        torch.manual_seed(self.seed)

    def __exit__(self, *error: Any) -> None:
        self.fork.__exit__(*error)
