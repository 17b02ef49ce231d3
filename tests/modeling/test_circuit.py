from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from toolkit.composition import Name, parse
from toolkit.composition.stages import plan
from toolkit.config import AdapterConfig
from toolkit.errors import ToolkitError, ZooError
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.learn import item_losses, unfreeze_exactly

PAIR = HeadSpec("pair", ("yes", "no", "maybe"))

# Every wired composition of DESIGN section 4: per stage, what must learn, as `kind module`. Written by hand.
LEARNS = {
    "mnli": {"mnli": "adapter mnli, head mnli"},
    "mnli.sw": {"mnli.sw": "adapter mnli~sw, head mnli"},
    "a/b": {"a": "adapter a, head a", "a/b": "adapter a+b, head b"},
    "a/b/c": {"a": "adapter a, head a", "a/b": "adapter a+b, head b", "a/b/c": "adapter a+b+c, head c"},
    "a@t": {"a": "adapter a, head a", "a@t": "head t"},
    "backbone@t": {"backbone@t": "head t"},
    "fuse[a,b]": {"a": "adapter a, head a", "b": "adapter b, head b", "fuse[a,b]@b": "fusion fuse=a,b=, head b"},
    "fuse[a,b]@t": {"a": "adapter a, head a", "b": "adapter b, head b", "fuse[a,b]@t": "fusion fuse=a,b=, head t"},
    "fuse[a,b,c]/t": {
        "a": "adapter a, head a",
        "b": "adapter b, head b",
        "c": "adapter c, head c",
        "fuse[a,b,c]/t": "fusion fuse=a,b,c=, adapter fuse=a,b,c=+t, head t",
    },
    "fuse[a,b]/t/u": {
        "a": "adapter a, head a",
        "b": "adapter b, head b",
        "fuse[a,b]/t": "fusion fuse=a,b=, adapter fuse=a,b=+t, head t",
        "fuse[a,b]/t/u": "adapter fuse=a,b=+t+u, head u",
    },
    "a/fuse[b,c/d]/t": {
        "a": "adapter a, head a",
        "a/b": "adapter a+b, head b",
        "a/c": "adapter a+c, head c",
        "a/c/d": "adapter a+c+d, head d",
        "a/fuse[b,c/d]/t": "fusion a+fuse=b,c+d=, adapter a+fuse=b,c+d=+t, head t",
    },
    "seq[a,b,c]": {
        "a": "adapter a, head a",
        "seq[a,b]": "adapter seq=a,b=, head b",
        "seq[a,b,c]": "adapter seq=a,b,c=, head c",
    },
    "mix[a,b]": {"mix[a,b]": "adapter mix=a,b=, head a, head b"},
    "mix[q.en,q.sw]/t": {
        "mix[q.en,q.sw]": "adapter mix=q~en,q~sw=, head q",
        "mix[q.en,q.sw]/t": "adapter mix=q~en,q~sw=+t, head t",
    },
    "fuse[a,b]/seq[c,d]": {
        "a": "adapter a, head a",
        "b": "adapter b, head b",
        "fuse[a,b]/c": "fusion fuse=a,b=, adapter fuse=a,b=+c, head c",
        "fuse[a,b]/seq[c,d]": "fusion fuse=a,b=, adapter fuse=a,b=+seq=c,d=, head d",
    },
    "fuse[mix[a,b],seq[c,d]]@t": {
        "mix[a,b]": "adapter mix=a,b=, head a, head b",
        "c": "adapter c, head c",
        "seq[c,d]": "adapter seq=c,d=, head d",
        "fuse[mix[a,b],seq[c,d]]@t": "fusion fuse=mix=a,b=,seq=c,d==, head t",
    },
}


def trainable(circuit):
    """Read off the modules themselves what learns: `kind module`, each with all of its parameters."""
    found, whole = {}, {}
    for path, parameter in circuit.named_parameters():
        words = path.split(".")
        at = next((i for i, word in enumerate(words) if word.startswith("part:")), None)
        kind = (
            "backbone"
            if at is None
            else {"adapters": "adapter", "adapter_fusion_layer": "fusion", "heads": "head"}[words[at - 1]]
        )
        what = kind if at is None else f"{kind} {words[at].removeprefix('part:')}"
        whole[what] = whole.get(what, 0) + 1
        found[what] = found.get(what, 0) + parameter.requires_grad
    assert all(count in (0, whole[what]) for what, count in found.items()), found
    return {what for what, count in found.items() if count}


