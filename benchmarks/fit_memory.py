"""Benchmark of recomputation: memory that a token keeps for the backward pass, and time of a step, over those without.

    python benchmarks/fit_memory.py --quick --json OUT    # two layers of the width of XLM-R Large
    python benchmarks/fit_memory.py --json OUT            # 24 layers, 8 x 128 tokens: 3 GB of memory

`fit_memory`: bytes that a forward pass of nine fused adapters in bf16 leaves resident, by token (target: at most 0.15).
`fit_time`: processor seconds of the two passes (target: at most 1.4). The encoder has the shape of XLM-R Large, random
weights and a small vocabulary, which no token's memory depends on.
"""

from __future__ import annotations

import argparse
import ctypes
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from toolkit.config.words import UsedKernel
    from toolkit.tasks.kinds import Kind

TARGETS = {"fit_memory": 0.15, "fit_time": 1.4}
KINDS = {"adapter": "t", "nine_fused": "fuse[a,b,c,d,e,f,g,h,i]/t"}


def resident() -> int:
    """Return the resident memory of this process, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def encoder_of(
    layers: int,
    precision: str = "bf16",
    *,
    is_trainable: bool = False,
    vocabulary: int = 1000,
    kernel: UsedKernel = "plain",
) -> Any:
    """Return an encoder of the width of XLM-R Large, frozen unless it learns."""
    import adapters
    from transformers import XLMRobertaConfig, XLMRobertaModel

    from toolkit.modeling.attention import install_attention
    from toolkit.modeling.backbone import Backbone
    from toolkit.modeling.products import install_products
    from toolkit.modeling.tiny import tiny_tokenizer

    config = XLMRobertaConfig(
        vocab_size=vocabulary, hidden_size=1024, num_hidden_layers=layers, num_attention_heads=16, intermediate_size=4096,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
    )  # fmt: skip
    config._attn_implementation = "sdpa"
    torch.set_default_dtype(torch.bfloat16 if precision == "bf16" and not is_trainable else torch.float32)
    model = XLMRobertaModel(config, add_pooling_layer=False)
    torch.set_default_dtype(torch.float32)
    own = dict(model.named_parameters())
    adapters.init(model)
    for parameter in model.parameters():
        parameter.requires_grad_(is_trainable)
    install_products(model)
    if not is_trainable:
        install_attention(model)
    backbone = Backbone("random", model, tiny_tokenizer(), "", precision, torch.device("cpu"), is_trainable, own)
    if kernel != "plain":
        backbone.use_kernel(kernel)
    return backbone


def circuit_of(text: str, encoder: Any, *, is_full: bool = False, kinds: Sequence[Kind] = ("pair",)) -> tuple[Any, Any]:
    """Return a circuit, and the parts that learn; the heads of a stage of several tasks are of several kinds."""
    from toolkit.composition import parse
    from toolkit.composition.stages import plan
    from toolkit.config import AdapterConfig
    from toolkit.modeling.circuit import Circuit
    from toolkit.modeling.heads import HeadSpec

    stage = plan(parse(text), holds=lambda entry: False)[-1]
    shape = AdapterConfig(kind="full" if is_full else "seq_bn")
    names = [task.name for task in stage.tasks]
    heads = {
        name: HeadSpec(kind, ("no", "yes") if kind == "pair" else ()) for name, kind in zip(names, kinds, strict=True)
    }
    return Circuit(encoder, stage.circuit, heads=heads, adapter=shape), stage.learn


def passes(circuit: Any, learnt: list[Any], batch: dict[str, Any], *, recompute: bool) -> tuple[float, float]:
    """Return the bytes that a token keeps between the two passes, and the processor seconds of both."""
    circuit.train_mode(backbone_dropout=0.0, recompute=recompute)
    for parameter in learnt:
        parameter.grad = None
    before, began = resident(), time.process_time()
    out = circuit(batch)
    kept = (resident() - before) / batch["input_ids"].numel()
    out.sum().backward()
    return kept, time.process_time() - began


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two layers")
    parser.add_argument("--layers", type=int, default=24, help="layers; default: 24")
    parser.add_argument("--tokens", type=int, nargs=2, default=(8, 128), help="rows and their length; default: 8 128")
    parser.add_argument("--repetitions", type=int, default=3, help="passes of each way; default: 3")
    parser.add_argument("--json", type=Path, help="where the ratios go")
    asked = parser.parse_args()
    from toolkit.modeling.learn import unfreeze_exactly

    layers, (rows, length) = 2 if asked.quick else asked.layers, asked.tokens
    encoder = encoder_of(layers)
    # Every tensor gets pages of its own, which go back to the system with it: else freed memory counts as resident.
    ctypes.CDLL("libc.so.6").mallopt(-3, 1 << 16)
    draws = torch.Generator().manual_seed(0)
    batch = {
        "input_ids": torch.randint(5, 1000, (rows, length), generator=draws),
        "attention_mask": torch.ones(rows, length, dtype=torch.int64),
    }
    details: dict[str, Any] = {"layers": layers, "tokens": rows * length, "repetitions": asked.repetitions}
    ratios: dict[str, float] = {}
    for name, text in KINDS.items():
        circuit, learn = circuit_of(text, encoder)
        with circuit:
            learnt = list((named := circuit.learnable(learn)).values())
            unfreeze_exactly(circuit, named)
            found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
            passes(circuit, learnt, batch, recompute=False)  # what is held between passes is made
            for _ in range(asked.repetitions):
                for way, seen in found.items():
                    seen.append(passes(circuit, learnt, batch, recompute=way))
        kept = {way: max(each for each, _ in seen) for way, seen in found.items()}
        spent = {way: min(each for _, each in seen) for way, seen in found.items()}
        details[name] = {
            "mib_per_token": [kept[way] / 2**20 for way in (True, False)],
            "seconds": [spent[way] for way in (True, False)],
        }
        print(
            f"{name:11} {kept[True] / 2**20:.3f} and {kept[False] / 2**20:.3f} MiB a token, {spent[True]:.2f} and {spent[False]:.2f} s"
        )
        if name == "nine_fused":
            ratios = {"fit_memory": kept[True] / kept[False], "fit_time": spent[True] / spent[False]}
    for name, ratio in ratios.items():
        print(f"{name} {ratio:.3f} (target {TARGETS[name]})")
    if asked.json:
        from measure import write

        write(asked.json, ratios=ratios, details=details)


if __name__ == "__main__":
    main()
