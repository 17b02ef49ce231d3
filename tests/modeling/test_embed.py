from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from toolkit.composition import parse
from toolkit.config import AdapterConfig
from toolkit.features import sentence_features
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import default_layer, embed, embed_all, tokenizer_digest, vector_key

TEXTS = ["the cat sat", "中国是一个国家", "the cat sat", "a", "नमस्ते दुनिया", "", "the cat sat on the mat and slept", "a"]


@pytest.fixture
def circuit(wire, shake):
    circuit = wire("a/b", heads={})
    for part in circuit.parts:
        shake(circuit.parameters_of(part).values())
    return circuit


@pytest.fixture
def features(tiny):
    return sentence_features(TEXTS, tiny.tokenizer, max_length=64)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_vector_is_the_mean_of_that_hidden_state_over_all_tokens(circuit, features, layer):
    vectors = embed(circuit, features, layer=layer)
    for i in range(len(TEXTS)):
        ids = torch.from_numpy(features.input_ids[i].astype(np.int64))[None]
        with torch.inference_mode():
            states = circuit.encoder(
                input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True
            ).hidden_states
        mean = states[layer][0].mean(0)
        assert np.allclose(vectors[i], (mean / mean.norm()).numpy(), atol=1e-5)


def test_vectors_are_float32_unit_rows_in_the_order_of_the_sentences(circuit, features):
    vectors = embed(circuit, features, layer=1)
    assert vectors.shape == (len(TEXTS), 32)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_equal_sentences_are_encoded_once_and_have_equal_bits(circuit, features):
    seen = []
    hook = circuit.encoder.embeddings.register_forward_hook(lambda _, __, out: seen.append(out.shape[0]))
    vectors = embed(circuit, features, layer=1)
    hook.remove()
    assert sum(seen) == len(set(TEXTS))
    assert np.array_equal(vectors[0], vectors[2])
    assert np.array_equal(vectors[3], vectors[7])


def test_the_order_of_the_sentences_changes_nothing(circuit, features, tiny):
    order = np.random.default_rng(0).permutation(len(TEXTS))
    shuffled = sentence_features([TEXTS[i] for i in order], tiny.tokenizer, max_length=64)
    assert np.allclose(embed(circuit, shuffled, layer=2), embed(circuit, features, layer=2)[order], atol=1e-6)


def test_the_size_of_a_batch_changes_nothing_but_rounding(circuit, tiny):
    texts = [f"sentence {i} " * (1 + i % 7) for i in range(60)]
    features = sentence_features(texts, tiny.tokenizer, max_length=128)
    assert np.allclose(
        embed(circuit, features, layer=2, batch_size=1), embed(circuit, features, layer=2, batch_size=64), atol=1e-5
    )


def test_cls_pooling_is_the_state_of_the_first_token(circuit, features):
    vectors = embed(circuit, features, layer=2, pooling="cls")
    ids = torch.from_numpy(features.input_ids[0].astype(np.int64))[None]
    with torch.inference_mode():
        first = circuit.encode(ids, torch.ones_like(ids))[0, 0]
    assert np.allclose(vectors[0], (first / first.norm()).numpy(), atol=1e-5)


def test_the_layers_above_are_not_computed(circuit, features):
    calls = []
    hook = circuit.encoder.encoder.layer[1].register_forward_hook(lambda *_: calls.append(1))
    embed(circuit, features, layer=1)
    hook.remove()
    assert calls == []


def test_an_adapter_above_the_layer_has_no_effect_and_one_below_has(wire, shake, features):
    circuit = wire("a", heads={})
    parameters = circuit.parameters_of(circuit.parts[0])
    before = embed(circuit, features, layer=1)
    shake([parameter for name, parameter in parameters.items() if name.startswith("layer.1.")])
    assert np.array_equal(embed(circuit, features, layer=1), before)
    shake([parameter for name, parameter in parameters.items() if name.startswith("layer.0.")])
    assert not np.allclose(embed(circuit, features, layer=1), before, atol=1e-3)


def test_training_mode_does_not_leak_into_the_vectors(circuit, features):
    expected = embed(circuit, features, layer=2)
    circuit.train_mode(backbone_dropout=0.5)
    assert np.array_equal(embed(circuit, features, layer=2), expected)


def test_no_sentences_give_no_vectors(circuit, tiny):
    assert embed(circuit, sentence_features([], tiny.tokenizer, max_length=16), layer=1).shape == (0, 32)


def test_progress_counts_distinct_sentences_up_to_the_last(circuit, features):
    reports = []
    embed(circuit, features, layer=1, what="x", report=reports.append)
    assert (reports[-1].done, reports[-1].total) == (len(set(TEXTS)), len(set(TEXTS)))


@pytest.mark.parametrize(("depth", "layer"), [(24, 14), (12, 7), (2, 1), (1, 1)])
def test_the_default_layer_is_at_the_papers_fraction_of_the_depth(depth, layer):
    assert default_layer(depth) == layer


@pytest.mark.slow
def test_translations_are_nearer_in_the_real_encoder(embedded):
    from toolkit.composition import parse
    from toolkit.modeling.circuit import Circuit

    pairs = [
        ("I am hungry.", "Ich habe Hunger."),
        ("The sky is blue.", "السماء زرقاء."),
        ("Close the door.", "ปิดประตู"),
        ("Seven apples.", "七个苹果。"),
    ]
    with Circuit(embedded, parse("backbone")) as circuit:
        sides = [
            embed(circuit, sentence_features(list(side), embedded.tokenizer, max_length=64), layer=12)
            for side in zip(*pairs, strict=True)
        ]
    assert (sides[0] @ sides[1].T).argmax(1).tolist() == [0, 1, 2, 3]


def test_all_layers_and_poolings_of_one_pass_are_those_of_single_ones(circuit, features):
    wanted = [(layer, pooling) for layer in (0, 1, 2) for pooling in ("mean", "cls", "mean-no-special")]
    seen = []
    hook = circuit.encoder.embeddings.register_forward_hook(lambda _, __, out: seen.append(out.shape[0]))
    found = embed_all(circuit, features, wanted)
    hook.remove()
    assert sum(seen) == len(set(TEXTS))
    for layer, pooling in wanted:
        assert np.allclose(found[layer, pooling], embed(circuit, features, layer=layer, pooling=pooling), atol=1e-6)


def key_of(circuit):
    return vector_key(circuit, layer=1, pooling="mean", max_length=16)


def test_the_key_of_vectors_tells_weights_and_folding_apart_and_not_the_tokenizers_last_call(wire, shake, tiny):
    circuit = wire("a", heads={})
    first = key_of(circuit)
    tiny.tokenizer(["a long text"], truncation=True, max_length=4, padding=True)
    assert tokenizer_digest(copy.copy(tiny.tokenizer)) == first.tokenizer
    assert [name for name, _ in first.adapters] == ["adapter a"]
    circuit.fold()
    assert key_of(circuit).digest != first.digest
    circuit.unfold()
    assert key_of(circuit).digest == first.digest
    shake(circuit.parameters_of(circuit.parts[0]).values())
    assert key_of(circuit).digest != first.digest


def test_the_key_of_vectors_tells_equal_weights_under_another_activation_apart(tiny):
    keys = {}
    for activation in ("relu", "gelu"):
        with Circuit(tiny, parse("a"), adapter=AdapterConfig(non_linearity=activation)) as circuit:
            keys[activation] = key_of(circuit)
    assert keys["relu"].digest != keys["gelu"].digest
