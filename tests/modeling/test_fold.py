"""The folded circuit against the unfolded one."""

from __future__ import annotations

from itertools import cycle

import pytest
import torch
from adapters.methods.bottleneck import BottleneckLayer

from tests.modeling.test_circuit import LEARNS
from toolkit.composition import parse
from toolkit.config import AdapterConfig
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.learn import unfreeze_exactly

PAIR = HeadSpec("pair", ("yes", "no", "maybe"))
WIRED = [*LEARNS, "fuse[a/b,c/b]/t/u", "fuse[a/b/c,d]@t", "p/fuse[a/b,c/d]/t", "avg[a,b]@t", "avg[a:0.3,b:0.7]/t",
         "avg[a/b,c:2]@t", "avg[a/b,c/d]/t", "par[a,b]@t", "par[a/b,fuse[c,d]/e]@t", "merge[a,b]/t"]  # fmt: skip
MIXED = {"a": AdapterConfig(reduction_factor=2, non_linearity="gelu"), "b": AdapterConfig(reduction_factor=4)}
SHAPES = {"one shape": {}, "mixed widths and activations": MIXED}


@pytest.fixture
def built(wire, shake):
    """Wire a composition with random weights of a size at which every part matters."""

    def build(text, **options):
        circuit = wire(text, **{"heads": {"t": PAIR}} | options)
        for i, part in enumerate(circuit.parts):
            shake(circuit.parameters_of(part).values(), seed=i, std=0.15)
        return circuit

    return build


def states(circuit, batch):
    with torch.inference_mode():
        return circuit.encode(batch["input_ids"], batch["attention_mask"])


# Every wiring once, with either of the shapes in turn.
@pytest.mark.parametrize(("text", "shapes"), zip(WIRED, cycle(SHAPES), strict=False))
def test_the_folded_circuit_answers_as_the_unfolded_one_and_unfolding_restores_every_bit(built, batch, text, shapes):
    key = parse(text).parts[-1].name
    circuit = built(text, heads={key: PAIR}, shapes=SHAPES[shapes])
    with torch.inference_mode():
        before = circuit(batch)
        hidden = states(circuit, batch)
        folded = circuit.fold()(batch)
        assert (states(circuit, batch) - hidden).abs().max() < 1e-4
        after = circuit.unfold()(batch)
    assert (folded - before).abs().max() < 1e-4
    assert torch.equal(folded.argmax(-1), before.argmax(-1))
    assert torch.equal(after, before)
    assert circuit.unfolded == {}


def test_every_layer_is_folded_and_none_walks_through_the_librarys_blocks(built, batch, monkeypatch):
    circuit = built("p/fuse[a/b,c]/t").fold()
    assert circuit.is_folded
    for name in ("compose", "compose_fuse", "compose_single"):
        monkeypatch.setattr(BottleneckLayer, name, None)
    for _, layer in circuit.bottlenecks():
        layer.__dict__.pop("compose_fuse", None)
    assert torch.isfinite(states(circuit, batch)).all()


def test_weights_loaded_after_folding_are_folded_again(built, batch):
    circuit = built("fuse[a,b]/t").fold()
    folded = states(circuit, batch)
    part = circuit.parts[0]
    circuit.load(part, {key: 2 * value for key, value in circuit.tensors_of(part).items()})
    changed = states(circuit, batch)
    assert not torch.allclose(changed, folded, atol=1e-3)
    assert circuit.is_folded
    assert (states(circuit.unfold(), batch) - changed).abs().max() < 1e-4


def test_a_circuit_that_trains_is_not_folded_and_cannot_be(built, batch):
    circuit = built("fuse[a,b]/t").fold()
    unfreeze_exactly(circuit, circuit.learnable(circuit.parts))
    circuit.train_mode(backbone_dropout=0.0)
    assert not circuit.is_folded
    circuit(batch).sum().backward()
    assert all(p.grad is not None for p in circuit.learnable(circuit.parts).values())
    with pytest.raises(ToolkitError, match="is training, and folded weights do not learn"):
        circuit.fold()


def test_a_truncated_folded_circuit_gives_that_hidden_state(built, batch):
    circuit = built("a/fuse[b,c]/t")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    with torch.inference_mode():
        expected = circuit.encode(ids, mask, layers=1)
        assert torch.allclose(circuit.fold().encode(ids, mask, layers=1), expected, atol=1e-5)


def test_closing_a_folded_circuit_leaves_the_backbone_as_it_was(tiny, batch):
    with torch.inference_mode():
        before = tiny.model(input_ids=batch["input_ids"]).last_hidden_state
        with Circuit(tiny, parse("fuse[a,b]/t")) as circuit:
            circuit.fold()
        assert torch.equal(tiny.model(input_ids=batch["input_ids"]).last_hidden_state, before)


def test_what_has_no_folded_form_keeps_the_unfolded_path_and_says_why(built, batch):
    circuit = built("a/b")
    for _, layer in circuit.bottlenecks():
        layer.adapters["part:a+b"].scaling = 0.5
    before = states(circuit, batch)
    assert torch.equal(states(circuit.fold(), batch), before)
    assert set(circuit.unfolded.values()) == {
        "adapter 'part:a+b' is scaled, or has its residual or layer norm elsewhere"
    }


def test_the_bare_backbone_folds_to_itself(wire, batch):
    circuit = wire("backbone", heads={})
    before = states(circuit, batch)
    assert torch.equal(states(circuit.fold(), batch), before)


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_the_matrices_are_held_in_the_circuits_precision(shake, batch, precision, dtype):
    backbone = load_backbone("tiny", precision="fp32", device=torch.device("cpu"))
    for parameter in backbone.own_parameters.values():
        parameter.data = parameter.data.to(dtype)
    backbone.precision = precision
    with Circuit(backbone, parse("fuse[a,b]/t")) as circuit:
        for i, part in enumerate(circuit.parts):
            shake(circuit.parameters_of(part).values(), seed=i, std=0.1)
        before = states(circuit, batch).float()
        after = states(circuit.fold(), batch).float()
        (fusion,), (adapter,) = circuit.bottlenecks()[0][1].__dict__["bottleneck_layer_forward"].units
    assert {fusion.into.dtype, fusion.out.dtype, adapter.down.dtype, adapter.up.dtype} == {dtype}
    assert (after - before).abs().mean() < 0.02


@pytest.mark.slow
def test_a_fusion_of_the_real_encoder_folds(embedded, shake):
    tokens = embedded.tokenizer(
        ["Eine Katze schläft auf dem Dach.", "Where does the river end?", "今天天气很好"],
        padding=True,
        return_tensors="pt",
    )
    batch = {key: tokens[key] for key in ("input_ids", "attention_mask")}
    with Circuit(embedded, parse("fuse[a,b,c]/t"), heads={"t": PAIR}) as circuit, torch.inference_mode():
        for i, part in enumerate(circuit.parts):
            shake(circuit.parameters_of(part).values(), seed=i, std=0.02)
        shake(circuit.parameters_of(circuit.composition.parts[-1]).values(), std=0.1)
        before = circuit(batch)
        folded = circuit.fold()(batch)
    assert (folded - before).abs().max() < 1e-4
    assert torch.equal(folded.argmax(-1), before.argmax(-1))
