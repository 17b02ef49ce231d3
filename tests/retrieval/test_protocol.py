from __future__ import annotations

import pytest

from toolkit.errors import ToolkitError
from toolkit.retrieval import PROTOCOLS, get_protocol
from toolkit.retrieval.margin import DIRECTIONS, MARGINS
from toolkit.retrieval.mine import DUPLICATES


@pytest.mark.parametrize(
    ("name", "layer", "pooling", "duplicates"),
    [
        ("jiant", 14, "mean", "expand"),
        ("xtreme", 20, "cls", "drop"),
        ("laser", 24, "mean", "drop"),
        ("mteb", 24, "mean", "expand"),
        ("st", 24, "mean", "keep"),
    ],
)
def test_a_protocol_is_what_its_system_does(name: str, layer: int, pooling: str, duplicates: str) -> None:
    protocol = get_protocol(name)
    assert (protocol.layer(24), protocol.pooling, protocol.duplicates) == (layer, pooling, duplicates)


def test_every_protocol_names_choices_that_exist() -> None:
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name
        assert protocol.margin in MARGINS
        assert protocol.direction in DIRECTIONS
        assert protocol.duplicates in DUPLICATES


def test_a_protocol_with_a_changed_setting_says_so_and_an_equal_one_does_not() -> None:
    jiant = get_protocol("jiant")
    assert jiant.having(k=8, margin=None).name == "jiant*"
    assert jiant.having(k=8).having(k=4).name == "jiant*"
    assert jiant.having(k=4, pooling="mean") is not None and jiant.having(k=4, pooling="mean") == jiant


def test_an_unknown_protocol_is_refused_with_the_nearest() -> None:
    with pytest.raises(ToolkitError, match="Did you mean 'laser'"):
        get_protocol("lasr")
