"""The Fisher information of an adapter against one backward pass for each example."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from toolkit.composition import parse
from toolkit.config import AdapterConfig
from toolkit.errors import DataError, ToolkitError
from toolkit.features import features_of
from toolkit.features.collate import IGNORED, Features
from toolkit.features.ragged import Ragged
from toolkit.modeling import fisher
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.fisher import adapter_fisher
from toolkit.modeling.heads import HeadSpec
from toolkit.similarity import fisher_similarity
from toolkit.tasks import get_task
from toolkit.tasks.rows import Answer, SpanRow

TASKS = {"pair": "micro-nli", "choice": "micro-choice", "span": "micro-qa", "tags": "micro-pos"}
# Two windows and one: every window of a real context would be an example to differentiate by itself.
SHORT_SPANS = [
    SpanRow("1", "who?", "once upon a time ann ran to the river", (Answer("ann", 17),)),
    SpanRow("2", "what?", "a cat", (Answer("cat", 2),)),
]


def labelled(tiny, kind, n=6):
    if kind == "span":
        features = features_of(SHORT_SPANS, kind, tiny.tokenizer, max_length=36, stride=4)
        assert len(features) == 3
        return HeadSpec(kind), features
    task = get_task(TASKS[kind])
    rows = list(task.rows("train", limit=n))
    labels = task.labels if kind in ("pair", "tags") else ()
    return HeadSpec(kind, tuple(labels)), features_of(rows, kind, tiny.tokenizer, max_length=64)


def log_likelihood(kind, logits, batch):
    """Of one example's gold label, written out."""
    if kind == "pair":
        return logits[0].log_softmax(-1)[batch["labels"][0]]
    if kind == "choice":
        return logits[:, 0].log_softmax(-1)[batch["labels"][0]]
    if kind == "span":
        start, end = batch["labels"][0]
        return logits[0, :, 0].log_softmax(-1)[start] + logits[0, :, 1].log_softmax(-1)[end]
    tags = batch["tags"][0]
    at = torch.nonzero(tags != IGNORED)[:, 0]
    return logits[0].log_softmax(-1)[at, tags[at]].sum()


def one_at_a_time(circuit, features, part):
    parameters = circuit.parameters_of(part)
    for parameter in parameters.values():
        parameter.requires_grad_()
    sums = {key: np.zeros(parameter.shape) for key, parameter in parameters.items()}
    for i in range(len(features)):
        batch = {key: torch.from_numpy(one) for key, one in features.collate(np.array([i])).items()}
        value = log_likelihood(features.kind, circuit(batch), batch)
        for key, gradient in zip(sums, torch.autograd.grad(value, list(parameters.values())), strict=True):
            sums[key] += gradient.double().numpy() ** 2
    for parameter in parameters.values():
        parameter.requires_grad_(False)
    layers = dict.fromkeys(key.rpartition(".")[0] for key in sums)
    return {name: np.column_stack([sums[f"{name}.weight"], sums[f"{name}.bias"]]) / len(features) for name in layers}


def hooks_of(circuit):
    return [list(module._forward_hooks) for module in circuit.modules()]


@pytest.fixture
def built(wire, shake):
    def build(text, spec, **options):
        circuit = wire(text, heads={parse(text).parts[-1].name: spec}, **options)
        for i, part in enumerate(circuit.parts):
            shake(circuit.parameters_of(part).values(), seed=i)
        return circuit

    return build


def assert_same(found, expected):
    assert found.keys() == expected.keys() and found
    for name in expected:
        assert found[name].shape == expected[name].shape
        assert found[name] == pytest.approx(expected[name], rel=5e-3, abs=1e-3 * expected[name].max()), name


@pytest.mark.parametrize("kind", TASKS)
def test_it_is_the_mean_of_squared_gradients_of_single_examples(tiny, built, kind):
    spec, features = labelled(tiny, kind)
    circuit = built("t", spec)
    expected = one_at_a_time(circuit, features, circuit.parts[0])
    assert_same(adapter_fisher(circuit, features), expected)
    assert_same(adapter_fisher(circuit, features, budget=1), expected)  # batches of one


