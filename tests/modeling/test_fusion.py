"""The fast fusion against the library's own: outputs and every gradient, over everything a fusion can be made of.

The matrix is built with `adapters` itself, so that it holds shapes our own configuration does not offer.
"""

from __future__ import annotations

import math
from copy import deepcopy
from functools import cache

import adapters
import pytest
import torch
from adapters import (
    AdapterFusionConfig,
    DoubleSeqBnConfig,
    Fuse,
    ParBnConfig,
    SeqBnConfig,
    Stack,
    StaticAdapterFusionConfig,
)
from adapters.methods.bottleneck import BottleneckLayer

from toolkit.errors import ToolkitError
from toolkit.modeling import fusion as fast_fusion
from toolkit.modeling.fusion import install_fusion, uncovered
from toolkit.modeling.tiny import tiny_model

RELU16, GELU8, SWISH4 = (
    dict(reduction_factor=16, non_linearity="relu"),
    dict(reduction_factor=8, non_linearity="gelu"),
    dict(reduction_factor=4, non_linearity="swish"),
)
SAME = {name: SeqBnConfig(**GELU8) for name in "abcdt"}
WIDTHS = {
    name: SeqBnConfig(reduction_factor=r, non_linearity="relu")
    for name, r in zip("abcdt", (16, 8, 4, 8, 16), strict=True)
}
ACTIVATIONS = {
    name: SeqBnConfig(reduction_factor=8, non_linearity=f)
    for name, f in zip("abcdt", ("relu", "leakyrelu", "tanh", "swish", "gelu"), strict=True)
}
MIXED = {
    name: SeqBnConfig(**shape) for name, shape in zip("abcdt", (RELU16, GELU8, SWISH4, RELU16, GELU8), strict=True)
}
PRELU = {name: SeqBnConfig(reduction_factor=8, non_linearity="prelu") for name in "abcdt"}
MEMBERS = {"same": SAME, "widths": WIDTHS, "activations": ACTIVATIONS, "mixed": MIXED, "own weights": PRELU}

# What is active, and the last adapter of each member.
SETUPS = {
    "two": (lambda: Fuse("a", "b", name="f"), "ab"),
    "three": (lambda: Fuse("a", "b", "c", name="f"), "abc"),
    "a chain and a name": (lambda: Fuse(Stack("d", "a"), "b", name="f"), "ab"),
    "a name and a chain": (lambda: Fuse("a", Stack("c", "b"), name="f"), "ab"),
    "three with a chain between": (lambda: Fuse("a", Stack("d", "b"), "c", name="f"), "abc"),
    "chains of shared adapters": (lambda: Fuse(Stack("d", "a"), Stack("d", "c", "b"), name="f"), "ab"),
    "below a target": (lambda: Stack(Fuse("a", "b", "c", name="f"), "t"), "abc"),
    "above an adapter and below a target": (lambda: Stack("d", Fuse("a", "b", name="f"), "t"), "ab"),
    "chains below a target": (lambda: Stack(Fuse(Stack("d", "a"), "b", name="f"), "t"), "ab"),
}
FUSIONS = {
    "dynamic": lambda: "dynamic",
    "static": lambda: "static",
    "query before the layer norm": lambda: StaticAdapterFusionConfig(query_before_ln=True, value=True),
}
# Every setup with every kind of fusion; each of both also with either order of multiplication and, over all, every set of
# members with every kind of fusion and either order. What is left out of the product are triples.
PAIRWISE = [
    (setup, fusion, tuple(MEMBERS)[(i + 2 * j) % len(MEMBERS)], bool((i + j) % 2))
    for i, setup in enumerate(SETUPS)
    for j, fusion in enumerate(FUSIONS)
]


@cache
def encoder():
    """Return a tiny encoder of few pieces: `inputs` has no higher number, and 36,000 rows of gradients would be zero."""
    model = tiny_model()
    model.resize_token_embeddings(512)
    return model


def build(setup, members=SAME, fusion="dynamic", *, dtype=torch.float32):
    """Return a tiny model with everything random and trainable, and `setup` active."""
    active, last = SETUPS[setup]
    model = deepcopy(encoder()).to(dtype)
    adapters.init(model)
    for name, config in members.items():
        model.add_adapter(name, config=config)
    model.add_adapter_fusion(list(last), config=fusion, name="f")
    model.set_active_adapters(active())
    model.to(dtype)
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "adapter" in name and "prelu" not in name:
                scale = 0.15 if parameter.ndim == 2 else 0.1
                parameter.add_(torch.randn(parameter.shape, generator=rng, dtype=torch.float32).to(dtype) * scale)
            parameter.requires_grad_(True)
    return model.eval()


