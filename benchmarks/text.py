"""Benchmark of plain text: a training step on the embedded backbone, over the way of `transformers` and `adapters`; exchange.

    python benchmarks/text.py --quick --json OUT    # 4 sequences of 128 pieces: 3 GB of memory
    python benchmarks/text.py --json OUT            # 32 sequences of 128 pieces: 16 GB of memory
    python benchmarks/text.py --only swap           # the exchange alone

`mlm_step`: processor seconds of a step with one adapter and its head, both passes (target: at most 0.25). `mlm_memory`: peak
above the model's own weights (target: at most 0.15). `mlm_loss`: relative difference of the loss, or of the gradient of
all that the adapter learns if that is larger, on the same masks in fp32 (target: at most 1e-5). The other way is a step of `AdapterTrainer` on
`XLMRobertaForMaskedLM`, under autocast to bf16 where the processor has it: every position goes through the decoder.
`swap`: processor seconds of `text.*/mnli` on rows in 15 languages, each with an adapter of its own that is read, checked and
folded, over one pass over the same rows without exchange (target: at most 1.05).
"""

from __future__ import annotations

import argparse
import ctypes
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

TARGETS = {"mlm_step": 0.25, "mlm_memory": 0.15, "mlm_loss": 1e-5, "swap": 1.05}
LANGUAGES = 15
SWAPPED = 256  # rows a language; the smallest test sets of the catalogue have about as many
REDUCTION = 16


class Peak:
    """The largest resident memory of this process above that at the beginning of a block, in bytes."""

    def __enter__(self) -> Peak:
        self.before = self.highest = resident()
        self._is_over = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over:
            self.highest = max(self.highest, resident())
            time.sleep(0.002)

    @property
    def value(self) -> int:
        """In bytes."""
        return self.highest - self.before