def heads_of(stage):
    names = [part.name for part in stage.learn if part.kind == "head"] or [stage.circuit.parts[-1].name]
    return dict.fromkeys(names, PAIR)


@pytest.mark.parametrize("text", LEARNS)
def test_each_stage_of_a_plan_trains_exactly_what_the_design_says(tiny, text):
    stages = plan(parse(text), holds=lambda entry: False)
    assert [stage.entry for stage in stages] == list(LEARNS[text])
    for stage in stages:
        with Circuit(tiny, stage.circuit, heads=heads_of(stage)) as circuit:
            learn = circuit.learnable(stage.learn)
            unfreeze_exactly(circuit, learn)
            assert trainable(circuit) == set(LEARNS[text][stage.entry].split(", "))
            assert len({id(parameter) for parameter in learn.values()}) == len(learn)


@pytest.mark.parametrize("text", LEARNS)
def test_everything_that_should_learn_gets_a_gradient_and_nothing_else_does(tiny, batch, shake, text):
    stage = plan(parse(text), holds=lambda entry: False)[-1]
    # Not relu: two units of width 2 may both be silent, and then rightly pass no gradient on.
    smooth = AdapterConfig(reduction_factor=8, non_linearity="gelu")
    with Circuit(tiny, stage.circuit, heads=heads_of(stage), adapter=smooth) as circuit:
        for i, part in enumerate(circuit.parts):
            shake(circuit.parameters_of(part).values(), seed=i, std=0.1)
        learn = circuit.learnable(stage.learn)
        unfreeze_exactly(circuit, learn)
        circuit.train_mode(backbone_dropout=0.0)
        for head in circuit.specs:
            item_losses("pair", circuit(batch, head), batch).sum().backward()
        with_gradient = {id(parameter) for parameter in circuit.parameters() if parameter.grad is not None}
        assert with_gradient == {id(parameter) for parameter in learn.values()}
        assert [name for name, p in learn.items() if not p.grad.any() and not name.endswith("key.bias")] == []


@pytest.mark.parametrize("text", LEARNS)
def test_every_part_of_a_circuit_changes_its_answer(wire, batch, shake, text):
    head = parse(text).parts[-1].name
    circuit = wire(text, heads={head: PAIR})
    with torch.inference_mode():
        for part in (*circuit.parts, *[part for part in parse(text).parts if part.kind == "head"]):
            before = circuit(batch)
            shake(circuit.parameters_of(part).values(), std=0.3)
            assert not torch.equal(circuit(batch), before), part


@pytest.mark.parametrize("bad", [{"fusion": "nonsense"}, {"heads": {"t": HeadSpec("bitext")}}])
def test_a_wiring_that_fails_leaves_the_backbone_as_it_was(tiny, bad):
    keys = set(tiny.model.state_dict())
    with pytest.raises(ToolkitError):
        Circuit(tiny, parse("fuse[a,b]/t"), **bad)
    assert set(tiny.model.state_dict()) == keys
    assert not tiny.model.adapters_config.fusions


# -- what flows ----------------------------------------------------------------------------------------------------------


def adapter_by_hand(layer, name, states):
    """Apply one bottleneck of a layer to states of width H."""
    module = layer.output.adapters["part:" + name]
    down = torch.relu(states @ module.adapter_down[0].weight.T + module.adapter_down[0].bias)
    return down @ module.adapter_up.weight.T + module.adapter_up.bias


@pytest.mark.parametrize("names", [["a"], ["a", "a+b"], ["a", "a+b", "a+b+c"]])
def test_a_chain_computes_what_the_reference_writes_down(wire, batch, shake, names):
    circuit = wire("/".join(names[-1].split("+")), heads={})
    for part in circuit.parts:
        shake(circuit.parameters_of(part).values(), std=0.2)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    layer = circuit.encoder.encoder.layer[0]
    with torch.inference_mode():
        below = circuit.encode(ids, mask, layers=0)
        visible = (mask[:, None, None, :] != 0).expand(-1, 1, ids.shape[1], -1)
        x = layer.attention(below, attention_mask=visible)[0]
        f = layer.output.dense(layer.intermediate(x))
        norm = layer.output.LayerNorm
        # h = LN(f + x); out = LN(u + f + x); an adapter above reads LN(u + f + x) and adds to u + f.
        state = f
        for name in names:
            state = state + adapter_by_hand(layer, name, norm(state + x))
        expected = norm(state + x)
        found = circuit.encode(ids, mask, layers=1)
    assert torch.allclose(found[mask.bool()], expected[mask.bool()], atol=1e-5)


