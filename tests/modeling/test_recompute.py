"""Layers that compute their activations once more: the same gradients to the bit, in less memory."""

from __future__ import annotations

import threading

import pytest
import torch

from toolkit.composition import parse
from toolkit.composition.stages import plan
from toolkit.config import AdapterConfig
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.learn import unfreeze_exactly
from toolkit.modeling.override import overridden
from toolkit.training.split import Share

BATCH = {
    "input_ids": torch.randint(5, 900, (4, 12), generator=torch.Generator().manual_seed(0)),
    "attention_mask": (torch.arange(12) < torch.tensor([[12], [9], [12], [4]])).long(),
    "labels": torch.tensor([0, 1, 1, 0]),
}


def circuit_of(text, backbone, **options):
    stage = plan(parse(text), holds=lambda entry: False)[-1]
    head = next(part.name for part in stage.learn if part.kind == "head")
    circuit = Circuit(backbone, stage.circuit, heads={head: HeadSpec("pair", ("no", "yes"))}, seed=1, **options)
    learn = circuit.learnable(stage.learn)
    unfreeze_exactly(circuit, learn)
    return circuit, learn


def gradients(circuit, learn, *, recompute, in_thread=False):
    circuit.train_mode(backbone_dropout=0.1, recompute=recompute)
    for parameter in learn.values():
        parameter.grad = None
    torch.manual_seed(3)
    kept = 0

    def pack(tensor):
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    with Share(0, 4, 8).draws():
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = circuit(BATCH).pow(2).sum()
        if not in_thread:
            loss.backward()
    if in_thread:  # as on a GPU
        other = threading.Thread(target=loss.backward)
        other.start()
        other.join()
    return {name: parameter.grad for name, parameter in learn.items()}, kept


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("text", ["a", "a/b", "fuse[a,b]/t", "fuse[a,b]@t", "avg[a,b]/t"])
def test_gradients_are_the_same_to_the_bit_with_dropout_everywhere(tiny, text, precision, monkeypatch):
    monkeypatch.setattr(tiny, "precision", precision)  # emulated, where the processor lacks it
    circuit, learn = circuit_of(text, tiny)
    with circuit:
        plain, kept = gradients(circuit, learn, recompute=False)
        again, held = gradients(circuit, learn, recompute=True)
        elsewhere, _ = gradients(circuit, learn, recompute=True, in_thread=True)
    assert held < kept / 3
    for found in (again, elsewhere):
        assert all(torch.equal(found[name], gradient) for name, gradient in plain.items())


def test_a_full_model_has_the_same_gradients():
    backbone = load_backbone("tiny", precision="fp32", device=torch.device("cpu"), is_trainable=True)
    circuit, learn = circuit_of("a", backbone, adapter=AdapterConfig(kind="full"))
    plain, kept = gradients(circuit, learn, recompute=False)
    again, held = gradients(circuit, learn, recompute=True)
    assert held < kept
    assert all(torch.equal(again[name], gradient) for name, gradient in plain.items())


def test_evaluation_and_what_comes_after_keep_their_activations(tiny):
    layers = tiny.model.encoder.layer
    circuit, _ = circuit_of("a", tiny)
    with circuit:
        circuit.train_mode(backbone_dropout=0.0, recompute=True)
        assert all(overridden(layer, "forward") for layer in layers)
        circuit.eval()
        assert not any(overridden(layer, "forward") for layer in layers)
        circuit.train_mode(backbone_dropout=0.0, recompute=True)
    assert not any(overridden(layer, "forward") for layer in layers)
