"""Averages and rows: what the language says, where the library computes something else."""

from __future__ import annotations

import pytest
import torch
from adapters.composition import Average

from toolkit.composition import parse
from toolkit.config import AdapterConfig
from toolkit.errors import ToolkitError
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.wiring import average_weights, left_out

PAIR = HeadSpec("pair", ("yes", "no", "maybe"))


def states(circuit, batch):
    with torch.inference_mode():
        return circuit.encode(batch["input_ids"], batch["attention_mask"])


@pytest.fixture
def run(tiny, batch, shake):
    """Return a composition's hidden states; every part's weights depend on its name alone, or on `same`."""

    def states_of(text, same=()):
        with Circuit(tiny, parse(text)) as circuit:
            for part in circuit.parts:
                name = part.name.split("+")[-1]
                seed = sum(map(ord, "a" if name in same else name))
                shake(circuit.parameters_of(part).values(), seed=seed, std=0.15)
            return states(circuit, batch)

    return states_of


def test_the_average_of_an_adapter_with_its_own_copy_is_the_adapter(run):
    assert torch.allclose(run("avg[a:0.3,b:5]", same="ab"), run("a"), atol=1e-6)


def test_the_average_of_a_chain_with_its_own_copy_is_the_chain(run):
    assert torch.allclose(run("avg[a/c,b/c]", same="ab"), run("a/c"), atol=1e-5)


def test_what_an_average_weighs_most_it_resembles_most(run):
    first, mostly, second = run("a"), run("avg[a:0.999,b:0.001]"), run("b")
    assert (mostly - first).abs().max() < 0.01 * (second - first).abs().max()


def test_members_of_an_average_stand_in_any_order(run):
    assert torch.allclose(run("avg[a:0.2,b:0.3,c:0.5]"), run("avg[c:5,a:2,b:3]"), atol=1e-6)


def test_an_average_of_names_is_the_librarys_with_corrected_weights(tiny, batch, shake):
    composition = parse("avg[a:0.3,b:0.7]")
    with Circuit(tiny, composition) as circuit:
        for i, part in enumerate(circuit.parts):
            shake(circuit.parameters_of(part).values(), seed=i)
        ours = states(circuit, batch)
        weights = average_weights(composition.chain.units[0])
        tiny.model.set_active_adapters(Average("part:a", "part:b", weights=weights, normalize_weights=False))
        for _, layer in circuit.bottlenecks():
            del layer.__dict__["compose_average"]
        assert torch.allclose(states(circuit, batch), ours, atol=1e-6)


@pytest.mark.parametrize("text", ["par[a,b]", "par[a/c,b]", "par[fuse[a,b]/t,c,avg[a,b]]"])
def test_each_member_of_a_par_computes_what_it_computes_alone(run, batch, text):
    members = parse(text).chain.units[0].members
    rows = run(text).chunk(len(members))
    seen = batch["attention_mask"].bool()
    for member, found in zip(members, rows, strict=True):
        assert torch.allclose(found[seen], run(str(member))[seen], atol=1e-5)


def test_one_fusion_under_two_leaves_of_a_par_is_two_fusions(tiny, batch, shake):
    with Circuit(tiny, parse("par[fuse[a,b]/t,fuse[a,b]/u]")) as circuit:
        for part in circuit.parts:
            shake(circuit.parameters_of(part).values(), seed=len(part.name), std=0.15)
        fusions = [part for part in circuit.parts if part.kind == "fusion"]
        assert [part.entry for part in fusions] == ["fuse[a,b]/t", "fuse[a,b]/u"]
        before = states(circuit, batch).chunk(2)
        shake(circuit.parameters_of(fusions[1]).values(), seed=99)
        after = states(circuit, batch).chunk(2)
    assert torch.equal(after[0], before[0])
    assert not torch.equal(after[1], before[1])


