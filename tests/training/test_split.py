"""A step's batch in shares, which one process takes one after another, or several processes at once."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from toolkit.composition import parse
from toolkit.composition.stages import plan
from toolkit.features import features_of
from toolkit.features.query import query_features
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.tasks.rows import Answer, ChoiceRow, PairRow, QueryRow, SpanRow, TagsRow
from toolkit.training import TaskData, Watch, fit
from toolkit.training.distil import Lessons, without_labels
from toolkit.training.loop import Loop
from toolkit.training.split import Share, shares_of

HEADS = {
    "pair": HeadSpec("pair", ("no", "yes")),
    "choice": HeadSpec("choice"),
    "span": HeadSpec("span"),
    "tags": HeadSpec("tags", ("A", "B", "C")),
    "retrieval": HeadSpec("retrieval"),
}


@pytest.fixture(scope="module")
def features(tiny):
    """Rows of uneven lengths and, of choices, uneven widths, of every kind that is trained; by kind."""
    dice = random.Random(0)

    def words(most):
        return ["".join(dice.choices("abc", k=dice.randint(1, 4))) for _ in range(dice.randint(2, most))]

    def text(most=12):
        return " ".join(words(most))

    rows = {
        "pair": [PairRow(str(i), text(), text(5), i % 2) for i in range(21)],
        "choice": [ChoiceRow(str(i), text(), "", tuple(text(4) for _ in range(2 + i % 3)), i % 2) for i in range(21)],
        "span": [SpanRow(str(i), text(4), (own := text()), (Answer(own.split()[0], 0),)) for i in range(21)],
        "tags": [TagsRow(str(i), tuple(own := words(12)), tuple(len(word) % 3 for word in own)) for i in range(21)],
    }
    found = {kind: features_of(of_kind, kind, tiny.tokenizer) for kind, of_kind in rows.items()}
    queries = [QueryRow(str(i), text(4), str(i // 2), text()) for i in range(21)]
    return found | {"retrieval": query_features(queries, tiny.tokenizer, max_length=32, query_length=16)}


def circuit_of(tiny, text, kind, dropout=0.2):
    stage = plan(parse(text), holds=lambda entry: False)[-1]
    spec = HEADS[kind]
    head = next(part.name for part in stage.learn if part.kind == "head")
    circuit = Circuit(tiny, stage.circuit, heads={head: HeadSpec(spec.kind, spec.labels, dropout=dropout)}, seed=1)
    return circuit, stage, head


def gradients(tiny, settings, features, *, text="a", kind="pair", loss=None, ranks=None, steps=3, **changes):
    """Return the gradients of the batches of the first steps, each with its loss; dropout is on everywhere."""
    circuit, stage, head = circuit_of(tiny, text, kind)
    train = settings(**{"total_steps": steps, "backbone_dropout": 0.1} | changes)
    found = []
    with circuit:
        loop = Loop(circuit, stage.learn, [TaskData(head, features, loss=loss and loss(circuit))], train, ranks=ranks)
        loop.resume(None)
        circuit.train_mode(backbone_dropout=train.backbone_dropout)
        for task, items in loop.planned.batches:
            value = loop.gradients(task, items)
            named = loop.state.parameters.items()
            found.append((value, {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in named}))
            loop.state.optimizer.zero_grad(set_to_none=True)
    return found


def assert_same(found, expected):
    assert len(found) == len(expected) > 0
    for (value, one), (whole, other) in zip(found, expected, strict=True):
        assert value == pytest.approx(whole, rel=1e-5)
        for name, gradient in other.items():
            torch.testing.assert_close(one[name], gradient, rtol=1e-4, atol=1e-6)


def added(found):
    """Return the sums of what two processes found."""
    return [
        (one + other, {name: gradient + theirs[name] for name, gradient in ours.items()})
        for (one, ours), (other, theirs) in zip(*found, strict=True)
    ]


def ranks_of(rank, exchange=None):
    return SimpleNamespace(rank=rank, count=2, is_main=rank == 0, exchange=exchange, broadcast=lambda value: value)


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize(("rows", "times"), [(2, 4), (1, 8), (4, 2)])
def test_shares_add_up_to_the_gradient_of_the_whole_batch_with_its_dropout(tiny, settings, features, kind, rows, times):
    whole = gradients(tiny, settings, features[kind], kind=kind, batch_size=8)
    assert_same(gradients(tiny, settings, features[kind], kind=kind, batch_size=rows, accumulate=times), whole)


@pytest.mark.parametrize("text", ["fuse[a,b]/t", "fuse[a,b]@t", "a/b/t"])
def test_shares_of_a_fusion_add_up_and_its_penalty_counts_once(tiny, settings, features, text):
    whole = gradients(tiny, settings, features["pair"], text=text, batch_size=6)
    assert_same(gradients(tiny, settings, features["pair"], text=text, batch_size=2, accumulate=3), whole)


@pytest.mark.parametrize("kind", ["pair", "tags"])
def test_two_processes_add_up_to_one_with_the_batches_of_both(tiny, settings, features, kind):
    text = "fuse[a,b]/t"
    whole = gradients(tiny, settings, features[kind], text=text, kind=kind, batch_size=8)
    found = [
        gradients(
            tiny, settings, features[kind], text=text, kind=kind, batch_size=2, accumulate=2, ranks=ranks_of(rank)
        )
        for rank in (0, 1)
    ]
    assert_same(added(found), whole)


def test_a_process_without_a_row_of_its_own_adds_nothing_and_draws_what_the_other_draws(tiny, settings, features):
    options = {"steps": 3, "batch_size": 1, "kind": "tags"}
    # Batches of two rows of mean length; those of one long row leave nothing for the second process.
    found = [gradients(tiny, settings, features["tags"], ranks=ranks_of(rank), **options) for rank in (0, 1)]
    whole = gradients(tiny, settings, features["tags"], **options | {"batch_size": 2})
    assert any(value == 0.0 for value, _ in found[1])
    assert any(value != 0.0 for value, _ in found[1])
    assert_same(added(found), whole)


class Heard(Exception):
    pass


def test_queries_of_one_process_meet_the_passages_of_the_other(tiny, settings, features):
    def hear(own):
        raise Heard(own)

    options = {"kind": "retrieval", "steps": 1, "batch_size": 2, "accumulate": 2}
    heard = []
    for rank in (0, 1):
        with pytest.raises(Heard) as caught:
            gradients(tiny, settings, features["retrieval"], ranks=ranks_of(rank, hear), **options)
        heard.append(caught.value.args[0])
    found = [
        gradients(tiny, settings, features["retrieval"], ranks=ranks_of(rank, lambda own: heard), **options)
        for rank in (0, 1)
    ]
    whole = gradients(tiny, settings, features["retrieval"], **options | {"batch_size": 8, "accumulate": 1})
    assert_same(added(found), whole)


@pytest.mark.parametrize("kind", ["pair", "tags"])
def test_shares_of_what_is_distilled_add_up(tiny, settings, features, kind):
    rows = without_labels(features[kind])
    teacher, _, _ = circuit_of(tiny, "b", kind)
    with teacher:
        lessons = Lessons(teacher, rows)
    options = {"kind": kind, "loss": lambda circuit: lambda batch, whole: lessons.loss(circuit, batch, whole)}
    whole = gradients(tiny, settings, rows, batch_size=8, **options)
    assert_same(gradients(tiny, settings, rows, batch_size=2, accumulate=4, **options), whole)


def test_training_in_shares_ends_with_the_weights_of_the_larger_batch(tiny, settings, features):
    ends = []
    for changes in ({"batch_size": 8}, {"batch_size": 2, "accumulate": 4}, {"batch_size": 1, "accumulate": 8}):
        circuit, stage, head = circuit_of(tiny, "a", "pair")
        with circuit:
            # The last batch holds fewer rows than the others.
            result = fit(circuit, stage.learn, [TaskData(head, features["pair"])], train=settings(**changes))
            ends.append((result.steps, result.examples, [circuit.tensors_of(part) for part in stage.learn]))
    for steps, examples, weights in ends[1:]:
        assert (steps, examples) == ends[0][:2]
        for one, other in zip(weights, ends[0][2], strict=True):
            for name, tensor in other.items():
                np.testing.assert_allclose(one[name], tensor, atol=1e-4)


def test_a_run_in_shares_is_continued_by_one_that_is_cut_otherwise(tiny, settings, features, tmp_path):
    class Killed(Exception):
        pass

    def run(folder, *, stops=False, **changes):
        circuit, stage, head = circuit_of(tiny, "a", "pair")

        def kill(step, score):
            if stops:
                raise Killed

        with circuit:
            scores = iter(range(9))
            result = fit(
                circuit, stage.learn, [TaskData(head, features["pair"])], dev=lambda: float(next(scores)),
                train=settings(eval_every=3, checkpoint_every=1, **changes), checkpoint=folder, watch=Watch(on_score=kill),
            )  # fmt: skip
            return result, [circuit.tensors_of(part) for part in stage.learn]

    whole, weights = run(tmp_path / "whole", batch_size=8)
    with pytest.raises(Killed):
        run(tmp_path / "cut", stops=True, batch_size=4, accumulate=2)
    again, resumed = run(tmp_path / "cut", batch_size=2, accumulate=4)
    assert again.resumed_at == 2
    assert again.steps == whole.steps
    for one, other in zip(resumed, weights, strict=True):
        for name, tensor in other.items():
            np.testing.assert_allclose(one[name], tensor, atol=1e-4)


def test_no_row_is_left_out_and_none_is_taken_twice():
    for n_items in range(1, 30):
        for n_shares in (1, 2, 3, 7):
            for processes in (1, 2, 5):
                every = [
                    share
                    for rank in range(processes)
                    for share in shares_of(n_items, n_shares, rank=rank, processes=processes)
                    if share.weight
                ]
                assert [item for share in every for item in range(share.low, share.high)] == list(range(n_items))
                sizes = [share.high - share.low for share in every]
                assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("is_masked", [True, False])
def test_attention_with_dropout_is_that_of_the_whole_batch(is_masked):
    query, key, value = (torch.randn(4, 2, 5, 3, generator=torch.Generator().manual_seed(i)) for i in range(3))
    mask = torch.rand(4, 1, 5, 5, generator=torch.Generator().manual_seed(7)) > 0.3 if is_masked else None
    torch.manual_seed(0)
    with Share(0, 4, 4).draws(), torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        whole = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=0.5)
    for low, high in ((0, 1), (1, 4)):
        torch.manual_seed(0)
        with Share(low, high, 4).draws():
            found = F.scaled_dot_product_attention(
                query[low:high], key[low:high], value[low:high],
                attn_mask=None if mask is None else mask[low:high], dropout_p=0.5,
            )  # fmt: skip
        torch.testing.assert_close(found, whole[low:high])
