"""Traced circuits: the backbone stays as it was, and what is traced holds only the weights that it uses."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from toolkit.composition import parse
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.traced import Traced, trace, weight_bytes

pytestmark = pytest.mark.slow
PAIR = HeadSpec("pair", ("a", "b", "c"))


def test_vectors_of_a_lower_layer_are_traced_and_the_backbone_keeps_its_layers(tiny: Backbone) -> None:
    held = tiny.model.encoder.layer
    with Circuit(tiny, parse("backbone")) as circuit:
        traced = Traced(circuit, "retrieval", layer=1, pooling="mean-no-special")
        program = trace(traced)
        ids = torch.tensor([[0, 7, 8, 9, 2], [0, 7, 2, 1, 1]])
        mask = (ids != 1).long()
        with torch.inference_mode():
            np.testing.assert_allclose(program.module()(ids, mask), traced(ids, mask), atol=1e-6)
    assert tiny.model.encoder.layer is held
    with Circuit(tiny, parse("micro-nli"), heads={"micro-nli": PAIR}) as circuit:
        assert len(circuit.bottlenecks()) == 2
    own = sum(
        each.numel() for name, each in tiny.own_parameters.items() if "layer.1" not in name and "pooler" not in name
    )
    assert weight_bytes(program) <= 4 * own + 2**15  # and positions, and the matrix of query, key and value


def test_a_program_is_read_again_although_names_of_parts_have_commas(tiny: Backbone) -> None:
    with Circuit(tiny, parse("fuse[a,b/c]/d"), heads={"d": PAIR}) as circuit:
        traced = Traced(circuit.fold(), "pair")
        stream = io.BytesIO()
        torch.export.save(trace(traced, in_bf16=True), stream)
        ids = torch.randint(5, 200, (3, 9))
        with torch.inference_mode():
            wanted = traced(ids, torch.ones_like(ids))
    stream.seek(0)
    found = torch.export.load(stream).module()(ids, torch.ones_like(ids))
    np.testing.assert_allclose(found.detach(), wanted, atol=0.02)
    assert str(stream.getvalue()).count("site-packages") == 0