def layers_of(model):
    return [(path, m) for path, m in model.named_modules() if isinstance(m, BottleneckLayer) and len(m.adapters) > 0]


def inputs():
    ids = torch.randint(5, 500, (3, 11), generator=torch.Generator().manual_seed(1))
    ids[1, 7:] = 1
    return {"input_ids": ids, "attention_mask": (ids != 1).long()}


def run(model, mode, *, seed=0, autocast=False):
    """Return output and the gradients of every parameter that has one."""
    install_fusion(layers_of(model), mode)
    for module in model.modules():
        if hasattr(module, "T") and module.config["temperature"]:
            module.T = 50.0
    model.zero_grad(set_to_none=True)
    torch.manual_seed(seed)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = model(**{key: value.to(model.device) for key, value in inputs().items()}).last_hidden_state
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(2)).to(out)
    (out * weight).sum().backward()
    return out.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def distance(one, other, floor=1e-30):
    """Norm of the difference relative to the norm (to `floor` where that is smaller)."""
    return ((one - other).double().norm() / other.double().norm().clamp_min(floor)).item()


def assert_same(fast, reference, tolerance):
    assert distance(fast[0], reference[0]) < tolerance
    assert fast[1].keys() == reference[1].keys()
    largest = max(gradient.double().norm().item() for gradient in reference[1].values())
    # Softmax ignores what is added to all logits alike: the gradient of the key's bias is rounding around zero, in both.
    floors = {name: largest * (0.1 if name.endswith("key.bias") else 1e-3) for name in reference[1]}
    errors = {name: distance(fast[1][name], gradient, floors[name]) for name, gradient in reference[1].items()}
    assert max(errors.values()) < tolerance, max(errors, key=errors.get)


@pytest.fixture(params=[False, True], ids=["tokens first", "weights first"])
def order(request, monkeypatch):
    """Which of the two orders of multiplication the fast path takes, whatever is cheaper."""
    monkeypatch.setattr(fast_fusion, "is_weights_first", lambda *_: request.param)


def test_the_arrangements_hold_every_pair_they_promise():
    columns = list(zip(*PAIRWISE, strict=True))
    for one, other in ((0, 1), (0, 3), (1, 2), (1, 3), (2, 3)):
        pairs = set(zip(columns[one], columns[other], strict=True))
        assert len(pairs) == len(set(columns[one])) * len(set(columns[other]))


@pytest.mark.parametrize(("setup", "fusion", "members", "is_weights_first"), PAIRWISE)
def test_outputs_and_all_gradients_equal_the_librarys_to_twelve_digits(
    setup, fusion, members, is_weights_first, monkeypatch
):
    monkeypatch.setattr(fast_fusion, "is_weights_first", lambda *_: is_weights_first)
    model = build(setup, MEMBERS[members], FUSIONS[fusion](), dtype=torch.float64)
    assert all(uncovered(layer, fuse_of(setup)) is None for _, layer in layers_of(model))
    assert_same(run(model, "fast"), run(model, "reference"), 1e-12)


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("setup", ["two", "three with a chain between", "below a target"])
@pytest.mark.parametrize("fusion", ["dynamic", "static"])
def test_in_single_precision_they_agree_to_five(setup, fusion):
    model = build(setup, MIXED, FUSIONS[fusion]())
    assert_same(run(model, "fast"), run(model, "reference"), 1e-5)


def fuse_of(setup):
    active = SETUPS[setup][0]()
    return active if isinstance(active, Fuse) else next(unit for unit in active if isinstance(unit, Fuse))


def test_the_two_paths_are_really_two():
    model = build("two")
    install_fusion(layers_of(model), "fast")
    layer = layers_of(model)[0][1]
    calls = []
    layer.adapters["a"].adapter_up.register_forward_hook(lambda *_: calls.append("up"))
    model(**inputs())
    assert calls == []  # the up-projected vectors are never made
    install_fusion(layers_of(model), "reference")
    model(**inputs())
    assert calls == ["up"]


def test_switching_to_the_reference_and_back_gives_the_same_bits():
    model = build("three")
    first = run(model, "fast")
    run(model, "reference")
    again = run(model, "fast")
    assert torch.equal(first[0], again[0])
    assert all(torch.equal(first[1][name], again[1][name]) for name in first[1])


