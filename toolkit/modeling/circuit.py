"""Circuits: a backbone with a composition wired into it, and exactly one head chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from toolkit.composition import Average, Composition, Fuse, Parallel, Part
from toolkit.config import AdapterConfig
from toolkit.config.words import FusionMode
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.heads import HEADS, HeadSpec, build_head
from toolkit.modeling.learn import set_dropout, value_penalty
from toolkit.modeling.libraries import BottleneckLayer
from toolkit.modeling.masked import answer_of, is_published, publish
from toolkit.modeling.recompute import install_recompute, remove_recompute
from toolkit.modeling.seeded import seeded
from toolkit.modeling.weights import Tensors, copied, take_in
from toolkit.modeling.wired import Wired
from toolkit.modeling.wiring import module_name
from toolkit.ranks import Ranks

_DOES = {"fuse": "fuses", "avg": "averages", "par": "runs several"}


class Circuit(nn.Module):
    """A backbone, the adapters and fusions of a composition, and the heads of its tasks.

    The circuit adds its parts to the backbone when built and takes them out again on `close()`; use it as a context
    manager. One circuit at a time is wired into a backbone.

    Args:
        backbone: the frozen encoder.
        composition: what flows.
        heads: one specification per head to hold; the first is active until `choose_head`. Empty for retrieval. By the
            head's name; for a `par` without a head of its own by the member's entry, because two members may end in the same task.
        adapter: shape of the bottleneck adapters.
        shapes: shape of the adapters of single entries, where it is another.
        seed: every part starts from weights that depend on this seed and its role alone (`role_of`; a head's is `head`), so
            that building parts in another order, other names, or resuming, change nothing.
        fusion: `fast` (re-associated, exact) or `reference` (the library's own path).

    Attributes:
        ranks: the processes that hold the same circuit and share its passes over many items, see `passes`; this one alone.
        turn_to: makes it ready for rows in a language; returns the adapter taken, if it follows their language; `asked`: as it was written.
    """

    def __init__(
        self,
        backbone: Backbone,
        composition: Composition,
        *,
        heads: Mapping[str, HeadSpec] | None = None,
        adapter: AdapterConfig | None = None,
        shapes: Mapping[str, AdapterConfig] | None = None,
        seed: int = 0,
        fusion: FusionMode = "fast",
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.encoder = backbone.model
        self.ranks = Ranks()
        self.turn_to: Callable[[str], str] = lambda _: ""
        self.composition = self.asked = composition
        self.adapter = adapter or AdapterConfig()
        self.shapes = dict(shapes or {})
        self.is_full = self.adapter.kind == "full"
        self._wired = Wired(backbone, composition, self.adapter, self.shapes, fusion)
        self.parts, self.couplings = self._wired.parts, self._wired.couplings
        block = next((unit for unit in composition.chain.units if isinstance(unit, (Fuse, Average, Parallel))), None)
        if self.is_full and block is not None:
            raise ToolkitError(
                f"'{composition}' {_DOES[block.keyword]} adapters, but `adapter: full` trains the whole encoder and has none; use seq_bn."
            )
        self.members = block.members if isinstance(block, Parallel) else ()
        self.specs = {name: replace(spec, pieces=backbone.n_pieces) for name, spec in (heads or {}).items()}
        self.heads = nn.ModuleDict()
        try:
            if not self.is_full:
                self._wired.wire(seed)
            for name, spec in self.specs.items():
                with seeded(seed, f"head {name}" if self.members else "head"):
                    self.heads[module_name(name)] = head = build_head(spec, backbone.hidden_size)
                publish(head, backbone.masked_head, backbone.layer_norm_eps)
        except BaseException:
            self.close()
            raise
        self.active_head = next(iter(self.answers), None)
        self.to(backbone.device)
        self.eval()

    # -- wiring ---------------------------------------------------------------------------------------------------

    def bottlenecks(self) -> list[tuple[str, BottleneckLayer]]:
        """Return the adapter layers that hold parts, by path from the encoder, e.g. `encoder.layer.0.output`."""
        return self._wired.layers()

    @property
    def fusion_path(self) -> str:
        """How fusions are computed: `fast`, `reference`, or in words where it is both; empty without a fusion."""
        return self._wired.fusion_path

    def close(self) -> None:
        """Take the parts out of the backbone, which is then as it was."""
        remove_recompute(self.encoder)
        if not self.is_full:
            self._wired.remove()

    def __enter__(self) -> Circuit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- running --------------------------------------------------------------------------------------------------

    @property
    def answers(self) -> dict[str, tuple[str, int]]:
        """What answers: by name the head that is held, and whose part of the rows it reads (0, except for a `par`).

        A head's own name, or for each member of a `par` the member with its head, for example `mnli` or `mnli@xnli`.
        """
        if not self.members or not self.specs:
            return {name: (name, 0) for name in self.specs}
        head = self.composition.head
        texts = [str(Composition(member, head)) for member in self.members]
        held = [part for part in self.composition.parts if part.kind == "head"]
        keys = [self.head_key(part) for part in held] * (1 if head is None else len(texts))
        return {text: (key, i) for i, (text, key) in enumerate(zip(texts, keys, strict=True)) if key in self.specs}

    def head_key(self, part: Part) -> str:
        """Return the name under which a head is held."""
        return part.entry if self.members and self.composition.head is None else part.name

    def choose_head(self, name: str) -> None:
        """Let `name` answer from now on."""
        if name not in self.answers:
            raise ToolkitError(
                f"'{self.composition}' holds no head '{name}'; it holds {', '.join(self.answers) or 'none'}."
            )
        self.active_head = name

    @property
    def spec(self) -> HeadSpec:
        """The active head's specification."""
        if self.active_head is None:
            raise ToolkitError(
                f"'{self.composition}' has no head, so it gives vectors for retrieval and no answers; name a composition with one, for "
                "example mnli or backbone@mnli."
            )
        return self.spec_of(self.active_head)

    def spec_of(self, name: str) -> HeadSpec:
        """Return the specification of what answers by `name`."""
        return self.specs[self.answers[name][0]]

    def encode(self, input_ids: Tensor, attention_mask: Tensor, *, layers: int | None = None) -> Tensor:
        """Return the hidden states after `layers` layers (None: all): [B, T, H]; of a `par` [members * B, T, H]."""
        self._wired.refold()
        if self.members:
            input_ids, attention_mask = (part.repeat(len(self.members), 1) for part in (input_ids, attention_mask))
        with self.backbone.depth(layers), self.backbone.autocast():
            out = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        states: Tensor = out.last_hidden_state
        return states

    def hidden_states(self, input_ids: Tensor, attention_mask: Tensor, *, layers: int) -> tuple[Tensor, ...]:
        """Return the embeddings and the hidden states after each of the first `layers` layers: layers + 1 of [B, T, H]."""
        with self.backbone.depth(layers), self.backbone.autocast():
            out = self.encoder(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        states: tuple[Tensor, ...] = out.hidden_states
        return states

    def attentions(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, dict[int, np.ndarray]]:
        """Return what each fusion attends to: by its part's name, by layer from 0, [B, T, members]. Unfolds the circuit."""
        self.unfold()
        with self.backbone.autocast():
            out = self.encoder(
                input_ids=input_ids, attention_mask=attention_mask, output_adapter_fusion_attentions=True
            )
        found, fusions = out.adapter_fusion_attentions, [part.name for part in self.parts if part.kind == "fusion"]
        return {
            name: {layer: np.asarray(held["output_adapter"]) for layer, held in found[module_name(name)].items()}
            for name in fusions
        }

    def forward(self, batch: Mapping[str, Tensor], head: str | None = None) -> Tensor:
        """Return the active (or the named) head's logits for a collated batch; shapes as in `build_head`."""
        return self.answer(batch, [head or self.active_head or ""])[0]

    def answer(self, batch: Mapping[str, Tensor], heads: Sequence[str]) -> list[Tensor]:
        """Return the logits of several heads from one pass."""
        with self.backbone.first_token(all(HEADS[self.spec_of(head).kind].reads_first for head in heads)):
            rows = self.encode(batch["input_ids"], batch["attention_mask"]).chunk(max(len(self.members), 1))
        held = [self.answers[head] for head in heads]
        if "query_ids" in batch:
            # Two passes, since queries are far shorter than passages and padding them to one length would double the work.
            queries = self.encode(batch["query_ids"], batch["query_mask"]).chunk(len(rows))
            masks = (batch["query_mask"], batch["attention_mask"])
            return [
                self.heads[module_name(key)](queries[i].float(), masks[0], rows[i].float(), masks[1]) for key, i in held
            ]
        # The head answers in fp32: it costs next to nothing, and bf16 logits tie and round.
        words, invert = self.encoder.embeddings.word_embeddings.weight, self._wired.invert
        return [answer_of(self.heads[module_name(key)], rows[i].float(), batch, words, invert) for key, i in held]

    # -- folding --------------------------------------------------------------------------------------------------

    @property
    def is_folded(self) -> bool:
        """Whether forward passes take the folded form."""
        return self._wired.is_folded

    @property
    def unfolded(self) -> dict[str, str]:
        """Reasons, by a layer's path, why it has no folded form."""
        return self._wired.unfolded

    def fold(self) -> Circuit:
        """Multiply out everything that is fixed, once: the same answers, rounding apart, in less time.

        For evaluation only: `train_mode` and `train` undo it; weights that change are folded again at the next pass. A layer
        that has no folded form keeps the unfolded path, and `unfolded` says why, by the layer's path.
        """
        if self.training:
            raise ToolkitError(f"'{self.composition}' is training, and folded weights do not learn; call eval() first.")
        self._wired.fold()
        return self

    def unfold(self) -> Circuit:
        """Take the unfolded path again, bit for bit as before `fold`."""
        self._wired.unfold()
        return self

    def train(self, mode: bool = True) -> Circuit:
        """Switch training mode; a circuit that learns is not folded."""
        if mode:
            self.unfold()
        remove_recompute(self.encoder)
        return super().train(mode)

    def train_mode(self, *, backbone_dropout: float, recompute: bool = False) -> None:
        """Switch dropout on in adapters, fusions and heads, and in the frozen encoder at the given rate.

        With `recompute`, layers compute their activations once more in the backward pass until `eval`.
        """
        self.train()
        if recompute:
            install_recompute(self.encoder)
        set_dropout(self.encoder, self._wired.modules(), backbone_dropout)

    # -- weights --------------------------------------------------------------------------------------------------

    def parameters_of(self, part: Part) -> dict[str, nn.Parameter]:
        """Return a part's parameters by their names in the zoo's files, for example `layer.0.adapter_up.weight`."""
        if part.kind == "head":
            return dict(self.heads[module_name(self.head_key(part))].named_parameters())
        if self.is_full:
            return dict(self.backbone.own_parameters)
        return self._wired.parameters_of(part)

    def shapes_of(self, part: Part) -> dict[str, tuple[int, ...]]:
        """Return the shape that each tensor of a part must have."""
        return {key: tuple(parameter.shape) for key, parameter in self.parameters_of(part).items()}

    def tensors_of(self, part: Part) -> Tensors:
        """Return a copy of a part's weights, float32."""
        return copied(self.parameters_of(part))

    def load(self, part: Part, tensors: Mapping[str, np.ndarray]) -> None:
        """Put weights into a part; every tensor must be there, in shape, and finite, or nothing is changed."""
        take_in(part, self.parameters_of(part), tensors)
        self._wired.outdate(part)

    def learnable(self, learn: Sequence[Part]) -> dict[str, nn.Parameter]:
        """Return what learns of the parts in `learn`, by `kind:name/key`, parts of one kind by name: all but a published head."""
        kinds = [part.kind for part in learn]
        return {
            f"{part.kind}:{part.name}/{key}": parameter
            for part in sorted(learn, key=lambda part: (kinds.index(part.kind), part.name))
            for key, parameter in self.parameters_of(part).items()
            if part.kind != "head" or not is_published(self.heads[module_name(self.head_key(part))])
        }

    def regularisation(self, learn: Sequence[Part], *, weight: float = 0.01) -> Tensor | None:
        """Return `weight * sum ||I - W_v||^2` over the value matrices of the fusions in `learn`, or None.

        See `value_penalty`.
        """
        found = {
            f"{part.name}/{key}": parameter
            for part in learn
            if part.kind == "fusion"
            for key, parameter in self.parameters_of(part).items()
        }
        return value_penalty(found, weight=weight)
