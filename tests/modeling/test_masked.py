"""The masked language head against `XLMRobertaForMaskedLM` on the same weights and masks, and what it reads of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from tests.modeling.published.checkpoints import publish
from toolkit.composition import parse
from toolkit.composition.stages import plan
from toolkit.errors import SourceError
from toolkit.features.collate import IGNORED
from toolkit.modeling import masked
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.learn import item_losses, unfreeze_exactly
from toolkit.modeling.masked import CHUNK, GUESSES, masked_losses

TEXT = HeadSpec("text")


class Calls:
    """A function, and how often it was called."""

    def __init__(self, function: Any) -> None:
        self.function, self.count = function, 0

    def __call__(self, *args: Any) -> Any:
        self.count += 1
        return self.function(*args)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("published") / "xlm-r")


@pytest.fixture(scope="module")
def batch() -> dict[str, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 900, (4, 12), generator=draws)
    is_masked = torch.rand(4, 12, generator=draws) < 0.3
    mask = torch.ones_like(ids)
    mask[2, 8:] = 0
    is_masked &= mask > 0
    assert is_masked.any()
    return {
        "input_ids": torch.where(is_masked, 4, ids),
        "attention_mask": mask,
        "tags": torch.where(is_masked, ids, IGNORED),
    }


def circuit_of(folder: Path, **options: Any) -> Circuit:
    backbone = load_backbone(str(folder), precision="fp32", device=torch.device("cpu"))
    return Circuit(backbone, parse("text.sw"), heads={"text": TEXT}, seed=1, **options)


def test_loss_and_gradients_are_those_of_the_library_on_the_same_masks(published: Path, batch: dict[str, Any]) -> None:
    from transformers import XLMRobertaForMaskedLM

    theirs = XLMRobertaForMaskedLM.from_pretrained(published).eval()
    with circuit_of(published) as circuit:
        stage = plan(parse("text.sw"), holds=lambda _: False)[-1]
        learnt = circuit.learnable(stage.learn)
        assert not any(name.startswith("head") for name in learnt)  # the checkpoint's own head stays as it is
        unfreeze_exactly(circuit, learnt)
        circuit.train_mode(backbone_dropout=0.0)
        losses = item_losses("text", circuit(batch), batch)
        loss = losses.sum() / (batch["tags"] != IGNORED).sum()
        states = circuit.encode(batch["input_ids"], batch["attention_mask"])
        head = circuit.heads["part:text"]
        logits = F.linear(
            head.layer_norm(F.gelu(head.dense(states))), circuit.encoder.embeddings.word_embeddings.weight, head.bias
        )
        theirs.roberta = circuit.encoder
        found = theirs(batch["input_ids"], batch["attention_mask"], labels=batch["tags"])
        assert torch.allclose(found.logits, logits, atol=1e-5)
        assert loss.item() == pytest.approx(found.loss.item(), rel=1e-5)
        parameters = list(learnt.values())
        ours = torch.autograd.grad(loss, parameters, retain_graph=True)
        library = torch.autograd.grad(found.loss, parameters)
        for one, other in zip(ours, library, strict=True):
            assert torch.allclose(one, other, rtol=1e-5, atol=1e-5 * float(other.abs().max()))
        circuit.backbone.model.eval()


def test_the_gradient_of_whatever_learns_is_that_of_the_cross_entropy() -> None:
    draws = torch.Generator().manual_seed(0)
    count, width, pieces = 6, 8, CHUNK + 100  # two chunks
    parts = [
        torch.randn(*shape, generator=draws, requires_grad=True)
        for shape in ((count, width), (pieces, width), (pieces,))
    ]
    targets = torch.randint(0, pieces, (count,), generator=draws)
    weights = torch.rand(count, generator=draws)
    losses, guesses = masked_losses(*parts, targets, 3)
    ours = torch.autograd.grad((losses * weights).sum(), parts)
    logits = parts[0] @ parts[1].T + parts[2]
    wanted = F.cross_entropy(logits, targets, reduction="none")
    theirs = torch.autograd.grad((wanted * weights).sum(), parts)
    assert torch.allclose(losses, wanted, rtol=1e-5, atol=1e-5)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)
    best = torch.log_softmax(logits, 1).topk(3)
    assert (guesses[:, :3].long() == best.indices).all()
    assert torch.allclose(guesses[:, 3:], best.values, atol=1e-4)


def test_the_gradient_of_the_bias_is_the_same_whether_the_shares_are_held_or_computed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draws = torch.Generator().manual_seed(0)
    count, width, pieces = 6, 8, 2 * CHUNK + 100
    vectors, words = (torch.randn(n, width, generator=draws) for n in (count, pieces))
    bias = torch.randn(pieces, generator=draws, requires_grad=True)
    targets = torch.randint(0, pieces, (count,), generator=draws)
    weights = torch.rand(count, generator=draws)
    found = []
    for most in (masked.HELD, 0):
        monkeypatch.setattr(masked, "HELD", most)
        monkeypatch.setattr(masked, "_logits", calls := Calls(masked._logits))
        losses, _ = masked_losses(vectors, words, bias, targets)
        found.append(torch.autograd.grad((losses * weights).sum(), bias)[0])
        assert calls.count == (1 if most else 2)  # passes over the vocabulary
    wanted = F.cross_entropy(vectors @ words.T + bias, targets, reduction="none")
    found.append(torch.autograd.grad((wanted * weights).sum(), bias)[0])
    for one in found[:2]:
        assert torch.allclose(one, found[2], rtol=1e-4, atol=1e-6)


def test_a_head_that_learns_from_nothing_guesses_pieces_by_their_frequency_and_a_published_one_stays() -> None:
    head = masked.MaskedHead(4, 10)
    counts = torch.tensor([0, 0, 0, 0, 0, 6, 3, 1, 0, 0])
    masked.begin_with_frequencies(head, counts)
    shares = torch.softmax(head.bias, 0)
    assert torch.allclose(shares, 0.95 * counts / 10 + 0.005)
    before = head.bias.clone()
    head.is_published = True
    masked.begin_with_frequencies(head, counts.flip(0))
    assert torch.equal(head.bias, before)
    masked.begin_with_frequencies(torch.nn.Linear(4, 10), counts)  # answers no text


def test_a_batch_in_which_nothing_is_masked_has_a_loss_of_zero_and_gradients_of_zero(
    published: Path, batch: dict[str, Any]
) -> None:
    nothing = {**batch, "tags": torch.full_like(batch["tags"], IGNORED)}
    with circuit_of(published) as circuit:
        learnt = circuit.learnable(plan(parse("text.sw"), holds=lambda _: False)[-1].learn)
        unfreeze_exactly(circuit, learnt)
        circuit.train_mode(backbone_dropout=0.0)
        loss = item_losses("text", circuit(nothing), nothing).sum()
        torch.autograd.backward(loss)
        assert loss.item() == 0.0
        assert all(one.grad is None or one.grad.abs().max() == 0 for one in learnt.values())


def test_where_nothing_learns_the_head_names_its_best_pieces(published: Path, batch: dict[str, Any]) -> None:
    with circuit_of(published) as circuit, torch.inference_mode():
        found = circuit(batch)
        assert found.shape == (int((batch["tags"] != IGNORED).sum()), 1 + 2 * GUESSES)
        assert (found[:, 1 + GUESSES :] <= 0).all() and (found[:, 1 + GUESSES :].diff(dim=1) <= 0).all()


def test_a_backbone_without_a_head_gets_one_that_learns_and_is_kept_without_its_last_layer(tiny: Any) -> None:
    stage = plan(parse("text.sw"), holds=lambda _: False)[-1]
    with Circuit(tiny, parse("text.sw"), heads={"text": TEXT}) as circuit:
        (head,) = (part for part in stage.learn if part.kind == "head")
        assert set(circuit.shapes_of(head)) == {
            "dense.weight",
            "dense.bias",
            "layer_norm.weight",
            "layer_norm.bias",
            "bias",
        }
        assert {f"head:text/{key}" for key in circuit.shapes_of(head)} <= set(circuit.learnable(stage.learn))


def changed(published: Path, folder: Path, change: Any) -> Path:
    for file in published.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda held: held.update({"lm_head.bias": torch.zeros(7)}),
            "of another vocabulary or width: 'lm_head.bias' has the shape",
        ),
        (lambda held: held.update({"lm_head.dense.weight": torch.zeros(8, 8)}), "'lm_head.dense.weight' has the shape"),
        (lambda held: held.pop("lm_head.layer_norm.bias"), "without 'lm_head.layer_norm.bias'"),
        (
            lambda held: held.update(
                {"lm_head.decoder.weight": torch.ones_like(held["roberta.embeddings.word_embeddings.weight"])}
            ),
            "is not its word embeddings",
        ),
        (
            lambda held: held.update({"lm_head.decoder.weight": torch.ones(9, 32)}),
            "'lm_head.decoder.weight' has the shape",
        ),
    ],
)
def test_a_head_of_another_checkpoint_is_refused_in_a_sentence(
    published: Path, tmp_path: Path, change: Any, said: str
) -> None:
    folder = changed(published, tmp_path, change)
    with pytest.raises(SourceError, match=said):
        circuit_of(folder)


def test_a_bias_under_the_decoders_name_is_read_and_a_checkpoint_without_a_head_has_none(
    published: Path, tmp_path: Path
) -> None:
    def rename(held: dict[str, torch.Tensor]) -> None:
        held["lm_head.decoder.bias"] = held.pop("lm_head.bias") + 1

    with circuit_of(changed(published, tmp_path, rename)) as circuit:
        assert float(circuit.heads["part:text"].bias.detach().min()) == pytest.approx(1.0)
        assert np.isclose(circuit.heads["part:text"].layer_norm.eps, 1e-5)
    (tmp_path / "bare").mkdir()

    def remove(held: dict[str, torch.Tensor]) -> None:
        for name in [name for name in held if name.startswith("lm_head")]:
            del held[name]

    bare = changed(published, tmp_path / "bare", remove)
    assert load_backbone(str(bare), precision="fp32").masked_head() is None