@pytest.mark.parametrize("text", ["fuse[a,b]@t", "fuse[a,b,c]/t", "a/fuse[b,c/d]/t", "fuse[a/b,c/b]/t/u"])
def test_the_fast_circuit_answers_as_the_reference_circuit(tiny, batch, shake, text):
    out = {}
    for mode in ("fast", "reference"):
        with Circuit(tiny, parse(text), heads={"t": PAIR}, fusion=mode) as circuit, torch.inference_mode():
            for i, part in enumerate(circuit.parts):
                shake(circuit.parameters_of(part).values(), seed=i, std=0.15)
            out[mode] = circuit(batch)
    assert torch.allclose(out["fast"], out["reference"], atol=1e-6)
    assert not torch.equal(out["fast"], torch.zeros_like(out["fast"]))


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_a_truncated_circuit_gives_that_hidden_state(wire, batch, shake, layers):
    circuit = wire("a/fuse[b,c]/t")
    for part in circuit.parts:
        shake(circuit.parameters_of(part).values())
    ids, mask = batch["input_ids"], batch["attention_mask"]
    with torch.inference_mode():
        states = circuit.encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        assert torch.equal(circuit.encode(ids, mask, layers=layers), states[layers])


def test_the_backbone_alone_is_the_plain_encoder(wire, tiny, batch):
    from toolkit.modeling.tiny import tiny_model

    circuit = wire("backbone", heads={})
    ids, mask = batch["input_ids"], batch["attention_mask"]
    with torch.inference_mode():
        plain = tiny_model()(input_ids=ids, attention_mask=mask).last_hidden_state
        assert torch.equal(circuit.encode(ids, mask), plain)
    assert circuit.parts == ()


def test_padding_changes_no_answer(wire, batch, shake):
    circuit = wire("fuse[a,b]/t")
    for part in circuit.parts:
        shake(circuit.parameters_of(part).values())
    short = {"input_ids": batch["input_ids"][2:, :4], "attention_mask": batch["attention_mask"][2:, :4]}
    with torch.inference_mode():
        assert torch.allclose(circuit(batch)[2:], circuit(short), atol=1e-5)


# -- heads ---------------------------------------------------------------------------------------------------------------


def test_the_first_head_answers_until_another_is_chosen(wire, batch):
    circuit = wire("mix[a,b]", heads={"a": PAIR, "b": HeadSpec("tags", ("x", "y"))})
    with torch.inference_mode():
        assert circuit.spec.kind == "pair"
        assert circuit(batch).shape == (3, 3)
        assert circuit(batch, "b").shape == (3, 9, 2)
        circuit.choose_head("b")
        assert circuit.spec.kind == "tags"
        assert circuit(batch).shape == (3, 9, 2)


def test_a_head_that_is_not_held_is_refused_with_those_that_are(wire):
    circuit = wire("mix[a,b]", heads={"a": PAIR, "b": PAIR})
    with pytest.raises(ToolkitError, match=r"'mix\[a,b\]' holds no head 'c'; it holds a, b"):
        circuit.choose_head("c")
    assert circuit.active_head == "a"


def test_a_circuit_for_retrieval_has_no_head(wire):
    with pytest.raises(ToolkitError, match="has no head, so it gives vectors for retrieval"):
        _ = wire("a", heads={}).spec


# -- seeds ---------------------------------------------------------------------------------------------------------------


def weights(circuit):
    held = {}
    for part in circuit.parts:
        held |= {f"{part.kind} {part.name} {key}": value for key, value in circuit.tensors_of(part).items()}
    for name in circuit.specs:
        module = circuit.heads["part:" + name]
        held |= {f"head {name} {key}": value.detach().numpy().copy() for key, value in module.named_parameters()}
    return held


def built(tiny, text, heads=("t",), **options):
    with Circuit(tiny, parse(text), heads=dict.fromkeys(heads, PAIR), **options) as circuit:
        return weights(circuit)


def same(one, other):
    return {key for key in one.keys() & other.keys() if np.array_equal(one[key], other[key])}


def test_initial_weights_do_not_depend_on_what_else_is_wired(tiny):
    alone = built(tiny, "a/avg[b,d]/t", ("t",))
    among = built(tiny, "a/avg[b,c]/t", ("s", "t"))
    shared = alone.keys() & among.keys()
    assert {key.split()[1] for key in shared} == {"a", "a+b", "t"}
    assert same(alone, among) == shared