def test_members_that_are_frozen_get_no_gradient_and_the_fusion_the_same_one():
    model = build("three", MIXED)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("adapter_fusion_layer" in name)
    fast, reference = run(model, "fast"), run(model, "reference")
    assert len(fast[1]) == 2 * 5  # two layers of query, key (with biases) and value
    assert_same(fast, reference, 1e-5)


def test_the_gradient_through_a_fusion_reaches_the_input_unchanged():
    # A leaf below the fusion learns through the query, the members' input and the residual alike.
    model = build("above an adapter and below a target", MIXED)
    fast, reference = run(model, "fast")[1], run(model, "reference")[1]
    below = [name for name in fast if ".adapters.d." in name]
    assert below
    assert all(distance(fast[name], reference[name]) < 1e-5 for name in below)


# -- frozen members, held side by side -----------------------------------------------------------------------------------


def frozen(setup, members=MIXED):
    model = build(setup, members)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("adapter_fusion_layer" in name)
    install_fusion(layers_of(model), "fast")
    return model


def held(model):
    return [one.data_ptr() for _, layer in layers_of(model) for one in layer.__dict__["compose_fuse"].held()]


def test_frozen_members_are_laid_side_by_side_once_and_again_when_a_weight_is_written():
    model = frozen("three")
    model(**inputs())
    first = held(model)
    with torch.inference_mode():
        model(**inputs())
    assert held(model) == first and len(first) == 2 * 3
    with torch.no_grad():
        layers_of(model)[0][1].adapters["b"].adapter_up.weight.mul_(3.0)
    assert_same(run_installed(model), run(model, "reference"), 1e-5)


def run_installed(model):
    """`run` of the fast path as it is installed, with whatever it holds."""
    model.zero_grad(set_to_none=True)
    out = model(**inputs()).last_hidden_state
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(2)).to(out.dtype)
    (out * weight).sum().backward()
    return out.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_a_first_pass_in_inference_mode_leaves_nothing_that_training_cannot_use():
    model = frozen("three")
    with torch.inference_mode():
        model(**inputs())
    assert_same(run_installed(model), run(model, "reference"), 1e-5)


def test_members_that_begin_to_learn_are_no_longer_taken_from_what_was_held():
    model = frozen("three")
    model(**inputs())
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    model(**inputs())
    assert held(model) == []
    assert_same(run_installed(model), run(model, "reference"), 1e-5)


def test_autocast_holds_the_members_in_its_own_precision_and_full_precision_again_after_it():
    model = frozen("three")
    exact = model(**inputs()).last_hidden_state
    with torch.autocast("cpu", torch.bfloat16):
        model(**inputs())
    assert {one.dtype for _, layer in layers_of(model) for one in layer.__dict__["compose_fuse"].held()} == {
        torch.bfloat16
    }
    assert torch.equal(model(**inputs()).last_hidden_state, exact)


# -- other ways to run ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("setup", ["three"])
def test_compiled_by_torch_it_gives_the_same_outputs_and_gradients(setup):
    model = build(setup, MIXED)
    for _, layer in layers_of(model):
        fusion = layer.adapter_fusion_layer["f"]
        members = [layer.adapters[name] for name in "abc"[: len(fuse_of(setup).children)]]
        widths = tuple(one.adapter_up.in_features for one in members)
        up = fast_fusion._joined([], members).up.detach()
        query, z = torch.randn(2, 5, 32), torch.randn(2, 5, sum(widths))
        found = []
        for function in (fast_fusion.attend, torch.compile(fast_fusion.attend, backend="aot_eager", fullgraph=True)):
            fusion.zero_grad(set_to_none=True)
            leaves = [one.clone().requires_grad_() for one in (query, z, up)]
            context, attention = function(fusion, *leaves, widths)
            (context.sum() + attention.pow(2).sum()).backward()
            gradients = {str(i): one.grad for i, one in enumerate(leaves)} | {
                name: one.grad.clone() for name, one in fusion.named_parameters() if one.grad is not None
            }
            found.append((context.detach(), gradients))
        assert_same(found[1], found[0], 1e-5)


@pytest.mark.slow
def test_a_whole_model_compiled_by_torch_gives_the_same_output():
    model = frozen("below a target")
    expected = model(**inputs()).last_hidden_state
    found = torch.compile(model, backend="aot_eager")(**inputs()).last_hidden_state
    assert distance(found, expected) < 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("setup", SETUPS)
def test_on_a_gpu_it_gives_the_librarys_outputs_and_gradients(setup):
    model = build(setup, MIXED).cuda()
    assert_same(run(model, "fast"), run(model, "reference"), 1e-5)


