"""The tiny backbone, loaded once and found unchanged after every test; and the embedded one for what needs a real encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from toolkit.composition import parse
from toolkit.modeling.backbone import Backbone, load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec

PAIR = HeadSpec("pair", ("yes", "no", "maybe"))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def loaded_tiny() -> Backbone:
    return load_backbone("tiny", precision="fp32", device=torch.device("cpu"))


@pytest.fixture(scope="module")
def kept_tiny(loaded_tiny: Backbone) -> Iterator[Backbone]:
    """The tiny backbone; a file of tests that leaves other weights in it fails, by whatever way it wrote them."""
    digest = loaded_tiny.held_digest()
    yield loaded_tiny
    assert loaded_tiny.held_digest() == digest


@pytest.fixture
def tiny(kept_tiny: Backbone) -> Iterator[Backbone]:
    """The tiny backbone; a test that leaves something behind in it, or writes into its weights, fails."""
    loaded_tiny, keys = kept_tiny, list(kept_tiny.model.state_dict())
    versions = [(name, own.data_ptr(), own._version) for name, own in loaded_tiny.own_parameters.items()]
    yield loaded_tiny
    left = loaded_tiny.model.state_dict().keys() ^ set(keys)
    for name in list(loaded_tiny.model.adapters_config.fusions):
        loaded_tiny.model.delete_adapter_fusion(name)
    for name in list(loaded_tiny.model.adapters_config.adapters):
        loaded_tiny.model.delete_adapter(name)
    loaded_tiny.model.set_active_adapters(None)
    assert not left, f"left behind in the backbone: {sorted(left)[:3]}"
    assert [(name, own.data_ptr(), own._version) for name, own in loaded_tiny.own_parameters.items()] == versions


@pytest.fixture
def wire(tiny: Backbone) -> Iterator[Callable[..., Circuit]]:
    """Wire a composition into the tiny backbone; what is still wired at the end of the test is taken out."""
    wired: list[Circuit] = []

    def build(text: str, **options: Any) -> Circuit:
        circuit = Circuit(tiny, parse(text), **{"heads": {"t": PAIR}} | options)
        wired.append(circuit)
        return circuit

    yield build
    for circuit in reversed(wired):
        circuit.close()


@pytest.fixture(scope="session")
def embedded() -> Backbone:
    """The backbone that arrives with pip, in fp32; what asks for it is slow."""
    return load_backbone("embedded", precision="fp32", device=torch.device("cpu"))


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """Three sequences of unequal length and their labels."""
    rng = torch.Generator().manual_seed(5)
    ids = torch.randint(5, 500, (3, 9), generator=rng)
    ids[:, 0] = 0
    ids[1, 6:] = 1
    ids[2, 4:] = 1
    return {"input_ids": ids, "attention_mask": (ids != 1).long(), "labels": torch.tensor([0, 2, 1])}


@pytest.fixture(scope="session")
def shake() -> Callable[..., None]:
    """Give every parameter of a module that is not frozen by nature a random value, the same in every call."""

    def randomise(parameters: Any, seed: int = 0, std: float = 0.2) -> None:
        rng = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in parameters:
                parameter.copy_(torch.randn(parameter.shape, generator=rng) * std)

    return randomise