def by_role(circuit, text):
    """Weights of what a circuit's own entry holds, by kind."""
    own = {f"{part.kind} {part.name} ": part.kind for part in parse(text).own_parts}
    return {
        f"{kind} {key.removeprefix(prefix)}": value
        for prefix, kind in own.items()
        for key, value in circuit.items()
        if key.startswith(prefix)
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t", "renamed"),
        ("t", "a/t"),
        ("a/t", "b/t"),
        ("t", "avg[a,b]/t"),
        ("fuse[a,b]/t", "fuse[b,a]/t"),
        ("fuse[a,b]/t", "fuse[c,d,e]/other"),
        ("fuse[a,b]@t", "a/fuse[b,c]@other"),
        ("seq[a,b]", "t"),
        ("t@h", "backbone@other"),
    ],
)
def test_what_learns_starts_alike_whatever_it_and_its_members_are_called(tiny, one, other):
    heads = [str(parse(text).head_name) for text in (one, other)]
    first, second = (by_role(built(tiny, text, (head,)), text) for text, head in zip((one, other), heads, strict=True))
    assert first.keys() == second.keys() and any(key.startswith("head") for key in first)
    assert same(first, second) == first.keys()


def test_the_heads_of_a_mixture_start_alike_whatever_their_order(tiny):
    one, other = (built(tiny, text, ("a", "b")) for text in ("mix[a,b]", "mix[b,a]"))
    assert all(np.array_equal(one[f"head a {key}"], other[f"head b {key}"]) for key in ("dense.weight", "out.weight"))


def test_initial_weights_do_not_depend_on_the_state_of_the_generator_and_leave_it_alone(tiny):
    torch.manual_seed(1)
    one = built(tiny, "fuse[a,b]/t")
    torch.manual_seed(2)
    before = torch.get_rng_state()
    other = built(tiny, "fuse[a,b]/t")
    assert torch.equal(torch.get_rng_state(), before)
    assert same(one, other) == one.keys()


def test_another_seed_gives_other_initial_weights(tiny):
    one, other = built(tiny, "fuse[a,b]/t", seed=1), built(tiny, "fuse[a,b]/t", seed=2)
    # Biases start at zero and the value matrix at the identity, whatever the seed.
    assert all(key.endswith(("bias", "value.weight")) for key in same(one, other))
    assert any(key.endswith("query.weight") for key in one)


def test_two_adapters_of_one_circuit_start_differently(tiny):
    held = built(tiny, "fuse[a,b]/t")
    key = "layer.0.adapter_down.0.weight"
    assert not np.array_equal(held[f"adapter a {key}"], held[f"adapter b {key}"])


# -- close ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a", "a/b", "fuse[a,b]@t", "a/fuse[b,c/d]/t", "fuse[a,b]/seq[c,d]"])
def test_closing_gives_the_backbone_back_bit_for_bit(tiny, batch, text):
    ids = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    with torch.inference_mode():
        before = tiny.model(**ids).last_hidden_state
    state = {key: value.clone() for key, value in tiny.model.state_dict().items()}
    head = parse(text).parts[-1].name
    with Circuit(tiny, parse(text), heads={head: PAIR}) as circuit:
        unfreeze_exactly(circuit, circuit.learnable(circuit.parts))
        circuit.train_mode(backbone_dropout=0.3)
        circuit(batch).sum().backward()
        circuit.eval()
    after = tiny.model.state_dict()
    assert after.keys() == state.keys()
    assert all(torch.equal(after[key], state[key]) for key in state)
    assert tiny.model.active_adapters is None
    with torch.inference_mode():
        assert torch.equal(tiny.model(**ids).last_hidden_state, before)


def test_a_circuit_can_be_wired_again_after_it_was_closed(tiny):
    assert same(built(tiny, "fuse[a,b]/t"), built(tiny, "fuse[a,b]/t")) == built(tiny, "fuse[a,b]/t").keys()


def test_a_failure_inside_a_circuits_block_closes_it(tiny):
    with pytest.raises(RuntimeError, match="inside"), Circuit(tiny, parse("fuse[a,b]/t")):
        raise RuntimeError("inside")
    assert not tiny.model.adapters_config.adapters