# -- dropout -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("fusion", ["dynamic", "static"])
@pytest.mark.parametrize("setup", ["two", "a chain and a name", "below a target"])
def test_dropout_on_the_logits_draws_the_same_numbers_as_the_librarys(setup, fusion):
    # One draw of the shape [B, T, A] a layer, and members without dropout draw none: the two consume the generator alike.
    config = AdapterFusionConfig.load(fusion, dropout_prob=0.4)
    model = build(setup, MIXED, config).train()
    fast, reference = run(model, "fast", seed=11), run(model, "reference", seed=11)
    assert_same(fast, reference, 1e-5)
    assert distance(run(model, "fast", seed=12)[0], fast[0]) > 1e-3


def test_dropout_acts_on_the_logits_and_not_on_the_attention():
    # A logit set to 0 leaves the attention a distribution; an attention set to 0 would not.
    model = build("three", fusion=AdapterFusionConfig.load("dynamic", dropout_prob=0.5)).train()
    install_fusion(layers_of(model), "fast")
    attentions = model(**inputs(), output_adapter_fusion_attentions=True).adapter_fusion_attentions["f"]
    for by_place in attentions.values():
        for attention in by_place.values():
            assert torch.allclose(torch.from_numpy(attention).sum(-1), torch.ones(3, 11), atol=1e-6)


def test_members_with_dropout_of_their_own_fuse_as_without_it_in_both_paths():
    # The library drops a member's output but fuses what stands before that dropout, so a member's rate has no effect. It
    # draws for it all the same, and the fast path does not: with other dropout beside it the two differ in their draws only.
    members = {name: SeqBnConfig(reduction_factor=8, dropout=0.5) for name in "abcdt"}
    model = build("two", members).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout) and module.p != 0.5:
            module.p = 0.0
    for layer in model.encoder.layer:
        layer.attention.self.dropout_prob = 0.0
    assert_same(run(model, "fast", seed=1), run(model, "reference", seed=2), 1e-5)


# -- precision ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("setup", ["two", "three with a chain between", "below a target"])
def test_under_bf16_autocast_it_is_as_near_to_full_precision_as_the_library_is(setup):
    model = build(setup, MIXED)
    exact = run(model, "reference")
    fast, reference = run(model, "fast", autocast=True), run(model, "reference", autocast=True)
    assert 1e-4 < distance(reference[0], exact[0]) < 0.02  # autocast is really on
    assert distance(fast[0], exact[0]) < 1.5 * distance(reference[0], exact[0])
    names = [name for name, gradient in exact[1].items() if "adapter" in name and not name.endswith("key.bias")]
    errors = {
        mode: [distance(got[1][name], exact[1][name]) for name in names]
        for mode, got in (("fast", fast), ("lib", reference))
    }
    assert sum(errors["fast"]) < 1.5 * sum(errors["lib"])
    assert max(errors["fast"]) < max(0.1, 1.5 * max(errors["lib"]))


# -- attention ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setup", ["three", "a chain and a name"])
def test_the_attention_that_is_handed_out_equals_the_librarys(setup):
    model = build(setup, MIXED)
    found = {}
    for mode in ("fast", "reference"):
        install_fusion(layers_of(model), mode)
        with torch.inference_mode():
            found[mode] = model(**inputs(), output_adapter_fusion_attentions=True).adapter_fusion_attentions["f"]
    assert found["fast"].keys() == found["reference"].keys() == {0, 1}
    for layer, by_place in found["reference"].items():
        for place, attention in by_place.items():
            mine = found["fast"][layer][place]
            assert mine.shape == attention.shape
            assert abs(mine - attention).max() < 1e-5


# -- regulariser -------------------------------------------------------------------------------------------------------


def test_the_value_regulariser_is_the_librarys_number_and_stands_in_the_loss(wire, shake):
    circuit = wire("fuse[a,b]/t")
    fusion = next(part for part in circuit.parts if part.kind == "fusion")
    parameters = circuit.parameters_of(fusion)
    shake(parameters.values())
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    penalty = circuit.regularisation(circuit.parts)
    assert penalty.item() == pytest.approx(circuit.encoder.get_fusion_regularization_loss().item(), rel=1e-5)
    penalty.backward()
    for name, parameter in parameters.items():
        if name.endswith("value.weight"):
            expected = 0.02 * (parameter.detach() - torch.eye(32))
            assert torch.allclose(parameter.grad, expected, atol=1e-6)
        else:
            assert parameter.grad is None


