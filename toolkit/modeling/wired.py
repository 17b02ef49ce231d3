"""Adapters and fusions of a composition inside a backbone's encoder: wired in, folded, and taken out again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from toolkit.composition import Composition, Part
from toolkit.composition.variants import closed
from toolkit.config import AdapterConfig
from toolkit.config.words import FusionMode
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.fold import fold_layers, unfold_layers
from toolkit.modeling.fusion import fusion_path, install_fusion, remove_fusion
from toolkit.modeling.invertible import INVERTIBLE, Coupling, chain_names, install_couplings, inverted, require_chain
from toolkit.modeling.libraries import BottleneckLayer, Stack
from toolkit.modeling.precision import DTYPES
from toolkit.modeling.products import install_products
from toolkit.modeling.seeded import seeded
from toolkit.modeling.weights import named_parameters
from toolkit.modeling.wiring import (
    Block,
    Rows,
    blocks_of,
    check_layers,
    install_blocks,
    library_config,
    module_name,
    remove_blocks,
)

HAS_COUPLING = ("seq_bn_inv",)  # kinds of adapters


def role_of(part: Part, composition: Composition) -> str:
    """Return the role of a part in a circuit, from which its first weights are drawn (docs/decisions/0030-seeds-by-role.md).

    The parts that the circuit's own entry holds are those that can learn: they are drawn by their kind, so that circuits of
    other tasks and members start with the same ones. All others are drawn by their names; they are loaded before anything learns.

    Example:
        >>> from toolkit.composition import parse
        >>> circuit = parse("fuse[mnli,squad]/xquad")
        >>> [role_of(part, circuit) for part in circuit.parts]
        ['adapter mnli', 'adapter squad', 'fusion', 'adapter', 'head']
    """
    return part.kind if part.entry == str(closed(composition)) else f"{part.kind} {part.name}"


class Wired:
    """The parts of a composition in the encoder of a backbone; one at a time.

    Args:
        backbone: the frozen encoder.
        composition: what flows.
        adapter: shape of the bottleneck adapters.
        shapes: shape of the adapters of single entries, where it is another.
        fusion: `fast` or `reference`.

    Attributes:
        parts: the adapters and fusions, from the backbone up.
        couplings: invertible layers of those adapters that have one.
        unfolded: reasons, by a layer's path, why it has no folded form.
    """

    def __init__(
        self,
        backbone: Backbone,
        composition: Composition,
        adapter: AdapterConfig,
        shapes: Mapping[str, AdapterConfig],
        fusion: FusionMode,
    ) -> None:
        self.backbone, self.encoder, self.composition = backbone, backbone.model, composition
        self.adapter, self.shapes, self.fusion = adapter, dict(shapes), fusion
        self.parts = tuple(part for part in composition.parts if part.kind != "head")
        self.couplings = nn.ModuleDict()
        self.unfolded: dict[str, str] = {}
        self._setup: Block | Rows | None = None
        self._folded_at: tuple[int, ...] | None = None
        self._outdated: set[str] = set()  # names of modules

    # -- in and out -----------------------------------------------------------------------------------------------

    def wire(self, seed: int) -> None:
        """Put the parts in, each with weights that depend on `seed` and its role (`role_of`) alone.

        Raises:
            ToolkitError: a block joins adapters of different layers.
        """
        last_of: dict[str, list[str]] = {}
        if not self.composition.is_backbone:
            self._setup, last_of = blocks_of(self.composition.chain)
        for part in self.parts:
            with seeded(seed, role_of(part, self.composition)):
                self._add(part, last_of)
        adapters = [module_name(part.name) for part in self.parts if part.kind == "adapter"]
        # Of rows the library only asks whether a layer holds one of these names; `install_blocks` says what flows.
        self.encoder.set_active_adapters(Stack(*adapters) if isinstance(self._setup, Rows) else self._setup)
        layers = self.layers()
        check_layers(layers, self.composition, adapters)
        install_blocks(layers, self._setup)
        install_couplings(self.encoder.embeddings, self._in_order())
        if any(part.kind == "fusion" for part in self.parts):
            install_fusion(layers, self.fusion)
        for _, layer in layers:
            for adapter in layer.adapters.values():
                install_products(adapter)
        for parameter in self.encoder.parameters():
            parameter.requires_grad_(False)
        self.encoder.to(self.backbone.device)

    def _add(self, part: Part, last_of: Mapping[str, list[str]]) -> None:
        name = module_name(part.name)
        if part.kind == "adapter":
            shape = self.shapes.get(part.entry, self.adapter)
            self.encoder.add_adapter(name, config=library_config(shape, self.backbone.n_layers))
            if shape.kind in HAS_COUPLING:
                require_chain(part, self.composition)
                self.couplings[name] = Coupling(self.backbone.hidden_size, shape.non_linearity)
        else:
            # The library registers a fusion by the last adapter of each member; a name of our own, because its default
            # name joins those and collides between different members.
            self.encoder.add_adapter_fusion(last_of[name], config="dynamic", name=name)

    def remove(self) -> None:
        """Take the parts out of the encoder, which is then as it was."""
        self.unfold()
        install_couplings(self.encoder.embeddings, ())
        for _, layer in self.layers():
            remove_blocks(layer)
            remove_fusion(layer)
        self.encoder.set_active_adapters(None)
        for part in reversed(self.parts):
            if part.kind == "fusion":
                self.encoder.delete_adapter_fusion(module_name(part.name))
            else:
                self.encoder.delete_adapter(module_name(part.name))

    # -- what is in -----------------------------------------------------------------------------------------------

    def layers(self) -> list[tuple[str, BottleneckLayer]]:
        """Return the adapter layers that hold parts, by path from the encoder, e.g. `encoder.layer.0.output`."""
        found = []
        for path, module in self.encoder.named_modules():
            if isinstance(module, BottleneckLayer) and len(module.adapters) > 0:
                found.append((path, module))
        return found

    def parameters_of(self, part: Part) -> dict[str, nn.Parameter]:
        """Return a part's parameters by their names in the zoo's files; those of an invertible layer begin with `invertible.`."""
        found = named_parameters(self.layers(), part)
        if part.kind == "adapter" and module_name(part.name) in self.couplings:
            coupling = self.couplings[module_name(part.name)]
            found |= {INVERTIBLE + key: one for key, one in coupling.named_parameters()}
        return found

    def invert(self, vectors: Tensor) -> Tensor:
        """Return vectors [..., H] as they were before the invertible layers."""
        return inverted(self._in_order(), vectors)

    def _in_order(self) -> list[nn.Module]:
        names = [module_name(part.name) for part in self.parts if part.name in chain_names(self.composition)]
        return [self.couplings[name] for name in names if name in self.couplings]

    def modules(self) -> list[nn.Module]:
        """Return the modules of the parts in all layers."""
        found: list[nn.Module] = []
        for _, layer in self.layers():
            found += [*layer.adapters.values(), *layer.adapter_fusion_layer.values()]
        return found

    @property
    def fusion_path(self) -> str:
        """How fusions are computed: `fast`, `reference`, or in words where it is both; empty without a fusion."""
        return fusion_path(self.layers(), self._setup, self.fusion)

    # -- folding --------------------------------------------------------------------------------------------------

    @property
    def is_folded(self) -> bool:
        """Whether forward passes take the folded form."""
        return self._folded_at is not None

    def fold(self) -> None:
        """Multiply out everything that is fixed; a bare backbone has nothing to fold."""
        self.unfold()
        if self._setup is None:
            return
        self._fold(None)

    def _fold(self, changed: Collection[str] | None) -> None:
        assert self._setup is not None
        self.unfolded = fold_layers(self.layers(), self._setup, DTYPES[self.backbone.precision], changed=changed)
        self._folded_at, self._outdated = self._versions(), set()

    def unfold(self) -> None:
        """Take the unfolded path again, bit for bit as before `fold`."""
        unfold_layers(self.layers())
        self._folded_at, self.unfolded, self._outdated = None, {}, set()

    def refold(self) -> None:
        """Fold again what changed since `fold`; `torch.export` traces with copies of its own, which are not looked at."""
        if torch.compiler.is_exporting() or self._folded_at is None:
            return
        if self._outdated:
            self._fold(self._outdated)
        elif self._folded_at != self._versions():
            self.fold()

    def outdate(self, part: Part) -> None:
        """Have the folded form of a part, whose weights were put in, made anew at the next pass."""
        if self._folded_at is not None and self._setup is not None:
            self._outdated.add(module_name(part.name))

    def _versions(self) -> tuple[int, ...]:
        """Return a number per weight that rises whenever it is written."""
        weights = [parameter for module in self.modules() for parameter in module.parameters()]
        return tuple(0 if weight.is_inference() else weight._version for weight in weights)
