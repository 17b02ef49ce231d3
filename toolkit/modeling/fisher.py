"""Diagonal of the empirical Fisher information of an adapter: how much each weight matters to its task.

Source: Kunstner, Balles and Hennig 2019, *Limitations of the Empirical Fisher Approximation* (the definition, and what it is not);
Achille et al. 2019, *Task2Vec*, and Vu et al. 2020, *Exploring and Predicting Transferability across NLP Tasks* (as a task's
embedding).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.composition import Part
from toolkit.errors import DataError, ToolkitError
from toolkit.features.collate import CPU_TOKENS, Features, sorted_batches
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.learn import item_losses
from toolkit.progress import Progress, Report, silent
from toolkit.tasks.kinds import Kind

# Log likelihood of the gold label over the loss, by kind of task; of a span the loss is the mean of start and end. A kind that is not here
# has no labels of its own.
SCALES: Mapping[Kind, float] = {
    "pair": -1.0,
    "choice": -1.0,
    "span": -2.0,
    "tags": -1.0,
}
# Products of so many numbers, a few examples', are squared and summed while they are still in a core's cache.
_CHUNK = 2**18
_ENLARGED = 2.0**8  # of a log likelihood in fp16, in which the gradients of the lower layers would else be lost


def adapter_fisher(
    circuit: Circuit,
    features: Features,
    *,
    part: Part | None = None,
    head: str | None = None,
    budget: float = CPU_TOKENS,
    report: Report = silent,
) -> dict[str, np.ndarray]:
    """Return the mean over examples of the squared gradient of the log likelihood of the gold label.

    The gradient is each example's own: of all its tokens, and for `choice` of all its choices, summed before it is squared. A
    span's log likelihood is that of its start and of its end together, a tagged sentence's that of all its labelled words.
    Hooks on the adapter's linear layers see the input x_t and the gradient g_t of the output at every token; the weights' gradients
    of a batch, sum over t of g_t x_t' for each example, are one batched product in place of the plain product that a backward
    pass makes, so that one pass over the batches serves all examples. Nothing learns, and what is frozen gets no gradient.

    Args:
        circuit: wired and loaded, with the task's head; computed as in evaluation, without dropout.
        features: N labelled examples of the head's kind.
        part: the adapter; by default the last of the composition.
        head: what answers; by default the active head.
        budget: tokens a batch, padding included.
        report: progress callback.

    Returns:
        linear layer, by its name in the zoo's files (`layer.0.adapter_up`) -> float64 [O, I + 1], the last column being the
        bias; not negative.

    Raises:
        ToolkitError: the part is not an adapter, answers through a fusion alone, or the head's kind has no labels of
            its own (retrieval), or fp16 does not hold its gradients.
        DataError: examples without labels, or none.
    """
    spec = circuit.spec_of(head or circuit.active_head or "") if circuit.answers else circuit.spec
    chosen = _adapter(circuit, part)
    scale = SCALES.get(spec.kind)
    if scale is None or features.kind != spec.kind:
        raise ToolkitError(
            f"Fisher information was asked of a head of kind '{spec.kind}' on rows of kind '{features.kind}'; both are to be "
            f"one of {', '.join(SCALES)}."
        )
    if not len(features) or (features.labels is None and features.tags is None):
        raise DataError(
            f"Fisher information was asked over {len(features)} rows without gold labels; give labelled rows."
        )
    layers = _linear_layers(circuit, chosen)
    enlarged = _ENLARGED if circuit.backbone.precision == "fp16" else 1.0
    batches = sorted_batches(features, budget=budget)
    done = 0
    with _listening(circuit, layers) as squares:
        for items in batches:
            batch = {
                key: torch.from_numpy(one).to(circuit.backbone.device) for key, one in features.collate(items).items()
            }
            squares.begin(len(items))
            logits = circuit(batch, head)
            squares.check()
            torch.autograd.backward(scale * enlarged * item_losses(spec.kind, logits, batch).sum())
            done += len(items)
            report(Progress("fisher", done, len(features)))
    totals = squares.totals()
    if enlarged != 1.0 and not all(np.isfinite(found).all() for found in totals.values()):
        raise ToolkitError(
            f"The gradients of '{circuit.composition}' are larger than fp16 holds; use --precision fp32, or bf16."
        )
    return {name: found / enlarged**2 / len(features) for name, found in totals.items()}


class _Squares:
    """Sums of squared gradients of some linear layers, fed by hooks."""

    def __init__(self, layers: Mapping[str, nn.Linear]) -> None:
        self._sums = {
            name: torch.zeros(one.out_features, one.in_features + 1, dtype=torch.float64, device=one.weight.device)
            for name, one in layers.items()
        }
        self._n_items = 0
        self._heard: list[str] = []

    def begin(self, n_items: int) -> None:
        """A batch of `n_items` follows."""
        self._n_items, self._heard = n_items, []

    def check(self) -> None:
        """Refuse an answer that a layer was not asked for, once: a fusion computes its members in another way."""
        for name in self._sums:
            if (times := self._heard.count(name)) != 1:
                raise ToolkitError(
                    f"{name} was asked {times} times for an answer where once is expected; compute the Fisher information of an "
                    "adapter by itself, or of the one on top of a fusion."
                )

    def listen(self, name: str, layer: nn.Linear, given: tuple[Any, ...], out: Tensor) -> None:
        """Take note of a layer's input, and wait for the gradient of its output."""
        self._heard.append(name)
        if not out.requires_grad:
            out.requires_grad_()  # the lowest layer: what comes before it is frozen
        held = given[0].detach()
        out.register_hook(lambda gradient: self._add(name, held, gradient))

    @torch.no_grad()
    def _add(self, name: str, x: Tensor, gradient: Tensor) -> None:
        n = self._n_items
        x, gradient = x.float().reshape(n, -1, x.shape[-1]), gradient.float().reshape(n, -1, gradient.shape[-1])
        total = self._sums[name]
        total[:, -1] += gradient.sum(1).square_().sum(0)
        size = max(1, _CHUNK // (x.shape[-1] * gradient.shape[-1]))
        for at in range(0, n, size):
            own = torch.bmm(gradient[at : at + size].transpose(1, 2), x[at : at + size])  # [examples, O, I]
            total[:, :-1] += own.square_().sum(0)

    def totals(self) -> dict[str, np.ndarray]:
        """Return the sums over all examples."""
        return {name: found.cpu().numpy() for name, found in self._sums.items()}


@contextmanager
def _listening(circuit: Circuit, layers: Mapping[str, nn.Linear]) -> Iterator[_Squares]:
    """Let hooks listen to `layers` of a circuit in which nothing learns; afterwards it is as it was."""
    learns = [parameter for parameter in circuit.parameters() if parameter.requires_grad]
    was_folded, was_training = circuit.is_folded, circuit.training
    modes = {module: module.training for module in circuit.modules()}
    circuit.unfold()
    circuit.eval()
    hooks = []
    for parameter in learns:
        parameter.requires_grad_(False)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            squares = _Squares(layers)
            hooks = [layer.register_forward_hook(partial(squares.listen, name)) for name, layer in layers.items()]
            yield squares
    finally:
        for hook in hooks:
            hook.remove()
        for parameter in learns:
            parameter.requires_grad_()
        if was_training:
            for module, mode in modes.items():
                module.training = mode
        if was_folded:
            circuit.fold()


def _adapter(circuit: Circuit, part: Part | None) -> Part:
    adapters = [each for each in circuit.parts if each.kind == "adapter"]
    if circuit.is_full or circuit.members or not adapters or (part is not None and part not in adapters):
        raise ToolkitError(
            f"'{circuit.composition}' was asked for the Fisher information of {f'{part.kind} {part.name}' if part else 'an adapter'}; "
            f"it runs {', '.join(each.name for each in adapters) or 'no adapter'}"
            f"{' side by side' if circuit.members else ''}: name a chain of seq_bn adapters, and one of them."
        )
    return part or adapters[-1]


def _linear_layers(circuit: Circuit, part: Part) -> dict[str, nn.Linear]:
    """Return a part's linear layers by name; they hold all of its weights."""
    names = {id(parameter): key for key, parameter in circuit.parameters_of(part).items()}
    layers = {
        names[id(module.weight)].removesuffix(".weight"): module
        for module in circuit.encoder.modules()
        if isinstance(module, nn.Linear) and id(module.weight) in names
    }
    held = {id(parameter) for layer in layers.values() for parameter in layer.parameters()}
    if odd := [key for one, key in names.items() if one not in held]:
        raise ToolkitError(
            f"The adapter {part.name} holds {odd[0]}, which does not belong to a linear layer; Fisher information is computed of linear layers."
        )
    return layers