# -- load and tensors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a", "fuse[a,b]/t", "a/fuse[b,c]@t"])
def test_what_is_taken_out_and_loaded_again_is_equal_to_the_bit(tiny, batch, shake, text):
    head = parse(text).parts[-1].name
    with Circuit(tiny, parse(text), heads={head: PAIR}) as circuit, torch.inference_mode():
        for i, part in enumerate(parse(text).parts):
            shake(circuit.parameters_of(part).values(), seed=i)
        held = {part: circuit.tensors_of(part) for part in parse(text).parts}
        answer = circuit(batch)
    with Circuit(tiny, parse(text), heads={head: PAIR}, seed=9) as circuit, torch.inference_mode():
        assert not torch.equal(circuit(batch), answer)
        for part, tensors in held.items():
            assert circuit.shapes_of(part) == {key: value.shape for key, value in tensors.items()}
            circuit.load(part, tensors)
            again = circuit.tensors_of(part)
            assert again.keys() == tensors.keys()
            assert all(np.array_equal(again[key], tensors[key]) for key in tensors)
        assert torch.equal(circuit(batch), answer)


def test_tensors_are_copies_and_not_windows(wire, shake):
    circuit = wire("a")
    held = circuit.tensors_of(circuit.parts[0])
    before = {key: value.copy() for key, value in held.items()}
    shake(circuit.parameters_of(circuit.parts[0]).values())
    assert all(np.array_equal(held[key], before[key]) for key in held)
    assert all(value.dtype == np.float32 for value in held.values())


@pytest.fixture(scope="module")
def wired():
    """One circuit for tests that leave it as it is, in a backbone of its own."""
    backbone = load_backbone("tiny", precision="fp32", device=torch.device("cpu"))
    with Circuit(backbone, parse("fuse[a,b]/t"), heads={"t": PAIR}) as circuit:
        yield circuit


def broken(tensors, how):
    key = sorted(tensors)[-1]
    changed = {name: value + 1 for name, value in tensors.items()}
    if how == "missing":
        del changed[key]
    elif how == "extra":
        changed["layer.7.adapter_up.weight"] = changed[key]
    elif how == "shape":
        changed[key] = np.zeros((3, 5), "f4")
    elif how == "flat":
        key = next(name for name in changed if changed[name].ndim == 2)
        changed[key] = changed[key].ravel()
    else:
        changed[key] = changed[key].copy()
        changed[key].ravel()[-1] = {"nan": np.nan, "infinite": np.inf}[how]
    return changed


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("missing", "1 tensors missing and 0 too many"),
        ("extra", "0 tensors missing and 1 too many"),
        ("shape", r"has shape \(3, 5\), expected"),
        ("flat", r"has shape \(\d+,\), expected \(\d+, \d+\)"),
        ("nan", "holds NaN or infinite numbers"),
        ("infinite", "holds NaN or infinite numbers"),
    ],
)
@pytest.mark.parametrize("kind", ["adapter", "fusion", "head"])
def test_weights_that_do_not_fit_are_refused_and_nothing_is_changed(wired, kind, how, sentence):
    part = next(part for part in parse("fuse[a,b]/t").parts if part.kind == kind)
    before = wired.tensors_of(part)
    tensors = broken(before, how)
    with pytest.raises(ZooError, match=sentence):
        wired.load(part, tensors)
    after = wired.tensors_of(part)
    assert all(np.array_equal(after[key], before[key]) for key in before)


def test_an_adapter_of_another_width_is_refused(tiny):
    with Circuit(tiny, parse("a"), adapter=AdapterConfig(reduction_factor=8)) as circuit:
        wide = circuit.tensors_of(circuit.parts[0])
    with (
        Circuit(tiny, parse("a")) as circuit,
        pytest.raises(ZooError, match="another adapter configuration or backbone"),
    ):
        circuit.load(circuit.parts[0], wide)


# -- names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "keys/train",
        "fuse[keys,values]/items",
        "fuse[pop,clear]@update",
        "mix[forward,parameters]",
        "seq[type,to]",
        "tydiqa.sw/tydiqa.zh-hant",
        "fuse[q.en,q.sw]/t",
        "part/heads/encoder",
        "fuse[a-b,a_b]/weight",
    ],
)
def test_any_legal_name_may_name_a_task(tiny, batch, text):
    stage = plan(parse(text), holds=lambda entry: False)[-1]
    with Circuit(tiny, parse(text), heads=heads_of(stage)) as circuit, torch.inference_mode():
        assert circuit(batch).shape == (3, 3)
        for part in stage.learn:
            circuit.load(part, circuit.tensors_of(part))


