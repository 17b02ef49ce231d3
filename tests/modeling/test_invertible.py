"""Invertible layers against those of `adapters` on the same weights, and where they are in a composition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from tests.modeling.published.checkpoints import publish
from toolkit.composition import parse
from toolkit.composition.stages import plan
from toolkit.config import AdapterConfig
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.invertible import Coupling
from toolkit.modeling.learn import item_losses, unfreeze_exactly

INV = AdapterConfig(kind="seq_bn_inv")
TEXT, PAIR = HeadSpec("text"), HeadSpec("pair", ("no", "yes"))


def stirred(module: torch.nn.Module, seed: int = 0) -> None:
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws) * 0.2)


@pytest.mark.parametrize("width", [8, 7, 3, 2])
def test_the_inverse_gives_back_what_came_in_and_both_are_the_librarys(width: int) -> None:
    from adapters.methods.modeling import NICECouplingBlock

    ours = Coupling(width, "relu")
    stirred(ours)
    x = torch.randn(2, 5, width, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(ours(ours(x), is_inverse=True), x, atol=1e-5)
    if width > 3:  # narrower, the library's layers have no inside
        theirs = NICECouplingBlock([[width]], non_linearity="relu", reduction_factor=2)
        theirs.load_state_dict(ours.state_dict())
        assert torch.allclose(theirs(x), ours(x), atol=1e-6)
        assert torch.allclose(theirs(x, rev=True), ours(x, is_inverse=True), atol=1e-6)


def test_it_is_computed_in_fp32_under_autocast() -> None:
    layer, x = Coupling(8, "relu"), torch.randn(1, 2, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.float32
        assert torch.equal(layer(x), layer(x.clone()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("published") / "xlm-r")


def batch_of() -> dict[str, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 900, (3, 9), generator=draws)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "tags": torch.where(ids > 450, ids, -100)}


def test_the_logits_of_a_language_adapter_are_those_of_the_library_on_the_same_weights(folder: Path) -> None:
    from adapters import SeqBnInvConfig, XLMRobertaAdapterModel

    batch = batch_of()
    backbone = load_backbone(str(folder), precision="fp32", device=torch.device("cpu"))
    with Circuit(backbone, parse("text.sw"), heads={"text": TEXT}, adapter=INV, seed=1) as circuit, torch.no_grad():
        (adapter,) = circuit.parts
        for number, parameter in enumerate(circuit.parameters_of(adapter).values()):
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)) * 0.1)
        theirs: Any = XLMRobertaAdapterModel.from_pretrained(folder)
        theirs.add_adapter("sw", config=SeqBnInvConfig(reduction_factor=16, non_linearity="relu"))
        theirs.add_masked_lm_head("sw")
        theirs.set_active_adapters("sw")
        theirs.eval()
        held = dict(theirs.roberta.named_parameters())
        for name, parameter in circuit.parameters_of(adapter).items():
            stem, _, key = name.partition("invertible.")
            target = (
                f"invertible_adapters.sw.{key}"
                if key
                else stem.replace("layer.", "encoder.layer.", 1).replace(".adapter_", ".output.adapters.sw.adapter_")
            )
            held[target].copy_(parameter)
        states = circuit.encode(batch["input_ids"], batch["attention_mask"])
        head = circuit.heads["part:text"]
        vectors = circuit._wired.invert(head.layer_norm(F.gelu(head.dense(states))))
        ours = vectors @ backbone.model.embeddings.word_embeddings.weight.T + head.bias
        layers = dict(theirs.heads["sw"].named_parameters())
        layers["0.weight"].copy_(head.dense.weight), layers["0.bias"].copy_(head.dense.bias)
        layers["2.weight"].copy_(head.layer_norm.weight), layers["2.bias"].copy_(head.layer_norm.bias)
        library = theirs(batch["input_ids"], batch["attention_mask"])
        found = library.logits + (head.bias - theirs.heads["sw"].get_output_embeddings().bias)  # its bias is zero
        assert torch.allclose(ours, found, atol=1e-5)
        losses = circuit(batch)[:, 0]
        wanted = F.cross_entropy(ours[batch["tags"] != -100], batch["tags"][batch["tags"] != -100], reduction="none")
        assert torch.allclose(losses, wanted, atol=1e-5)


def test_it_learns_with_its_adapter_and_is_frozen_below_a_task(tiny: Any) -> None:
    batch = batch_of()
    stage = plan(parse("text.sw"), holds=lambda _: False)[-1]
    with Circuit(tiny, parse("text.sw"), heads={"text": TEXT}, adapter=INV) as circuit:
        learnt = circuit.learnable(stage.learn)
        assert sum("/invertible." in name for name in learnt) == 8
        unfreeze_exactly(circuit, learnt)
        circuit.train_mode(backbone_dropout=0.0)
        torch.autograd.backward(item_losses("text", circuit(batch), batch).sum())
        assert all(parameter.grad is not None for name, parameter in learnt.items() if "/invertible." in name)
        plain = tiny.model.embeddings.word_embeddings.weight
        assert not plain.requires_grad
    stage = plan(parse("text.sw/mnli"), holds=lambda entry: entry == "text.sw")[-1]
    with Circuit(tiny, stage.circuit, heads={"mnli": PAIR}, shapes={"text.sw": INV}) as circuit:
        unfreeze_exactly(circuit, circuit.learnable(stage.learn))
        assert len(circuit.couplings) == 1 and not any(one.requires_grad for one in circuit.couplings.parameters())


def test_an_adapter_below_changes_the_embeddings_of_what_is_above_and_closing_brings_them_back(tiny: Any) -> None:
    batch = batch_of()
    ids = batch["input_ids"]
    before = tiny.model.embeddings(ids)
    with Circuit(tiny, parse("a/b"), shapes={"a": INV}) as circuit, torch.no_grad():
        stirred(circuit.couplings)
        assert not torch.allclose(tiny.model.embeddings(ids), before)
        coupling = next(iter(circuit.couplings.values()))
        assert torch.allclose(coupling(tiny.model.embeddings(ids), is_inverse=True), before, atol=1e-4)
        one = circuit.encode(ids, batch["attention_mask"])
        assert torch.allclose(circuit.fold().encode(ids, batch["attention_mask"]), one, atol=1e-4)
    assert torch.equal(tiny.model.embeddings(ids), before)


def test_two_languages_are_applied_from_the_backbone_up_and_taken_off_the_other_way_round(tiny: Any) -> None:
    with Circuit(tiny, parse("a/b"), adapter=INV) as circuit, torch.no_grad():
        stirred(circuit.couplings)
        first, second = circuit.couplings.values()
        x = torch.randn(1, 2, tiny.hidden_size)
        assert torch.allclose(circuit._wired.invert(second(first(x))), x, atol=1e-4)


@pytest.mark.parametrize("text", ["fuse[a,b]", "avg[a,b]", "par[a,b]", "fuse[a/c,b]/t"])
def test_in_a_block_it_is_refused_in_a_sentence_and_the_encoder_is_as_it_was(tiny: Any, text: str) -> None:
    with pytest.raises(
        ToolkitError, match=r"'a' has an invertible layer after the embeddings, which the members of a block share"
    ):
        Circuit(tiny, parse(text), shapes={"a": INV})
    assert tiny.wired() == [] and "forward" not in vars(tiny.model.embeddings)


def test_below_a_block_it_is_part_of_the_chain(tiny: Any) -> None:
    with Circuit(tiny, parse("a/fuse[b,c]/t"), shapes={"a": INV}) as circuit:
        assert len(circuit.couplings) == 1
