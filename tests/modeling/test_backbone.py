from __future__ import annotations

import pytest
import torch

from toolkit.errors import SourceError, ToolkitError
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.learn import item_losses, unfreeze_exactly
from toolkit.modeling.tiny import tiny_model, tiny_tokenizer

CPU = torch.device("cpu")


@pytest.fixture
def saved(tmp_path):
    """What `save_pretrained` leaves of the tiny model."""
    folder = tmp_path / "checkpoint"
    tiny_model().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def load(name, **options):
    return load_backbone(str(name), precision="fp32", device=CPU, **options)


# -- frozen ------------------------------------------------------------------------------------------------------------


def test_nothing_of_a_backbone_is_trainable(tiny):
    assert tiny.own_parameters
    assert not any(parameter.requires_grad for parameter in tiny.model.parameters())


@pytest.mark.parametrize("text", ["t", "a/t", "fuse[a,b]/t", "fuse[a,b]@t"])
def test_a_frozen_backbone_is_bit_equal_after_training_steps(tiny, wire, batch, text):
    before = tiny.held_digest()
    circuit = wire(text)
    learn = circuit.learnable([*circuit.parts])
    unfreeze_exactly(circuit, learn)
    optimizer = torch.optim.AdamW(learn.values(), lr=0.1, weight_decay=0.5)
    start = {name: parameter.detach().clone() for name, parameter in learn.items()}
    circuit.train_mode(backbone_dropout=0.1)
    for _ in range(3):
        item_losses("pair", circuit(batch), batch).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert all(not torch.equal(start[name], parameter) for name, parameter in learn.items())
    assert tiny.held_digest() == before
    assert all(parameter.grad is None for parameter in tiny.own_parameters.values())


def test_the_digest_changes_with_a_single_bit():
    backbone = load("tiny")
    assert backbone.held_digest() == backbone.digest
    with torch.no_grad():
        weight = backbone.own_parameters["encoder.layer.1.output.dense.weight"]
        weight[3, 4] = torch.nextafter(weight[3, 4], torch.tensor(9.0))
    assert backbone.held_digest() != backbone.digest


def test_loading_twice_gives_the_same_digest_and_adapters_do_not_enter_it(tiny, wire):
    assert load("tiny").digest == tiny.digest
    wire("a/b")
    assert tiny.held_digest() == tiny.digest


def test_a_trainable_backbone_is_trainable_as_a_whole():
    backbone = load("tiny", is_trainable=True)
    assert all(parameter.requires_grad for parameter in backbone.own_parameters.values())


# -- depth -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [0, 1, 2, None])
def test_a_truncated_encoder_ends_with_that_hidden_state(tiny, batch, layers):
    ids, mask = batch["input_ids"], batch["attention_mask"]
    with torch.inference_mode():
        states = tiny.model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        with tiny.depth(layers):
            found = tiny.model(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(found, states[2 if layers is None else layers])


def test_a_truncation_computes_no_layer_above_and_ends_with_its_block(tiny, batch):
    whole = list(tiny.model.encoder.layer)
    calls = []
    hook = whole[1].register_forward_hook(lambda *_: calls.append(1))
    with torch.inference_mode(), tiny.depth(1):
        tiny.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    hook.remove()
    assert calls == []
    assert list(tiny.model.encoder.layer) == whole


def test_a_failure_inside_a_truncation_gives_all_layers_back(tiny):
    with pytest.raises(ValueError, match="inside"), tiny.depth(1):
        raise ValueError("inside")
    assert len(tiny.model.encoder.layer) == 2


@pytest.mark.parametrize("layers", [-1, 3])
def test_a_layer_that_does_not_exist_is_refused(tiny, layers):
    with (
        pytest.raises(ToolkitError, match=rf"Layer {layers} does not exist: tiny has layers 0 \(embeddings\) to 2"),
        tiny.depth(layers),
    ):
        pass


# -- sources -----------------------------------------------------------------------------------------------------------


def test_a_folder_that_save_pretrained_left_loads_to_the_same_model(saved, tiny, batch):
    backbone = load(saved)
    assert backbone.digest == tiny.digest
    assert backbone.name == str(saved)
    assert backbone.tokenizer("abc")["input_ids"] == tiny.tokenizer("abc")["input_ids"]
    with torch.inference_mode():
        mine, theirs = (one.model(input_ids=batch["input_ids"]).last_hidden_state for one in (backbone, tiny))
    assert torch.equal(mine, theirs)


def test_an_unknown_hub_id_is_answered_with_three_ways_out(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SourceError) as caught:
        load("nobody/no-such-encoder")
    for way in ("hf download nobody/no-such-encoder --local-dir DIR", "--backbone DIR", "--backbone embedded"):
        assert way in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_short_name_stands_for_the_hubs_own(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("toolkit.modeling.backbone.HUB_IDS", {"xlm-roberta-large": "FacebookAI/not-in-any-cache"})
    with pytest.raises(SourceError, match="hf download FacebookAI/not-in-any-cache"):
        load("xlm-roberta-large")


def test_a_folder_without_a_configuration_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"holds no config.json"):
        load(tmp_path)


def test_a_folder_without_a_tokenizer_is_refused(saved):
    for path in saved.glob("*token*"):
        path.unlink()
    with pytest.raises(SourceError, match="tokenizer"):
        load(saved)


# -- precision ---------------------------------------------------------------------------------------------------------


def test_an_unknown_precision_is_refused():
    with pytest.raises(ToolkitError, match=r"No precision named 'fp8'. Known: auto, fp32, bf16, fp16"):
        load_backbone("tiny", precision="fp8", device=CPU)


@pytest.fixture
def native_bf16(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)


def test_bf16_holds_the_frozen_weights_once_and_pins_the_published_ones(native_bf16):
    backbone = load_backbone("tiny", precision="bf16", device=CPU)
    assert {parameter.dtype for parameter in backbone.own_parameters.values()} == {torch.bfloat16}
    assert backbone.digest == load("tiny").digest


def test_auto_is_fp32_where_the_processor_has_no_bf16_and_bf16_is_refused_there(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert load_backbone("tiny", precision="auto", device=CPU).precision == "fp32"
    with pytest.raises(ToolkitError, match="no native bf16 arithmetic; use precision fp32 or auto"):
        load_backbone("tiny", precision="bf16", device=CPU)


def test_auto_is_bf16_where_the_processor_has_it(native_bf16):
    assert load_backbone("tiny", precision="auto", device=CPU).precision == "bf16"