def test_every_head_of_a_par_answers_from_one_pass(wire, batch):
    heads = {"a": PAIR, "b": HeadSpec("tags", ("x", "y"))}
    circuit = wire("par[a,b]", heads=heads)
    assert list(circuit.answers) == ["a", "b"]
    with torch.inference_mode():
        first, second = circuit.answer(batch, ["a", "b"])
        assert torch.equal(circuit(batch, "b"), second)
    assert (first.shape, second.shape) == ((3, 3), (3, 9, 2))
    assert circuit.spec_of("b").kind == "tags"


def test_members_that_end_alike_keep_their_own_heads(wire, batch):
    c = parse("par[a/t,b/t]")
    keys = [part.entry for part in c.parts if part.kind == "head"]
    circuit = wire(str(c), heads=dict.fromkeys(keys, PAIR))
    assert list(circuit.answers) == ["a/t", "b/t"]
    with torch.inference_mode():
        first, second = circuit.answer(batch, ["a/t", "b/t"])
    assert not torch.allclose(first, second)


def test_one_head_reads_all_members_of_a_par(wire, batch):
    circuit = wire("par[a,b]@t")
    assert circuit.answers == {"a@t": ("t", 0), "b@t": ("t", 1)}
    with pytest.raises(ToolkitError, match="holds no head 't'; it holds a@t, b@t"):
        circuit.choose_head("t")


def test_an_average_learns_nothing_of_itself(wire):
    assert [part.kind for part in wire("avg[a:0.3,b:0.7]").parts] == ["adapter", "adapter"]


# -- layers that hold no adapter -----------------------------------------------------------------------------------------


LOWER, UPPER = AdapterConfig(leave_out_lower=0.5), AdapterConfig(leave_out_upper=0.5)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (AdapterConfig(), {12: [], 24: []}),
        (LOWER, {12: list(range(6)), 24: list(range(12))}),
        (AdapterConfig(leave_out_upper=0.25), {12: [9, 10, 11], 24: list(range(18, 24))}),
    ],
)
def test_what_is_left_out_is_a_share_of_the_depth(shape, expected):
    assert {n: left_out(shape, n) for n in expected} == expected


def test_leaving_out_every_layer_is_refused():
    with pytest.raises(ToolkitError, match="leave none of 12 layers an adapter"):
        left_out(AdapterConfig(leave_out_lower=0.6, leave_out_upper=0.4), 12)


@pytest.mark.parametrize("text", ["a", "a/b", "fuse[a,b]/t", "avg[a,b]/t", "par[a,b]"])
@pytest.mark.parametrize("shape", [LOWER, UPPER])
def test_a_layer_without_adapters_is_the_backbones_own(tiny, wire, batch, shake, text, shape):
    with Circuit(tiny, parse("backbone")) as bare, torch.inference_mode():
        plain = bare.encode(batch["input_ids"], batch["attention_mask"], layers=1)
    circuit = wire(text, heads={}, adapter=shape)
    for part in circuit.parts:
        shake(circuit.parameters_of(part).values())
    assert {key.split(".")[1] for key in circuit.shapes_of(circuit.parts[0])} == {"1" if shape is LOWER else "0"}
    with torch.inference_mode():
        first = circuit.encode(batch["input_ids"], batch["attention_mask"], layers=1)[:3]
    assert torch.allclose(first, plain, atol=1e-6) is (shape is LOWER)
    before = states(circuit, batch)
    assert torch.allclose(states(circuit.fold(), batch), before, atol=1e-4)


def test_a_stack_may_stand_in_different_layers_and_folds(wire, batch, shake):
    circuit = wire("a/b", shapes={"a": LOWER, "a/b": UPPER})
    for part in circuit.parts:
        shake(circuit.parameters_of(part).values())
    before = states(circuit, batch)
    assert torch.allclose(states(circuit.fold(), batch), before, atol=1e-4)


@pytest.mark.parametrize("text", ["fuse[a,b]/t", "avg[a,b]", "par[a,b]"])
def test_members_in_different_layers_are_refused_when_wiring(tiny, text):
    keys = set(tiny.model.state_dict())
    with pytest.raises(ToolkitError, match="joins adapters that are in different layers"):
        Circuit(tiny, parse(text), shapes={"a": LOWER})
    assert set(tiny.model.state_dict()) == keys
