from __future__ import annotations

import pytest
import torch
from torch import nn

from toolkit.modeling.override import overridden, override, restore


def test_an_override_holds_for_one_object_and_ends_with_it():
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    x = torch.ones(1, 2)
    before = one(x), other(x)
    override(one, "forward", lambda x: x + 7)
    assert torch.equal(one(x), x + 7)
    assert torch.equal(other(x), before[1])
    restore(one, "forward", "backward")
    assert torch.equal(one(x), before[0])
    assert overridden(one, "forward") is None


def test_a_module_that_overrides_is_not_registered_as_a_child():
    one, instead = nn.Linear(2, 2), nn.Linear(2, 2)
    override(one, "forward", instead)
    assert overridden(one, "forward") is instead
    assert list(one.children()) == []
    assert len(list(one.parameters())) == 2


def test_a_method_that_the_class_lacks_is_a_bug():
    with pytest.raises(AttributeError, match="Linear has no method 'compose_fuse'"):
        override(nn.Linear(2, 2), "compose_fuse", lambda: None)
