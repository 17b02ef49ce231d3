"""Frozen layers in one piece: the same states and gradients as the library's layers, for every kernel, and less work."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from toolkit.composition import parse
from toolkit.config import AdapterConfig
from toolkit.modeling.attention import install_attention
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.frozen import FrozenLayer
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.learn import unfreeze_exactly
from toolkit.modeling.override import overridden

KERNELS = ("fused-fp32", "products-fp32")
LABELS = {"pair": ("no", "yes"), "tags": ("x", "y", "z"), "span": (), "choice": ()}
BATCH = {
    "input_ids": torch.randint(5, 500, (4, 7), generator=torch.Generator().manual_seed(0)),
    "attention_mask": (torch.arange(7) < torch.tensor([[7], [5], [7], [2]])).long(),
}


@pytest.fixture
def frozen(tiny):
    """The tiny backbone, computed by its plain path again after the test."""
    yield tiny
    tiny.use_kernel("plain")


def build(backbone, text, kind="pair", learn=None, **options):
    """Return a wired circuit with random weights, and what learns in it."""
    composition = parse(text)
    head = str(composition.head_name)
    circuit = Circuit(backbone, composition, heads={head: HeadSpec(kind, LABELS[kind])}, seed=1, **options)
    learnt = circuit.learnable([part for part in composition.parts if learn is None or part.kind in learn])
    rng = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in circuit.learnable(composition.parts).values():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.2)
    unfreeze_exactly(circuit, learnt)
    return circuit, learnt


def step(circuit, learnt, *, recompute=False):
    """Return the logits and the gradients of a step with the dropout of adapters and heads."""
    circuit.train_mode(backbone_dropout=0.0, recompute=recompute)
    torch.manual_seed(3)
    logits = circuit(BATCH)
    logits.pow(2).sum().backward()
    gradients = {name: parameter.grad for name, parameter in learnt.items()}
    for parameter in learnt.values():
        parameter.grad = None
    circuit.eval()
    return logits.detach(), gradients


def assert_equal(found, wanted):
    """Compare logits and gradients to 1e-5 of the largest number of each."""
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-5, atol=1e-5 * float(wanted[0].abs().max()))
    most = max(float(one.abs().max()) for one in wanted[1].values())
    for name, gradient in wanted[1].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-5 * most, msg=name)


@pytest.mark.parametrize(
    ("text", "kind", "adapter"),
    [
        ("a", "tags", AdapterConfig(dropout=0.2)),
        ("a", "pair", AdapterConfig()),
        ("a", "tags", AdapterConfig()),
        ("a", "choice", AdapterConfig(non_linearity="gelu")),
        ("a", "span", AdapterConfig(kind="seq_bn_inv")),
        ("a", "pair", AdapterConfig(leave_out_lower=1)),
        ("a", "tags", AdapterConfig(leave_out_upper=1)),
        ("a/b", "tags", AdapterConfig()),
        ("fuse[a,b]/t", "tags", AdapterConfig()),
        ("fuse[a,b/c]/t", "tags", AdapterConfig()),
        ("avg[a,b:3]/t", "pair", AdapterConfig()),
        ("backbone@t", "pair", AdapterConfig()),
    ],
)
def test_logits_and_gradients_equal_those_of_the_plain_path_with_and_without_recomputation(frozen, text, kind, adapter):
    found = {}
    for kernel in ("plain", *KERNELS):
        frozen.use_kernel(kernel)
        circuit, learnt = build(frozen, text, kind, adapter=adapter)
        with circuit:
            found[kernel] = step(circuit, learnt)
            again = step(circuit, learnt, recompute=True)
        assert torch.equal(again[0], found[kernel][0])
        assert all(torch.equal(again[1][name], one) for name, one in found[kernel][1].items())
    for kernel in KERNELS:
        assert_equal(found[kernel], found["plain"])


def test_a_fusion_learns_over_frozen_members(frozen):
    found = {}
    for kernel in ("plain", "products-fp32"):
        frozen.use_kernel(kernel)
        circuit, learnt = build(frozen, "fuse[a,b]@t", "tags", learn=["fusion", "head"])
        with circuit:
            found[kernel] = step(circuit, learnt)
    assert_equal(found["products-fp32"], found["plain"])


@pytest.mark.parametrize("text", ["a", "fuse[a,b]/t", "par[a,b]@t"])
@pytest.mark.parametrize("is_folded", [False, True])
def test_scoring_answers_as_the_plain_path(frozen, text, is_folded):
    found = []
    for kernel in ("plain", *KERNELS):
        frozen.use_kernel(kernel)
        circuit, _ = build(frozen, text)
        with circuit, torch.inference_mode():
            circuit.eval()
            if is_folded:
                circuit.fold()
            found.append(torch.cat(circuit.answer(BATCH, list(circuit.answers))))
    for one in found[1:]:
        torch.testing.assert_close(one, found[0], rtol=1e-5, atol=1e-5)


def test_all_states_and_attentions_of_fusions_are_the_same(frozen):
    found = []
    for kernel in ("plain", "fused-fp32"):
        frozen.use_kernel(kernel)
        circuit, _ = build(frozen, "fuse[a,b]/t")
        with circuit, torch.inference_mode():
            states = circuit.hidden_states(BATCH["input_ids"], BATCH["attention_mask"], layers=2)
            (by_layer,) = circuit.attentions(BATCH["input_ids"], BATCH["attention_mask"]).values()
            found.append((*states, *(torch.from_numpy(one) for one in by_layer.values())))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


class Counted(TorchDispatchMode):
    """Counts multiply-adds of products, and finds weights that were expanded for a product."""

    def __init__(self):
        super().__init__()
        self.products, self.expanded, self.casts = 0, [], 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        found = operation(*args, **(kwargs or {}))
        name = operation._schema.name
        if name in ("aten::mm", "aten::addmm"):
            one, other = args[-2:]
            self.products += one.shape[0] * one.shape[1] * other.shape[1]
        elif name == "mkldnn::_linear_pointwise":
            self.products += args[0].numel() * args[1].shape[0]
        elif name == "aten::bmm":
            self.expanded += [one.shape for one in args[:2] if one.stride(0) == 0 and one.shape[0] > 1]
        elif name == "aten::_to_copy" and args[0].numel() >= BATCH["input_ids"].numel() * 32:
            self.casts += 1
        return found


def counted(backbone, text, kind, kernel):
    backbone.use_kernel(kernel)
    circuit, learnt = build(backbone, text, kind)
    with circuit, Counted() as trained:
        step(circuit, learnt)
    circuit, _ = build(backbone, text, kind)
    with circuit, torch.no_grad(), Counted() as scored:  # in inference mode products are not seen
        circuit.eval().fold()(BATCH)
    return trained, scored


def test_the_last_layer_is_computed_for_the_first_token_alone_where_the_head_reads_no_other(frozen):
    pair, tags = (counted(frozen, "a", kind, "products-fp32") for kind in ("pair", "tags"))
    plain = counted(frozen, "a", "pair", "plain")
    for one, other in zip(pair, tags, strict=True):
        assert one.products < 0.75 * other.products
    assert pair[0].products < 0.75 * plain[0].products


@pytest.fixture(scope="module")
def narrow():
    """A backbone whose weights are bf16, on any processor: the products are emulated where it lacks them."""
    backbone = load_backbone("tiny", precision="fp32", device=torch.device("cpu"))
    backbone.precision = "bf16"
    backbone.model.to(torch.bfloat16)
    install_attention(backbone.model)
    return backbone


@pytest.mark.parametrize("text", ["a", "fuse[a,b]/t", "avg[a,b]/t"])
@pytest.mark.parametrize("kernel", ["plain", "fused-bf16", "products-bf16"])
def test_no_path_in_bf16_expands_a_weight(narrow, text, kernel):
    for found in counted(narrow, text, "tags", kernel):
        assert not found.expanded


def test_nothing_is_cast_between_the_products_of_frozen_layers(narrow):
    plain, _ = counted(narrow, "a", "tags", "plain")
    found, scored = counted(narrow, "a", "tags", "products-bf16")
    assert plain.casts > 6  # attention in fp32
    assert found.casts <= 2  # the states, for the head, and their gradient
    assert scored.casts <= 1


@pytest.mark.parametrize("kernel", ["fused-fp32", "products-fp32", "fused-bf16", "products-bf16"])
def test_bf16_learns_the_same_direction(narrow, kernel):
    found = {}
    for name in ("plain", kernel):
        narrow.use_kernel(name)
        circuit, learnt = build(narrow, "a/b", "tags")
        with circuit:
            _, gradients = step(circuit, learnt)
        found[name] = torch.cat([one.flatten() for one in gradients.values()])
    assert torch.cosine_similarity(found["plain"], found[kernel], dim=0) > 0.99


def test_dropout_of_the_encoder_full_training_and_tracing_take_the_plain_path(frozen):
    frozen.use_kernel("plain")
    circuit, _ = build(frozen, "a")
    with circuit:
        circuit.train_mode(backbone_dropout=0.3)
        torch.manual_seed(0)
        wanted = circuit(BATCH)
    frozen.use_kernel("products-fp32")
    circuit, _ = build(frozen, "a")
    with circuit:
        circuit.train_mode(backbone_dropout=0.3)
        torch.manual_seed(0)
        assert torch.equal(circuit(BATCH), wanted)
    full = load_backbone(
        "tiny", precision="fp32", device=torch.device("cpu"), is_trainable=True, kernels="products-fp32"
    )
    assert full.kernel == "plain"
    assert not any(overridden(layer, "forward") for layer in full.model.encoder.layer)


def test_a_kernel_is_taken_out_again_and_depth_and_vectors_work_under_it(frozen):
    frozen.use_kernel("products-fp32")
    layers = frozen.model.encoder.layer
    assert all(isinstance(overridden(layer, "forward"), FrozenLayer) for layer in layers)
    circuit, _ = build(frozen, "a")
    with circuit, torch.inference_mode():
        states = circuit.encode(BATCH["input_ids"], BATCH["attention_mask"], layers=1)
        assert states.shape == (4, 7, 32)
    frozen.use_kernel("plain")
    assert not any(overridden(layer, "forward") for layer in layers)