def test_a_thousand_names_apart_by_a_dot_or_a_tilde_do_not_collide(wire):
    circuit = wire("fuse[q.en,q.sw,q-en,q_en]/t")
    names = [part.name for part in circuit.parts]
    assert len(set(names)) == len(names) == 6


def test_two_members_that_end_with_the_same_task_are_two_adapters(wire):
    circuit = wire("fuse[a/b,c/b]@t")
    assert [part.name for part in circuit.parts] == ["a", "a+b", "c", "c+b", "fuse=a+b,c+b="]


# -- dropout -----------------------------------------------------------------------------------------------------------


def test_without_backbone_dropout_training_mode_computes_the_same_encoder_states(wire, batch):
    circuit = wire("a/t", heads={"t": replace(PAIR, dropout=0.5)})
    ids, mask = batch["input_ids"], batch["attention_mask"]
    expected = circuit.encode(ids, mask)
    circuit.train_mode(backbone_dropout=0.0)
    assert torch.equal(circuit.encode(ids, mask), expected)
    assert not torch.equal(circuit(batch), circuit(batch))  # the head's own dropout


def test_backbone_dropout_acts_where_it_is_asked_for_and_ends_with_evaluation(wire, batch):
    circuit = wire("a/t", heads={"t": replace(PAIR, dropout=0.0)})
    ids, mask = batch["input_ids"], batch["attention_mask"]
    expected = circuit.encode(ids, mask)
    circuit.train_mode(backbone_dropout=0.2)
    assert not torch.equal(circuit.encode(ids, mask), circuit.encode(ids, mask))
    circuit.eval()
    assert torch.equal(circuit.encode(ids, mask), expected)
    circuit.train_mode(backbone_dropout=0.0)
    assert torch.equal(circuit.encode(ids, mask), expected)


def test_dropout_inside_the_adapter_acts_in_training_only(wire, batch, shake):
    circuit = wire("a", adapter=AdapterConfig(dropout=0.5))
    shake(circuit.parameters_of(circuit.parts[0]).values())
    ids, mask = batch["input_ids"], batch["attention_mask"]
    circuit.train_mode(backbone_dropout=0.0)
    assert not torch.equal(circuit.encode(ids, mask), circuit.encode(ids, mask))
    circuit.eval()
    assert torch.equal(circuit.encode(ids, mask), circuit.encode(ids, mask))


# -- full fine-tuning ------------------------------------------------------------------------------------------------------


@pytest.fixture
def whole():
    return load_backbone("tiny", precision="fp32", is_trainable=True, device=torch.device("cpu"))


def test_full_fine_tuning_learns_the_whole_encoder_and_its_head(whole, batch):
    stage = plan(parse("a"), holds=lambda entry: False)[0]
    with Circuit(whole, parse("a"), heads={"a": PAIR}, adapter=AdapterConfig(kind="full")) as circuit:
        learn = circuit.learnable(stage.learn)
        unfreeze_exactly(circuit, learn)
        assert trainable(circuit) == {"backbone", "head a"}
        item_losses("pair", circuit(batch), batch).sum().backward()
        torch.optim.SGD(learn.values(), lr=0.1).step()
        held = circuit.tensors_of(circuit.parts[0])
    assert whole.held_digest() != whole.digest
    fresh = load_backbone("tiny", precision="fp32", is_trainable=True, device=torch.device("cpu"))
    with Circuit(fresh, parse("a"), heads={"a": PAIR}, adapter=AdapterConfig(kind="full")) as circuit:
        circuit.load(circuit.parts[0], held)
    assert fresh.held_digest() == whole.held_digest()


@pytest.mark.parametrize("text", ["fuse[a,b]/t", "avg[a,b]", "par[a,b]"])
def test_full_fine_tuning_has_no_adapters_to_combine(whole, text):
    with pytest.raises(ToolkitError, match="`adapter: full` trains the whole encoder and has none; use seq_bn"):
        Circuit(whole, parse(text), adapter=AdapterConfig(kind="full"))


def test_a_task_of_one_language_has_a_module_name_without_a_dot(wire):
    circuit = wire("tydiqa.sw", heads={"tydiqa": PAIR})
    assert circuit.parts[0].entry == str(Name("tydiqa", "sw"))
    assert all("." not in name for name in circuit.encoder.encoder.layer[0].output.adapters)