def test_products_taken_one_example_at_a_time_add_up_to_the_same(tiny, built, monkeypatch):
    spec, features = labelled(tiny, "pair")
    circuit = built("t", spec)
    expected = adapter_fisher(circuit, features)
    monkeypatch.setattr(fisher, "_CHUNK", 1)
    assert_same(adapter_fisher(circuit, features), expected)


def test_choices_that_a_question_lacks_add_nothing(tiny, built):
    spec, features = labelled(tiny, "choice", n=4)
    keep = np.delete(
        np.arange(int(features.sequences[-1])), features.sequences[1] - 1
    )  # the first question loses its last
    sequences = np.concatenate([features.sequences[:1], features.sequences[1:] - 1])
    ids = features.input_ids
    uneven = Features(
        "choice",
        Ragged.of([ids[int(i)] for i in keep]),
        features.source_row,
        4,
        labels=np.zeros(4, np.int64),
        sequences=sequences,
    )
    circuit = built("t", spec)
    assert_same(adapter_fisher(circuit, uneven), one_at_a_time(circuit, uneven, circuit.parts[0]))


@pytest.mark.parametrize("text", ["a/b", "fuse[a,b]/t", "avg[a,b]/t"])
def test_by_default_it_is_the_adapter_on_top(tiny, built, text):
    spec, features = labelled(tiny, "pair")
    circuit = built(text, spec)
    top = [part for part in circuit.parts if part.kind == "adapter"][-1]
    assert_same(adapter_fisher(circuit, features), one_at_a_time(circuit, features, top))


def test_an_adapter_below_another_has_its_own(tiny, built):
    spec, features = labelled(tiny, "pair")
    circuit = built("a/b", spec)
    below, above = circuit.parts
    assert_same(adapter_fisher(circuit, features, part=below), one_at_a_time(circuit, features, below))
    assert adapter_fisher(circuit, features, part=below)["layer.0.adapter_up"].sum() != pytest.approx(
        adapter_fisher(circuit, features, part=above)["layer.0.adapter_up"].sum()
    )


def test_layers_without_an_adapter_are_not_in_it(tiny, built):
    spec, features = labelled(tiny, "pair", n=4)
    circuit = built("t", spec, adapter=AdapterConfig(leave_out_lower=0.5, non_linearity="gelu"))
    found = adapter_fisher(circuit, features)
    assert {name.split(".")[1] for name in found} == {"1"}
    assert_same(found, one_at_a_time(circuit, features, circuit.parts[0]))


def test_nothing_learns_and_the_circuit_is_left_as_it_was(tiny, built):
    spec, features = labelled(tiny, "pair")
    circuit = built("a/b", spec)
    head = next(iter(circuit.heads.values()))
    learns = {name for name, parameter in circuit.named_parameters() if parameter.requires_grad}
    assert learns  # the head's
    hooks = hooks_of(circuit)
    circuit.train_mode(backbone_dropout=0.1)
    modes = [module.training for module in circuit.modules()]
    before = {name: value.clone() for name, value in circuit.state_dict().items()}
    with torch.no_grad():
        adapter_fisher(circuit, features)
    assert {name for name, parameter in circuit.named_parameters() if parameter.requires_grad} == learns
    assert all(parameter.grad is None for parameter in circuit.parameters()) and head.dense.weight.grad is None
    assert all(torch.equal(value, before[name]) for name, value in circuit.state_dict().items())
    assert [module.training for module in circuit.modules()] == modes
    assert hooks_of(circuit) == hooks