def test_nothing_is_regularised_where_no_fusion_learns(wire):
    circuit = wire("fuse[a,b]/t")
    assert circuit.regularisation([part for part in circuit.parts if part.kind != "fusion"]) is None


def test_a_fresh_value_matrix_costs_almost_nothing(wire):
    circuit = wire("fuse[a,b]/t")
    assert circuit.regularisation(circuit.parts).item() < 1e-9


# -- what is not covered takes the library's path ------------------------------------------------------------------------


def leave_out_last():
    return {name: SeqBnConfig(**GELU8) for name in "abdt"} | {
        "b": SeqBnConfig(**GELU8),
        "a": SeqBnConfig(**GELU8, leave_out=[1]),
    }


UNCOVERED = {
    "residual before": (dict(fusion=AdapterFusionConfig.load("static", residual_before=True)), "residual_before"),
    "temperature": (dict(fusion=AdapterFusionConfig.load("dynamic", temperature=True)), "temperature"),
    "value after softmax": (
        dict(fusion=AdapterFusionConfig.load("dynamic", value_before_softmax=False)),
        "value_before_softmax",
    ),
    "no query": (dict(fusion=AdapterFusionConfig.load("dynamic", query=False)), "no query"),
    "no key": (dict(fusion=AdapterFusionConfig.load("dynamic", key=False)), "no query or no key"),
    "parallel members": (
        dict(members={name: ParBnConfig(reduction_factor=8) for name in "abcdt"}),
        "not a plain bottleneck",
    ),
    "gating": (dict(members={name: SeqBnConfig(**GELU8, use_gating=True) for name in "abcdt"}), "gating"),
    "layer norm inside": (dict(members={name: SeqBnConfig(**GELU8, ln_before=True) for name in "abcdt"}), "layer norm"),
    "scaled": (dict(members={name: SeqBnConfig(**GELU8, scaling=2.0) for name in "abcdt"}), "scaling"),
    "learned scale": (dict(members={name: SeqBnConfig(**GELU8, scaling="learned") for name in "abcdt"}), "scaling"),
    "scale per channel": (dict(members={name: SeqBnConfig(**GELU8, scaling="channel") for name in "abcdt"}), "scaling"),
    "left out in a layer": (dict(members=leave_out_last()), "leave_out"),
}


@pytest.mark.parametrize("case", UNCOVERED)
def test_what_the_fast_path_does_not_cover_takes_the_librarys_to_the_same_bits(case):
    options, reason = UNCOVERED[case]
    model = build("two", **options)
    said = [uncovered(layer, fuse_of("two")) for _, layer in layers_of(model)]
    assert any(reason in (one or "") for one in said), said
    fast, reference = run(model, "fast"), run(model, "reference")
    if all(said):
        assert torch.equal(fast[0], reference[0])
        assert fast[1].keys() == reference[1].keys()
        assert all(torch.equal(fast[1][name], reference[1][name]) for name in reference[1])
    else:  # only some layers are not covered
        assert_same(fast, reference, 1e-5)


def test_a_learned_scale_that_stands_at_one_still_gets_its_gradient():
    model = build("two", {name: SeqBnConfig(**GELU8, scaling="learned") for name in "abcdt"})
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("scaling"):
                parameter.fill_(1.0)
    scales = {name for name in run(model, "fast")[1] if name.endswith("scaling")}
    assert len(scales) == 2 * 2  # two members in two layers


def test_a_stack_with_a_block_inside_a_member_is_not_covered():
    layer = layers_of(build("two"))[0][1]
    nested = Fuse("a", "b", name="f")
    nested.children[0] = Stack("c", Fuse("a", "b", name="f"))
    assert "neither an adapter nor a stack" in uncovered(layer, nested)


def test_adapters_after_attention_and_after_the_ffn_are_both_fused():
    model = build("two", {name: DoubleSeqBnConfig(reduction_factor=8) for name in "abcdt"})
    assert len(layers_of(model)) == 4
    assert_same(run(model, "fast"), run(model, "reference"), 1e-5)


def test_an_unknown_path_is_refused_with_the_known_ones():
    with pytest.raises(ToolkitError, match=r"No fusion path named 'quick'. Known: fast, reference"):
        install_fusion([], "quick")


def test_a_saturated_fusion_has_no_nan():
    model = build("three", MIXED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "adapter_fusion_layer" in name:
                parameter.mul_(100)
    out, gradients = run(model, "fast")
    assert math.isfinite(out.abs().max().item())
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
