"""The values of a card: what is read is written again, what is not known is not written, and copies are equal."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from tests.zoo.cards import TINY, card
from toolkit.errors import ZooError
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.pooling import VECTORS
from toolkit.results.score import Score, to_dict
from toolkit.zoo import Backbone, CardFile, CardScore, Head, Parent, Seen
from toolkit.zoo.values import POOLINGS, UNKNOWN_DATA, Value

VALUES = (
    TINY,
    Head("pair", ("yes", "no")),
    Head("retrieval", (), "cls", 0.05),
    Parent("mnli", "ab" * 32),
    Seen("mnli", "train", "en", 10, "ff", "hub", is_generated=False, revision="a/b@c", drawn_from=20, seed=3),
    UNKNOWN_DATA,
    CardScore("mnli", "en", "accuracy", 0.5, n=10),
    CardFile("ab" * 32, 9, 2),
)


@pytest.mark.parametrize("value", VALUES)
def test_a_value_reads_back_from_its_mapping(value: Value) -> None:
    assert type(value).read(value.to_dict()) == value
    assert None not in value.to_dict().values()


@pytest.mark.parametrize("value", VALUES)
def test_copies_are_equal_and_frozen(value: Value) -> None:
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value and hash(twin) == hash(value)
        with pytest.raises(FrozenInstanceError):
            twin.more = {}  # type: ignore[misc]  # what is tested


def test_keys_of_a_later_release_are_kept() -> None:
    held: dict[str, Any] = {"kind": "pair", "labels": ["a"], "calibration": {"bins": [1, 2]}}
    assert Head.read(held).to_dict() == held
    assert Head.read(held) != Head("pair", ("a",))


def test_a_score_has_the_keys_of_the_results_in_their_order() -> None:
    score = Score("xnli", "de", "accuracy", 0.57, 2490, "mnli", 0, split="test", is_generated=True, revision="a/b@c")
    written = CardScore.read(to_dict(score)).to_dict()
    assert list(written.items()) == list(to_dict(score).items())


def test_the_mapping_of_a_head_grows_only_where_something_was_lost() -> None:
    assert Head.of(HeadSpec("tags", ("A", "B"))).to_dict() == {"kind": "tags", "labels": ["A", "B"]}
    assert Head.of(HeadSpec("retrieval", (), "cls", 0.05)).to_dict() == {
        "kind": "retrieval",
        "labels": [],
        "pooling": "cls",
        "temperature": 0.05,
    }


def test_the_pooling_of_a_card_of_0_1_0_is_that_of_its_training() -> None:
    held = card(heads={"a": Head("retrieval"), "b": Head("pair", ("x",))}, recipe={"train": {"pooling": "cls"}})
    assert (held.pooling("a"), held.pooling("b")) == ("cls", None)
    assert replace(held, recipe={}).pooling("a") == "mean"
    assert replace(held, heads={"a": Head("retrieval", (), "mean-no-special")}).pooling("a") == "mean-no-special"
    with pytest.raises(ZooError, match="'a' of 'mnli' pools by 'max'; this release knows mean, cls"):
        replace(held, recipe={"train": {"pooling": "max"}}).pooling("a")


def test_a_recipe_without_its_settings_is_refused_when_they_are_asked_for() -> None:
    assert card(recipe={}).seed is None
    with pytest.raises(ZooError, match=r"lacks the setting 'adapter\.kind'"):
        assert card(recipe={"adapter": "seq_bn"}).shape
    shape = card(recipe={"adapter": {"kind": "seq_bn", "reduction_factor": 2, "non_linearity": "relu"}}).shape
    assert (shape["reduction_factor"], shape["leave_out_lower"]) == (2, 0.0)


def test_a_backbone_describes_the_loaded_encoder() -> None:
    class Loaded:
        digest, hidden_size, n_layers, revision = "ab" * 32, 8, 2, ""

    assert Backbone.of(Loaded(), "tiny") == TINY


def test_the_poolings_of_cards_are_those_of_the_models() -> None:
    assert list(POOLINGS) == list(VECTORS)
