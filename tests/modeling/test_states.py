from __future__ import annotations

import numpy as np
import torch

from toolkit.features.item import Item, item_features
from toolkit.modeling.states import item_states

WORDS = ("we", "saw", "a", "bird")
ITEMS = [Item(WORDS, None, 2), Item("it rains", "it is wet"), Item(WORDS), Item("x"), Item(WORDS, None, 0), Item("x")]


def alone(circuit, found, at):
    """The state of one item, from a pass over its sequence alone."""
    ids = torch.from_numpy(found.features.input_ids[int(found.owners[at])].astype(np.int64))[None]
    with torch.inference_mode():
        states = circuit.encode(ids, torch.ones_like(ids))[0].float().numpy()
    return states.mean(0) if found.places[at] < 0 else states[found.places[at]]


def test_an_item_is_the_mean_over_its_tokens_or_the_state_of_its_word(wire):
    circuit = wire("mnli", heads={})
    found = item_features(ITEMS, circuit.backbone.tokenizer, max_length=64)
    vectors = item_states(circuit, found)
    assert vectors.dtype == np.float32
    for at in range(len(ITEMS)):
        np.testing.assert_allclose(vectors[at], alone(circuit, found, at), atol=1e-5)


def test_vectors_keep_their_length(wire):
    circuit = wire("mnli", heads={})
    found = item_features(ITEMS, circuit.backbone.tokenizer, max_length=64)
    assert not np.allclose(np.linalg.norm(item_states(circuit, found), axis=1), 1.0, atol=0.05)


def test_every_sequence_goes_through_the_encoder_once(wire, monkeypatch):
    circuit = wire("mnli", heads={})
    passed = []
    whole = circuit.encode
    monkeypatch.setattr(circuit, "encode", lambda ids, mask: (passed.append(len(ids)), whole(ids, mask))[1])
    found = item_features(ITEMS, circuit.backbone.tokenizer, max_length=64)
    item_states(circuit, found)
    assert sum(passed) == len(found.features) == 3


def test_batches_change_no_vector_and_nothing_asked_is_no_vector(wire):
    circuit = wire("mnli", heads={})
    found = item_features(ITEMS, circuit.backbone.tokenizer, max_length=64)
    one_by_one = item_states(circuit, found, batch_size=1)
    np.testing.assert_allclose(item_states(circuit, found, batch_size=64), one_by_one, atol=1e-5)
    none = item_features([], circuit.backbone.tokenizer, max_length=64)
    assert item_states(circuit, none).shape == (0, circuit.backbone.hidden_size)
