"""Weights in every published layout load to the same encoder; what is missing, damaged or odd is one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.modeling.published.checkpoints import LAYOUTS, Layout, publish
from toolkit.errors import SourceError
from toolkit.modeling.published.configuration import read_configuration
from toolkit.modeling.published.tokenizer import read_tokenizer
from toolkit.modeling.published.weights import load_encoder, parameters_digest

WORDS = "roberta.embeddings.word_embeddings.weight"


def load(folder: Path, dtype: torch.dtype = torch.float32):
    return load_encoder(read_configuration(folder), folder, dtype=dtype)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_holds_the_encoder_that_the_library_reads(tmp_path: Path, layout: Layout) -> None:
    from transformers import XLMRobertaModel

    folder = publish(tmp_path, layout)
    model, digest = load(folder)
    theirs = XLMRobertaModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="sdpa").eval()
    assert (
        digest
        == parameters_digest(dict(model.named_parameters()))
        == parameters_digest(dict(theirs.named_parameters()))
    )
    assert not any(each.is_meta for each in (*model.parameters(), *model.buffers()))
    assert {name: value.tolist() for name, value in model.named_buffers()} == {
        name: value.tolist() for name, value in theirs.named_buffers()
    }
    ids = torch.tensor([[0, 44, 52, 68, 2], [0, 9, 2, 1, 1]])
    with torch.inference_mode():
        mine, its = (one(input_ids=ids, attention_mask=ids.ne(1)).last_hidden_state for one in (model, theirs))
    assert torch.equal(mine, its)


def test_the_digest_is_of_the_published_precision_and_the_model_of_the_asked_one(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    (full, digest), (half, same) = load(folder), load(folder, torch.bfloat16)
    assert digest == same
    assert all(
        torch.equal(one.bfloat16(), other) for one, other in zip(full.parameters(), half.parameters(), strict=True)
    )


def test_half_precision_on_disk_is_held_in_the_asked_precision(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    file = folder / "model.safetensors"
    save_file({name: tensor.half() for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    assert {each.dtype for each in load(folder)[0].parameters()} == {torch.float32}


def test_old_names_of_layer_norms_are_read(tmp_path: Path) -> None:
    folder = publish(tmp_path, "bin")
    wanted = load(folder)[1]
    tensors = torch.load(folder / "pytorch_model.bin", weights_only=True)
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in tensors.items()
    }
    torch.save(old, folder / "pytorch_model.bin")
    assert load(folder)[1] == wanted


# -- bad files ---------------------------------------------------------------------------------------------------------


def refused(folder: Path, said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (publish(tmp_path) / "model.safetensors").unlink()
    refused(
        tmp_path, r"weights of .* are missing \(model.safetensors or pytorch_model.bin\); download the checkpoint again"
    )


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["tf_model.h5"], "tf_model.h5 is not read"),
        (["weights.safetensors", "flax_model.msgpack"], "flax_model.msgpack, weights.safetensors are not read"),
        (
            [f"model-0000{n}-of-00004.safetensors" for n in range(1, 5)],
            r"model-00001-of-00004.safetensors, .*00003-of-00004.safetensors, \.\.\. are not",
        ),
    ],
)
def test_weights_under_other_names_or_of_other_libraries_are_named(
    tmp_path: Path, others: list[str], said: str
) -> None:
    (publish(tmp_path) / "model.safetensors").unlink()
    for name in others:
        (tmp_path / name).write_bytes(b"x")
    refused(tmp_path, rf"\(model.safetensors or pytorch_model.bin\), and {said}")


@pytest.mark.parametrize("layout", ["safetensors", "bin", "sharded"])
def test_a_pointer_of_git_lfs_is_told_from_weights(tmp_path: Path, layout: Layout) -> None:
    file = max(publish(tmp_path, layout).glob("*model*[bs]*"), key=lambda each: each.stat().st_size)
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 2240618013\n")
    refused(tmp_path, f"{file.name} holds no weights but a pointer of Git LFS; run `git lfs pull`")


@pytest.mark.parametrize("layout", ["sharded", "sharded-bin"])
def test_a_missing_shard_is_named(tmp_path: Path, layout: Layout) -> None:
    shard = sorted(publish(tmp_path, layout).glob("*-of-*"))[1]
    shard.unlink()
    refused(tmp_path, rf"lacks {shard.name}, one of the \d files that .*index\.json names")


@pytest.mark.parametrize("name", ["../away.safetensors", "/etc/passwd", "sub/x.safetensors", "..", "a\\b", ""])
def test_an_index_that_names_a_file_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    index = publish(tmp_path, "sharded") / "model.safetensors.index.json"
    told = json.loads(index.read_text())
    told["weight_map"][WORDS] = name
    index.write_text(json.dumps(told))
    refused(tmp_path, r"names the file '.*', which is not in its folder")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": 1}}', '{"weight_map": 7}']
)
def test_a_damaged_index_is_refused(tmp_path: Path, text: str) -> None:
    (publish(tmp_path, "sharded") / "model.safetensors.index.json").write_text(text)
    refused(tmp_path, r"index\.json cannot be read")


@pytest.mark.parametrize("layout", ["safetensors", "bin", "old-bin", "sharded"])
@pytest.mark.parametrize("keep", [0, 7, 5000])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, layout: Layout, keep: int) -> None:
    publish(tmp_path, layout)
    file = next(each for each in sorted(tmp_path.iterdir()) if each.suffix in (".safetensors", ".bin"))
    file.write_bytes(file.read_bytes()[:keep])
    refused(tmp_path, "missing or damaged .*; download the checkpoint again")


def test_a_pickle_that_would_run_something_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Runs:
        def __reduce__(self) -> tuple[object, ...]:
            return open, (str(marker), "w")

    folder = publish(tmp_path / "checkpoint", "bin")
    torch.save({WORDS: Runs()}, folder / "pytorch_model.bin")
    refused(folder, r"holds more than tensors, .*never run; expected tensors alone")
    assert not marker.exists()


@pytest.mark.parametrize("content", [[1, 2], {}, {"model": {"x": torch.zeros(2)}}])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, publish(tmp_path, "bin") / "pytorch_model.bin")
    refused(tmp_path, r"holds no tensors by name|lacks \d+ of the encoder's tensors")


def test_a_checkpoint_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    file = publish(tmp_path) / "model.safetensors"
    tensors = load_file(file)
    del tensors["roberta.encoder.layer.1.output.dense.weight"]
    save_file(tensors, file, {"format": "pt"})
    refused(tmp_path, r"lacks 1 of the encoder's tensors, for example 'encoder.layer.1.output.dense.weight'")


def test_weights_of_another_shape_than_the_configuration_are_refused(tmp_path: Path) -> None:
    refused(publish(tmp_path, intermediate_size=128), r"has the shape \[64\], and config.json says \[128\]")


def test_two_formats_that_agree_are_read_and_two_that_differ_are_refused(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    torch.save(tensors, folder / "pytorch_model.bin")
    load(folder)
    torch.save(tensors | {WORDS: tensors[WORDS] + 1}, folder / "pytorch_model.bin")
    refused(folder, rf"weights in two formats, which differ in '{WORDS}'; expected one checkpoint")


@pytest.mark.parametrize("other", LAYOUTS[1:])
def test_one_number_that_another_format_holds_otherwise_is_found_in_each_layout(tmp_path: Path, other: Layout) -> None:
    folder = publish(tmp_path / "one")
    for file in publish(tmp_path / "other", other).glob("*model*"):
        if file.suffix in (".safetensors", ".bin", ".json"):
            shutil.copy(file, folder / file.name)
    load(folder)
    tensors = load_file(folder / "model.safetensors")
    tensors[WORDS].view(-1)[7] += 1
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    refused(folder, rf"differ in '{WORDS}'; expected one checkpoint: remove model.safetensors or .*model.*\.")


def test_half_precision_of_the_same_weights_agrees(tmp_path: Path) -> None:
    folder = publish(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    torch.save({name: tensor.bfloat16() for name, tensor in tensors.items()}, folder / "pytorch_model.bin")
    load(folder)


def test_a_second_format_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (publish(tmp_path) / "pytorch_model.bin").write_bytes(b"junk" * 100)
    refused(tmp_path, r"two formats, of which pytorch_model.bin cannot be read \(.*\); remove it")


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.bool, torch.float8_e4m3fn])
def test_weights_that_are_quantised_are_refused(tmp_path: Path, dtype: torch.dtype) -> None:
    file = publish(tmp_path) / "model.safetensors"
    save_file({name: tensor.to(dtype) for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    refused(tmp_path, rf"is of the type {str(dtype)[6:]}; expected weights in float32")


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: str) -> None:
    file = publish(tmp_path) / "model.safetensors"
    tensors = load_file(file)
    tensors[WORDS].view(-1)[3] = float(value)
    save_file(tensors, file, {"format": "pt"})
    refused(tmp_path, rf"'{WORDS}' holds values that are not finite numbers")


# -- tokenizer ---------------------------------------------------------------------------------------------------------


def test_the_sentencepiece_model_cuts_as_the_fast_tokenizer_does(tmp_path: Path) -> None:
    fast, slow = publish(tmp_path / "fast"), publish(tmp_path / "slow", is_tokenizer_fast=False)
    size = read_configuration(fast).vocab_size
    one, other = (read_tokenizer(folder, size) for folder in (fast, slow))
    for text in ("Ein Haus, zwei Häuser.", "你好 世界", "a  b", "ไม่รู้"):
        assert one(text, "und noch")["input_ids"] == other(text, "und noch")["input_ids"]
    assert len(one) == len(other) == size


def test_a_tokenizer_with_more_pieces_than_vectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has [\d,]+ pieces, and the encoder vectors for 100 "):
        read_tokenizer(publish(tmp_path), 100)


@pytest.mark.parametrize("file", ["tokenizer.json", "sentencepiece.bpe.model"])
@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xfe\x00junk"])
def test_a_damaged_tokenizer_is_one_sentence(tmp_path: Path, file: str, data: bytes) -> None:
    folder = publish(tmp_path, is_tokenizer_fast=file == "tokenizer.json")
    (folder / file).write_bytes(data)
    with pytest.raises(SourceError, match=rf"{file} cannot be read") as caught:
        read_tokenizer(folder, 10**6)
    assert "\n" not in str(caught.value)