def test_a_failure_leaves_the_circuit_as_it_was_as_well(tiny, built, monkeypatch):
    spec, features = labelled(tiny, "pair")
    circuit = built("t", spec)
    hooks = hooks_of(circuit)

    def fail(*_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(fisher, "item_losses", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        adapter_fisher(circuit, features)
    assert hooks_of(circuit) == hooks
    assert any(parameter.requires_grad for parameter in circuit.heads.parameters())


def test_a_folded_circuit_gives_the_same_and_stays_folded(tiny, built):
    spec, features = labelled(tiny, "pair")
    circuit = built("t", spec)
    expected = adapter_fisher(circuit, features)
    circuit.fold()
    with torch.inference_mode():
        found = adapter_fisher(circuit, features)
    assert circuit.is_folded
    assert_same(found, expected)


def test_dropout_does_not_enter(tiny, built):
    spec, features = labelled(tiny, "pair")
    circuit = built("t", spec, adapter=AdapterConfig(dropout=0.5))
    expected = adapter_fisher(circuit, features)
    circuit.train_mode(backbone_dropout=0.1)
    assert_same(adapter_fisher(circuit, features), expected)


def test_progress_counts_examples(tiny, built):
    spec, features = labelled(tiny, "pair")
    seen = []
    adapter_fisher(built("t", spec), features, budget=100, report=seen.append)
    assert [each.done for each in seen] == sorted({each.done for each in seen}) and len(seen) > 2
    assert seen[-1].done == seen[-1].total == 6


def test_two_halves_of_one_task_are_more_alike_than_two_tasks(tiny, built):
    halves = []
    spec, features = labelled(tiny, "pair", n=40)
    circuit = built("t", spec)
    for chosen in (range(0, 40, 2), range(1, 40, 2)):
        rows = list(get_task("micro-nli").rows("train", limit=40))
        halves.append(adapter_fisher(circuit, features_of([rows[i] for i in chosen], "pair", tiny.tokenizer)))
    circuit.close()
    spec, features = labelled(tiny, "tags", n=20)
    other = adapter_fisher(built("t", spec), features)
    assert fisher_similarity(*halves) > 0.9 > fisher_similarity(halves[0], other)


def test_bad_input_is_one_sentence(tiny, built):
    spec, features = labelled(tiny, "pair", n=4)
    circuit = built("t", spec)
    other = labelled(tiny, "tags", n=4)[1]
    with pytest.raises(ToolkitError, match="head of kind 'pair' on rows of kind 'tags'"):
        adapter_fisher(circuit, other)
    unlabelled = Features("pair", features.input_ids, features.source_row, 4)
    with pytest.raises(DataError, match="4 rows without gold labels"):
        adapter_fisher(circuit, unlabelled)
    circuit.close()
    for text, sentence in [("par[a,b]@t", "a, b side by side"), ("backbone@t", "it runs no adapter")]:
        circuit = built(text, spec)
        with pytest.raises(ToolkitError, match=sentence):
            adapter_fisher(circuit, features)
        circuit.close()


def test_an_adapter_that_answers_through_a_fusion_alone_is_refused_rather_than_zero(tiny, built):
    spec, features = labelled(tiny, "pair", n=4)
    with pytest.raises(ToolkitError, match="asked 0 times for an answer where once is expected"):
        adapter_fisher(built("fuse[a,b]@t", spec), features)


def test_in_fp16_the_information_is_that_of_fp32_within_its_rounding(tiny):
    head, features = labelled(tiny, "pair")
    half = load_backbone("tiny", precision="fp16", device=torch.device("cpu"))
    found = []
    for backbone in (half, tiny):
        with Circuit(backbone, parse("a"), heads={"a": head}, seed=1) as circuit:
            found.append(adapter_fisher(circuit, features))
    for name, expected in found[1].items():
        np.testing.assert_allclose(found[0][name], expected, rtol=0.1, atol=1e-2 * expected.max())


def test_gradients_that_fp16_does_not_hold_are_one_sentence(tiny, monkeypatch):
    head, features = labelled(tiny, "pair")
    half = load_backbone("tiny", precision="fp16", device=torch.device("cpu"))
    monkeypatch.setattr(fisher, "_ENLARGED", 2.0**40)
    with Circuit(half, parse("a"), heads={"a": head}) as circuit, pytest.raises(ToolkitError, match="larger than fp16"):
        adapter_fisher(circuit, features)