def resident() -> int:
    """Return the resident memory of this process, in bytes."""
    found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def batch_of(sequences: int, length: int, tokenizer: Any) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return one batch for either way, with the same masks: 15 % of the pieces."""
    from toolkit.features.masks import Masks, Pieces

    ids = np.random.default_rng(0).integers(5, 200_000, (sequences, length))
    ids[:, 0], ids[:, -1] = tokenizer.bos_token_id, tokenizer.eos_token_id
    whole = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    masked = Masks(Pieces.of(tokenizer), 0.15, False, 0).apply(whole, 0)
    ours = {name: torch.from_numpy(value) for name, value in masked.items()}
    return ours, {"input_ids": ours["input_ids"], "attention_mask": ours["attention_mask"], "labels": ours["tags"]}


def our_way(precision: Any) -> tuple[Any, list[Any]]:
    """Return a circuit that is ready to learn, and what learns."""
    from toolkit.composition import parse
    from toolkit.composition.stages import plan
    from toolkit.config import AdapterConfig
    from toolkit.modeling.backbone import load_backbone
    from toolkit.modeling.circuit import Circuit
    from toolkit.modeling.heads import HeadSpec
    from toolkit.modeling.learn import unfreeze_exactly

    stage = plan(parse("text.sw"), holds=lambda entry: False)[-1]
    backbone = load_backbone("embedded", precision=precision, device=torch.device("cpu"))
    shape = AdapterConfig(reduction_factor=REDUCTION)
    circuit = Circuit(backbone, stage.circuit, heads={"text": HeadSpec("text")}, adapter=shape)
    learnt = circuit.learnable(stage.learn)
    unfreeze_exactly(circuit, learnt)
    circuit.train_mode(backbone_dropout=0.0)
    return circuit, list(learnt.values())


def library_way() -> Any:
    """Return the model of `transformers` with an adapter of `adapters` that learns."""
    import adapters
    from transformers import XLMRobertaForMaskedLM

    from toolkit.modeling.embedded import embedded_folder

    model: Any = XLMRobertaForMaskedLM.from_pretrained(embedded_folder(), attn_implementation="sdpa")
    adapters.init(model)
    model.add_adapter("sw", config=adapters.SeqBnConfig(reduction_factor=REDUCTION))
    model.train_adapter("sw")
    model.train()
    return model


def step_of(circuit: Any, learnt: list[Any], batch: dict[str, Any]) -> Callable[[], torch.Tensor]:
    """Return our step, whose value is the loss."""
    from toolkit.modeling.learn import item_losses

    count = int((batch["tags"] != -100).sum())

    def step() -> torch.Tensor:
        for parameter in learnt:
            parameter.grad = None
        loss = item_losses("text", circuit(batch), batch).sum() / count
        loss.backward()
        return loss.detach()

    return step


def their_step(model: Any, batch: dict[str, Any], *, in_bf16: bool) -> Callable[[], torch.Tensor]:
    """Return the other step, whose value is the loss."""

    def step() -> torch.Tensor:
        for parameter in model.parameters():
            parameter.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
            loss = model(**batch).loss
        loss.backward()
        found: torch.Tensor = loss.detach()
        return found

    return step


def difference(circuit: Any, learnt: list[Any], model: Any, ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """Return the largest relative difference of loss and gradients in fp32, both models holding the same weights."""
    head, held = circuit.heads["part:text"], model.lm_head
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            dict(held.named_parameters())[name].copy_(parameter)
        own = {
            name.replace("part:text~sw", "sw"): parameter
            for name, parameter in circuit.encoder.named_parameters()
            if parameter.requires_grad
        }
        their = {name: dict(model.roberta.named_parameters())[name] for name in own}
        for name, parameter in own.items():
            their[name].copy_(parameter)
    model.eval()
    one = step_of(circuit, learnt, ours)()
    other = their_step(model, theirs, in_bf16=False)()
    found, wanted = (torch.cat([each[name].grad.flatten() for name in own]) for each in (own, their))
    return max(abs(float(one - other)) / float(other), float((found - wanted).norm() / wanted.norm()))


def swap(precision: Any, rows: int, repetitions: int) -> tuple[float, dict[str, list[float]]]:
    """Return the cost of exchanging language adapters, and the seconds of either way."""
    from tempfile import TemporaryDirectory

    from safetensors.numpy import load_file, save_file

    from toolkit.composition import parse
    from toolkit.config import AdapterConfig
    from toolkit.modeling.backbone import load_backbone
    from toolkit.modeling.circuit import Circuit
    from toolkit.modeling.heads import HeadSpec

    backbone = load_backbone("embedded", precision=precision, device=torch.device("cpu"))
    language = AdapterConfig(kind="seq_bn_inv", reduction_factor=2)
    heads = {"mnli": HeadSpec("pair", ("a", "b", "c"))}
    circuit = Circuit(backbone, parse("text.en/mnli"), heads=heads, shapes={"text.en": language}).fold()
    part = circuit.parts[0]
    ids = np.random.default_rng(0).integers(5, 200_000, (rows // 32, 32, 64))
    batches = [
        {"input_ids": torch.from_numpy(one), "attention_mask": torch.ones(one.shape, dtype=torch.int64)} for one in ids
    ]
    seconds: dict[str, list[float]] = {"swapped": [], "plain": []}
    with TemporaryDirectory() as folder, torch.inference_mode():
        for number in range(LANGUAGES):
            tensors = {key: value + np.float32(number) * 1e-3 for key, value in circuit.tensors_of(part).items()}
            save_file(tensors, f"{folder}/{number}.safetensors")
        for repetition in range(repetitions + 1):
            for name, found in seconds.items():
                began = time.process_time()
                for number in range(LANGUAGES):
                    if name == "swapped":
                        circuit.load(part, load_file(f"{folder}/{number}.safetensors"))
                    for batch in batches:
                        circuit(batch)
                if repetition:
                    found.append(time.process_time() - began)
    circuit.close()
    return min(seconds["swapped"]) / min(seconds["plain"]), seconds


def main() -> None:
    """Measure and print; with `--json` write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 sequences")
    parser.add_argument("--sequences", type=int, default=32, help="sequences of a batch; default: 32")
    parser.add_argument("--length", type=int, default=128, help="pieces a sequence; default: 128")
    parser.add_argument("--repetitions", type=int, default=3, help="steps of each way; default: 3")
    parser.add_argument("--only", choices=["swap"], help="the exchange alone")
    parser.add_argument("--json", type=Path, help="where the ratios go")
    asked = parser.parse_args()
    from toolkit.modeling.precision import resolve_precision

    # Every tensor gets pages of its own, which go back to the system with it: else freed memory counts as resident.
    ctypes.CDLL("libc.so.6").mallopt(-3, 1 << 16)
    sequences = 4 if asked.quick else asked.sequences
    precision = resolve_precision("auto", torch.device("cpu"))
    ratio, swapped = swap(precision, SWAPPED, asked.repetitions)
    print(f"swap {ratio:.3f} (target {TARGETS['swap']})")
    if asked.only:
        return
    exact, exactly_learnt = our_way("fp32")
    ours, theirs = batch_of(sequences, asked.length, exact.backbone.tokenizer)
    few = {name: value[:2] for name, value in ours.items()}, {name: value[:2] for name, value in theirs.items()}
    model = library_way()
    gap = difference(exact, exactly_learnt, model, *few)
    exact.close()
    del exact, exactly_learnt
    circuit, learnt = our_way(precision)
    model.train()
    steps = {
        "ours": step_of(circuit, learnt, ours),
        "library": their_step(model, theirs, in_bf16=precision == "bf16"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    peaks: dict[str, list[int]] = {name: [] for name in steps}
    for repetition in range(asked.repetitions + 1):
        for name, step in steps.items():
            began = time.process_time()
            with Peak() as peak:
                step()
            if repetition:  # the first step makes what is kept between steps
                seconds[name].append(time.process_time() - began)
                peaks[name].append(peak.value)
    ratios = {
        "mlm_step": min(seconds["ours"]) / min(seconds["library"]),
        "mlm_memory": max(peaks["ours"]) / max(peaks["library"]),
        "mlm_loss": gap,
        "swap": ratio,
    }
    for name in steps:
        print(f"{name:8} {min(seconds[name]):.2f} s of the processor, {max(peaks[name]) / 2**20:,.0f} MiB")
    for name, value in ratios.items():
        print(f"{name} {value:.3g} (target {TARGETS[name]})")
    if asked.json:
        from measure import write

        details = {
            "sequences": sequences,
            "length": asked.length,
            "precision": precision,
            "seconds": seconds | swapped,
            "peaks": peaks,
        }
        write(asked.json, ratios=ratios, details=details)


if __name__ == "__main__":
    main()
