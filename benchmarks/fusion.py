"""Benchmark of nine fused adapters: ours against the `adapters` library's own fusion, on random weights of the shape of XLM-R Large.

    python benchmarks/fusion.py --quick --json OUT                 # 2 layers, 9 members, 8 x 64 tokens: within a minute
    python benchmarks/fusion.py --json OUT                         # 4 layers; 2, 4 and 9 members; 8 x 64 and 8 x 128 tokens
    python benchmarks/fusion.py --layers 24 --members 9 --tokens 64 --json OUT  # the whole depth

The library runs as it is, in fp32 (stock attention, `BertFusion`). Ours is a `Circuit` on a frozen backbone. Dropout is 0 on both sides.
Ratios are medians of interleaved repetitions, of the last member count and the first batch shape:

`train_step`: forward and backward pass with the fusion learning, ours / library (target: at most 0.42).
`forward`: unfolded forward pass, ours / library (target: at most 0.43).
`folded_vs_one`: forward pass of the folded fusion / one unfolded adapter (target: at most 1.15).
`memory`: bytes kept for the backward pass above one adapter's step, ours / library (target: at most 0.12). In addition, ours keeps the
    concatenated weights of the frozen members (`held_weights_bytes`), whatever the batch.
`ratios_by_torch` in the details: the first two if ours multiplies by the same BLAS as the library, not by oneDNN.
`train_step_bf16`: our step in bf16 / the library's in fp32 (target: at most 0.20); only if the processor has bf16.
`train_step_both_bf16`: our step in bf16 / the library's in bf16, which is how somebody who knows it would run it (target: at
    most 0.22).
`fused_vs_one`: our step of the fusion / our step of one adapter, both in bf16 (target: at most 1.25).
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import adapters
import torch
from measure import interleaved, median, write
from torch import Tensor, nn
from transformers import XLMRobertaConfig, XLMRobertaModel

from toolkit.composition import parse
from toolkit.modeling import products
from toolkit.modeling.attention import install_attention
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.fusion import FastFusion
from toolkit.modeling.learn import unfreeze_exactly
from toolkit.modeling.precision import pick_device, resolve_precision
from toolkit.modeling.products import install_products

Batch = tuple[Tensor, Tensor]


def encoder_state(n_layers: int) -> tuple[XLMRobertaConfig, dict[str, Tensor]]:
    """Return the configuration and random weights that every side shares."""
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=1000, hidden_size=1024, num_hidden_layers=n_layers, num_attention_heads=16, intermediate_size=4096,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, attn_implementation="sdpa",
    )  # fmt: skip
    return config, XLMRobertaModel(config, add_pooling_layer=False).state_dict()


def wired(shared: tuple, text: str, *, is_ours: bool, precision: str = "fp32") -> Circuit:
    """Return a circuit with random parts and exactly its last block learning: ours, or the library's own path."""
    config, state = shared
    model = XLMRobertaModel(config, add_pooling_layer=False)
    model.load_state_dict(state, assign=True)
    parameters = dict(model.named_parameters())
    adapters.init(model)
    for parameter in parameters.values():
        parameter.requires_grad_(False)
        if precision == "bf16":
            parameter.data = parameter.data.to(torch.bfloat16)
    device = pick_device()
    model.to(device).eval()
    if is_ours:
        install_products(model)
        install_attention(model)
    backbone = Backbone("random", model, None, "0" * 64, precision, device, False, parameters)
    circuit = Circuit(backbone, parse(text), fusion="fast" if is_ours else "reference")
    for module in circuit.modules() if not is_ours else ():
        if isinstance(module, nn.Linear):
            module.__dict__.pop("forward", None)  # the library's adapters multiply as they come
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for part in circuit.parts:
            for parameter in circuit.parameters_of(part).values():
                parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.03)
    unfreeze_exactly(circuit, circuit.learnable(circuit.parts[-1:]))
    return circuit


def forward(circuit: Circuit, batch: Batch) -> Callable[[], Any]:
    """Return one forward pass as a call."""

    def run() -> Tensor:
        with torch.inference_mode():
            return _synced(circuit.encode(*batch))

    return run


def step(circuit: Circuit, batch: Batch) -> Callable[[], Any]:
    """Return one forward and backward pass as a call."""

    def run() -> None:
        circuit.encode(*batch).float().pow(2).mean().backward()
        for parameter in circuit.parameters():
            parameter.grad = None
        _synced(batch[0])

    return run


def by_torch(way: Callable[[], Any]) -> Callable[[], Any]:
    """Return `way` with torch's own fp32 products in place of oneDNN's, to tell what each of the two brings."""

    def run() -> Any:
        held, products.HAS_ONEDNN = products.HAS_ONEDNN, False
        try:
            return way()
        finally:
            products.HAS_ONEDNN = held

    return run


def _synced(value: Tensor) -> Tensor:
    if value.is_cuda:
        torch.cuda.synchronize()
    return value


def kept_bytes(circuit: Circuit, batch: Batch) -> int:
    """Return the bytes that a forward pass keeps for its backward pass; weights, and copies of weights, are not counted."""
    circuit.encode(*batch)
    own = {one.untyped_storage().data_ptr() for one in (*circuit.parameters(), *held_weights(circuit))}
    kept: dict[int, tuple[int, Tensor]] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        circuit.encode(*batch)
    return sum(size for size, _ in kept.values())


