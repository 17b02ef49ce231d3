"""Traps of `adapters` 1.3.0 with language adapters and masked language heads: each says what ours does instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.modeling.published.checkpoints import publish


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("published") / "xlm-r")


def language_model(kind: Any, folder: Path) -> Any:
    import adapters

    model = kind.from_pretrained(folder)
    adapters.init(model)
    model.add_adapter("lang", config=adapters.SeqBnInvConfig())
    model.add_adapter("task", config=adapters.SeqBnConfig())
    layer = model.base_model.invertible_adapters["lang"]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.5)
    return model.eval()


IDS = torch.tensor([[0, 7, 8, 9, 2]])


def test_only_the_first_name_of_a_stack_is_asked_for_its_invertible_layer(folder: Path) -> None:
    """Ours applies those of all adapters of a chain (tests/modeling/test_invertible.py)."""
    from adapters.composition import Stack
    from transformers import XLMRobertaModel

    model = language_model(XLMRobertaModel, folder)
    plain = model.embeddings.word_embeddings.weight
    assert plain is not None
    found = {}
    for name, setup in {"task": "task", "above": Stack("task", "lang"), "below": Stack("lang", "task")}.items():
        model.set_active_adapters(setup)
        with torch.no_grad():
            found[name] = model(IDS, output_hidden_states=True).hidden_states[0]
    assert torch.equal(found["above"], found["task"])  # dropped without a word
    assert not torch.equal(found["below"], found["task"])


def test_a_masked_language_model_is_never_inverted(folder: Path) -> None:
    """Ours inverts before the vocabulary, as the paper has it."""
    from transformers import XLMRobertaForMaskedLM

    model = language_model(XLMRobertaForMaskedLM, folder)
    model.set_active_adapters("lang")
    with torch.no_grad():
        states = model.roberta(IDS).last_hidden_state
        assert torch.allclose(model(IDS).logits, model.lm_head(states), atol=1e-6)


def test_an_adapter_model_of_a_masked_language_model_has_a_head_with_a_zero_bias(folder: Path) -> None:
    """Ours reads `lm_head.bias` (tests/modeling/test_masked.py)."""
    from adapters import XLMRobertaAdapterModel
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["lm_head.bias"] = tensors["lm_head.bias"] + 1
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    model = XLMRobertaAdapterModel.from_pretrained(folder)
    model.add_masked_lm_head("text")
    assert model.heads["text"].get_output_embeddings().bias.abs().max() == 0


@pytest.mark.parametrize("block", ["Fuse", "Average"])
def test_in_a_block_the_first_members_invertible_layer_is_applied_to_all(folder: Path, block: str) -> None:
    """Ours refuses such a block in a sentence (tests/modeling/test_invertible.py)."""
    from adapters import SeqBnInvConfig, composition
    from transformers import XLMRobertaModel

    model = language_model(XLMRobertaModel, folder)
    model.add_adapter("other", config=SeqBnInvConfig())
    found = {}
    for names in (("lang", "other"), ("lang", "task"), ("task", "lang")):
        if block == "Fuse":
            model.add_adapter_fusion(list(names))
        model.set_active_adapters(getattr(composition, block)(*names))
        with torch.no_grad():
            found[names] = model(IDS, output_hidden_states=True).hidden_states[0]
    assert torch.equal(found["lang", "other"], found["lang", "task"])  # the second one's layer is never asked for
    assert not torch.equal(found["lang", "task"], found["task", "lang"])  # and the order decides


def test_a_saved_head_holds_the_word_embeddings_and_loading_it_overwrites_those_of_another_model(
    folder: Path, tmp_path: Path
) -> None:
    """Ours never reads or writes the last layer of a head (tests/modeling/test_language_adapters.py)."""
    from adapters import XLMRobertaAdapterModel

    model: Any = XLMRobertaAdapterModel.from_pretrained(folder)
    model.add_masked_lm_head("text")
    model.save_head(str(tmp_path / "head"), "text")
    other: Any = XLMRobertaAdapterModel.from_pretrained(folder)
    words = other.roberta.embeddings.word_embeddings.weight
    with torch.no_grad():
        words.add_(1)
    before = words.clone()
    other.load_head(str(tmp_path / "head"))
    assert not torch.equal(other.roberta.embeddings.word_embeddings.weight, before)