def held_weights(circuit: Circuit) -> list[Tensor]:
    """Return the frozen members' weights that our fusion holds concatenated, in addition to the members' own."""
    fusions = [module.__dict__.get("compose_fuse") for module in circuit.modules()]
    return [one for fusion in fusions if isinstance(fusion, FastFusion) for one in fusion.held()]


def timed(ways: dict[str, Callable[[], Any]], repetitions: int) -> dict[str, float]:
    """Return medians of interleaved repetitions, in seconds; first calls, which allocate, are not counted."""
    for way in ways.values():
        way()
    return {name: median(values) for name, values in interleaved(ways, repetitions).items()}


def measure(shared: tuple, n_members: int, shape: tuple[int, int], repetitions: int, with_bf16: bool) -> dict[str, Any]:
    """Measure both sides with `n_members` on one batch shape; return ratios and medians in seconds."""
    text = f"fuse[{','.join(f'a{i}' for i in range(n_members))}]"
    device = pick_device()
    ids = torch.randint(5, 1000, shape, generator=torch.Generator().manual_seed(2)).to(device)
    batch = (ids, torch.ones_like(ids))
    # Two or three circuits at a time: nine fused adapters in 24 layers are gigabytes of weights and activations each.
    library, ours = wired(shared, text, is_ours=False), wired(shared, text, is_ours=True)
    state = forward(library, batch)()
    difference = {"ours": (forward(ours, batch)() - state).abs().max().item()}
    alone = {is_ours: kept_bytes(wired(shared, "a0", is_ours=is_ours), batch) for is_ours in (False, True)}
    memory = {"library": kept_bytes(library, batch) - alone[False], "ours": kept_bytes(ours, batch) - alone[True]}
    held_bytes = sum(weight.nbytes for weight in held_weights(ours))
    seconds = timed(
        {
            "library forward": forward(library, batch),
            "our forward": forward(ours, batch),
            "library step": step(library, batch),
            "our step": step(ours, batch),
            "our forward, torch's products": by_torch(forward(ours, batch)),
            "our step, torch's products": by_torch(step(ours, batch)),
        },
        repetitions,
    )
    del ours
    gc.collect()
    if with_bf16:
        in_bf16 = {is_ours: wired(shared, text, is_ours=is_ours, precision="bf16") for is_ours in (False, True)}
        one_in_bf16 = wired(shared, "a0", is_ours=True, precision="bf16")
        steps = {
            "library step": step(library, batch),
            "library bf16 step": step(in_bf16[False], batch),
            "our bf16 step": step(in_bf16[True], batch),
            "our bf16 step of one": step(one_in_bf16, batch),
        }
        in_turn = timed(steps, repetitions)
        bf16_ratios = {
            "train_step_bf16": in_turn["our bf16 step"] / in_turn["library step"],
            "train_step_both_bf16": in_turn["our bf16 step"] / in_turn["library bf16 step"],
            "fused_vs_one": in_turn["our bf16 step"] / in_turn["our bf16 step of one"],
        }
        seconds |= {name: value for name, value in in_turn.items() if "bf16" in name}
        del in_bf16, one_in_bf16
    del library
    gc.collect()
    folded, one = wired(shared, text, is_ours=True), wired(shared, "a0", is_ours=True)
    folded.fold()
    difference["folded"] = (forward(folded, batch)() - state).abs().max().item()
    seconds |= timed({"folded forward": forward(folded, batch), "one forward": forward(one, batch)}, repetitions)
    ratios = {
        "train_step": seconds["our step"] / seconds["library step"],
        "forward": seconds["our forward"] / seconds["library forward"],
        "folded_vs_one": seconds["folded forward"] / seconds["one forward"],
        "memory": memory["ours"] / memory["library"],
    }
    if with_bf16:
        ratios |= bf16_ratios
    same_products = {
        "train_step": seconds["our step, torch's products"] / seconds["library step"],
        "forward": seconds["our forward, torch's products"] / seconds["library forward"],
    }
    return {
        "ratios_by_torch": same_products, "members": n_members, "batch": shape, "ratios": ratios, "seconds": seconds, "memory_bytes": memory,
        "held_weights_bytes": held_bytes,
        "max_difference": difference, "library_vs_one": seconds["library forward"] / seconds["one forward"],
    }  # fmt: skip


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="2 layers, 9 members, one batch shape")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--members", type=int, nargs="+")
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--tokens", type=int, nargs="+", default=[64, 128], help="tokens a row (CPU)")
    args = parser.parse_args()
    n_layers = args.layers or (2 if args.quick else 4)
    members = args.members or ([9] if args.quick else [2, 4, 9])
    repetitions = args.repetitions or (3 if args.quick else 7)
    device = pick_device()
    rows = 32 if device.type == "cuda" else 8
    shapes = [(rows, 128)] if device.type == "cuda" else [(8, 64)] if args.quick else [(8, n) for n in args.tokens]
    with_bf16 = resolve_precision("auto", device) == "bf16"
    shared = encoder_state(n_layers)
    found = [measure(shared, n, shape, repetitions, with_bf16) for n in members for shape in shapes]
    ratios = next(one for one in found if one["members"] == members[-1])["ratios"]
    details = {"layers": n_layers, "repetitions": repetitions, "has_bf16": with_bf16, "all": found}
    write(args.json, ratios=ratios, details=details)
    print({name: round(value, 3) for name, value in ratios.items()})


if __name__ == "__main__":
    main()
