"""Memory of stages, predicted from shapes, against the tensors that torch keeps; and what `plan --memory` says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import cli
import toolkit
from tests import PROJECT
from tests.recipes.small import tiny_config
from toolkit.composition import parse
from toolkit.composition.stages import plan
from toolkit.config import AdapterConfig
from toolkit.errors import ToolkitError
from toolkit.features.collate import IGNORED
from toolkit.modeling.attention import install_attention
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.learn import unfreeze_exactly
from toolkit.modeling.libraries import XLMRobertaConfig, XLMRobertaModel, init_adapters
from toolkit.modeling.masked import HELD
from toolkit.modeling.measured import kernels_folder, processor
from toolkit.modeling.precision import DTYPES
from toolkit.modeling.tiny import tiny_tokenizer
from toolkit.recipes.train import kept as figures
from toolkit.recipes.train.kept import SHARES, Arithmetic, Encoder, Held, Step, kept_per_layer, shares_kept
from toolkit.recipes.train.memory import COPIED, most_tokens, predict_scoring, predict_training
from toolkit.recipes.train.shape import SHAPES, arithmetic_of, publishes_head, shape_of
from toolkit.training.saver import SHARE

H, T = 128, 32
LARGE = SHAPES["xlm-roberta-large"]


def encoder(layers, precision, *, is_full):
    config = XLMRobertaConfig(
        vocab_size=100, hidden_size=H, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=4 * H,
        max_position_embeddings=320, type_vocab_size=1,
    )  # fmt: skip
    model = XLMRobertaModel(config, add_pooling_layer=False)
    model.to(torch.float32 if is_full else DTYPES[precision])
    own = dict(model.named_parameters())
    init_adapters(model)
    for parameter in own.values():
        parameter.requires_grad_(is_full)
    if not is_full:
        install_attention(model)
    return Backbone("random", model, tiny_tokenizer(), "", precision, torch.device("cpu"), is_full, own)


def kept(stage, layers, precision, *, is_full=False, kernel="plain", length=T, kind="pair", adapter="seq_bn"):
    """Return the bytes of everything but weights that a forward pass leaves for the backward pass, of 6 rows and of 3."""
    backbone = encoder(layers, precision, is_full=is_full)
    backbone.use_kernel(kernel)
    shape = AdapterConfig(kind="full" if is_full else adapter)
    head = HeadSpec(kind, ("no", "yes") if kind in ("pair", "tags") else ())
    with Circuit(backbone, stage.circuit, heads={"t": head}, adapter=shape) as circuit:
        unfreeze_exactly(circuit, circuit.learnable(stage.learn))
        weights = {one.untyped_storage().data_ptr() for one in circuit.parameters()}
        circuit.train_mode(backbone_dropout=0.0)
        return [left_by(circuit, weights, rows, length, is_text=kind == "text") for rows in (6, 3)]


def left_by(circuit, weights, rows, length, *, is_text):
    found = {}

    def pack(tensor):
        held = tensor.untyped_storage()
        found.setdefault(held.data_ptr(), (held.nbytes(), tensor))
        return tensor

    ids = torch.full((rows, length), 7)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if is_text:
        batch["tags"] = torch.full((rows, length), IGNORED)
        batch["tags"][:, : length // 4] = 7
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        circuit(batch)
    return sum(size for place, (size, _) in found.items() if place not in weights)


def stage_of(text):
    """Return the last stage of a composition of which the zoo holds nothing."""
    return plan(parse(text), holds=lambda entry: False)[-1]


def per_layer(text, precision, **options):
    """Return the bytes that a layer keeps of a token, counted, and as they are predicted."""
    is_full, length = options.get("is_full", False), options.get("length", T)
    stage = stage_of(text)
    (more, fewer), (more_below, fewer_below) = (kept(stage, layers, precision, **options) for layers in (3, 2))
    found = (more - fewer - more_below + fewer_below) / (3 * length)  # without what does not grow with tokens
    shape = Encoder(3, H, 4 * H, 100, 320, 2)
    held = Held.of(stage.circuit, stage.learn, shape, AdapterConfig(kind="full" if is_full else "seq_bn"))
    how = Arithmetic(4 if precision == "fp32" else 2, "cpu", is_full, kernel=options.get("kernel", "plain"))
    return found, kept_per_layer(shape, held, how, length)[0]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("text", "is_full"),
    [("t", False), ("a/b/t", False), ("fuse[a,b,c]/t", False), ("fuse[a,b,c,d,e,f,g,h,i]/t", False), ("t", True)],
)
def test_a_layer_keeps_what_is_predicted_of_every_token(text, is_full, precision):
    counted, predicted = per_layer(text, precision, is_full=is_full)
    assert predicted == pytest.approx(counted, rel=0.06)


@pytest.mark.parametrize(
    ("text", "precision", "kernel", "length"),
    [
        ("t", "bf16", "fused-fp32", T),
        ("t", "bf16", "fused-bf16", T),
        ("t", "bf16", "products-bf16", T),
        ("t", "bf16", "products-bf16", 300),
        ("t", "bf16", "products-fp32", T),
        ("t", "fp32", "products-fp32", T),
        ("a/b/t", "bf16", "products-bf16", T),
        ("fuse[a,b,c]/t", "bf16", "products-bf16", T),
    ],
)
def test_a_layer_in_one_piece_keeps_what_is_predicted(text, precision, kernel, length):
    counted, predicted = per_layer(text, precision, kernel=kernel, length=length, kind="tags")
    assert predicted == pytest.approx(counted, rel=0.02)


@pytest.mark.parametrize("kernel", ["plain", "products-bf16"])
@pytest.mark.parametrize(
    ("kind", "adapter"), [("pair", "seq_bn"), ("tags", "seq_bn"), ("text", "seq_bn"), ("tags", "seq_bn_inv")]
)
def test_all_layers_and_the_head_keep_what_is_predicted(kind, adapter, kernel):
    stage = stage_of("t")
    more, fewer = kept(stage, 3, "bf16", kernel=kernel, kind=kind, adapter=adapter)
    shape = Encoder(3, H, 4 * H, 100, 320, 2)
    held = Held.of(stage.circuit, stage.learn, shape, AdapterConfig(kind=adapter), learns_masked=kind == "text")
    how = Arithmetic(2, kernel=kernel)
    steps = [Step(rows * T, T, reads_first=kind == "pair", masked=0.25 if kind == "text" else 0.0) for rows in (6, 3)]
    # The states that a head reads are in fp32: with their gradient 8 H, which `predict_training` adds.
    states = 4 * H if kind == "tags" or (kind == "pair" and kernel == "plain") else 0
    predicted = 3 * T * (figures.kept(shape, held, how, steps[0]) + states)
    predicted += shares_kept(shape, held, how, steps[0]) - shares_kept(shape, held, how, steps[1])
    assert predicted == pytest.approx(more - fewer, rel=0.08)


def test_shares_of_the_vocabulary_are_kept_where_the_bias_learns_and_they_are_few():
    shape = SHAPES["embedded"]
    stage = stage_of("t")
    held = Held.of(stage.circuit, stage.learn, shape, AdapterConfig(), learns_masked=True)
    few, many = Step(4096, masked=0.15), Step(16384, masked=0.15)
    assert SHARES == HELD and COPIED == SHARE
    assert shares_kept(shape, held, Arithmetic(2), few) == 614 * shape.vocabulary * 2
    assert shares_kept(shape, held, Arithmetic(2), many) == 0
    published = Held.of(stage.circuit, stage.learn, shape, AdapterConfig())
    assert shares_kept(shape, published, Arithmetic(2), few) == 0
    assert held.learnt - published.learnt == shape.masked_head
    full = Held.of(stage.circuit, stage.learn, shape, AdapterConfig(kind="full"), learns_masked=True)
    assert shares_kept(shape, full, Arithmetic(2, is_full=True), few) == 0  # and the words have a gradient of their own
    passes = [predict_training(shape, full, Arithmetic(2, is_full=True), one).passes for one in (few, Step(4096))]
    assert passes[0] - passes[1] > 4 * shape.vocabulary * shape.width
    room = predict_training(shape, held, Arithmetic(2), few).peak
    assert most_tokens(shape, held, Arithmetic(2), few, room=room) < 4096  # on the safe side


def test_the_published_sizes_come_out():
    assert pytest.approx(559.9e6, rel=0.002) == LARGE.size  # XLM-R Large, with what its embeddings hold
    assert pytest.approx(277.5e6, rel=0.002) == SHAPES["xlm-roberta-base"].size
    stage = stage_of("t")
    held = Held.of(stage.circuit, stage.learn, LARGE, AdapterConfig())
    assert held.learnt == 24 * (2 * 1024 * 64 + 1024 + 64)
    assert Held.of(stage.circuit, stage.learn, LARGE, AdapterConfig(kind="full")).learnt == LARGE.size


def test_recomputation_fewer_tokens_and_scoring_take_less_and_what_fits_is_what_is_predicted():
    stage = stage_of("fuse[a,b,c]/t")
    held = Held.of(stage.circuit, stage.learn, LARGE, AdapterConfig())
    how, less, step = Arithmetic(2), Arithmetic(2, recompute=True), Step(2048)
    whole = predict_training(LARGE, held, how, step)
    assert predict_training(LARGE, held, less, step).per_token < 0.35 * whole.per_token
    in_one_piece = predict_training(LARGE, held, Arithmetic(2, kernel="products-bf16"), step)
    assert 0.5 * whole.per_token < in_one_piece.per_token < 0.8 * whole.per_token
    assert predict_scoring(LARGE, held, how, tokens=2048).peak < 0.5 * whole.peak
    room = whole.peak - whole.checkpoint  # it is written without a copy where memory is short
    assert most_tokens(LARGE, held, how, step, room=room) == pytest.approx(2048, abs=1)
    loaded = room - whole.process - whole.weights
    assert most_tokens(LARGE, held, how, step, room=loaded, is_loaded=True) == pytest.approx(2048, abs=1)
    assert most_tokens(LARGE, held, how, step, room=10) == 0
    cut = predict_training(LARGE, held, how, replace(step, is_cut=True))
    assert cut.peak == whole.peak + 4 * held.learnt  # the gradients of the parts before
    gpu = predict_training(LARGE, held, Arithmetic(2, "cuda"), step)
    assert gpu.process == gpu.checkpoint == 0 and gpu.peak < whole.peak


def test_a_checkpoint_is_copied_where_memory_is_left_for_it():
    held = Held.of(stage_of("t").circuit, stage_of("t").learn, LARGE, AdapterConfig(kind="full"))
    found = predict_training(LARGE, held, Arithmetic(2, is_full=True), Step(256))
    assert found.checkpoint == 12 * LARGE.size
    alone = found.peak - found.checkpoint
    assert found.within(None) == found == found.within(alone + 2 * found.checkpoint)
    assert found.within(alone + 2 * found.checkpoint - 4).peak == alone


def test_what_is_planned_for_is_this_processor_and_the_head_that_a_checkpoint_publishes(tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_CACHE", str(tmp_path / "cache"))
    config = on("xlm-roberta-large", tmp_path)
    assert shape_of(on("FacebookAI/xlm-roberta-large", tmp_path)) == LARGE
    assert publishes_head(config) and not publishes_head(on("embedded", tmp_path))
    narrow = replace(config, backbone=replace(config.backbone, precision="bf16"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert arithmetic_of(narrow).kernel == "products-bf16" and arithmetic_of(config).kernel == "plain"
    notes = {"processor": processor(), "head_size": 64, "kernel": "fused-bf16"}
    kernels_folder().mkdir(parents=True)
    (kernels_folder() / "a.json").write_text(json.dumps(notes), encoding="utf-8")
    (kernels_folder() / "b.json").write_text("{", encoding="utf-8")
    assert arithmetic_of(narrow).kernel == "fused-bf16"
    dropped = replace(narrow, train=replace(narrow.train, backbone_dropout=0.1))
    assert arithmetic_of(dropped).kernel == "plain"
    folder = tmp_path / "encoder"
    folder.mkdir()
    names = json.dumps({"lm_head.bias": {}}).encode()
    (folder / "model.safetensors").write_bytes(len(names).to_bytes(8, "little") + names)
    assert publishes_head(on(folder, tmp_path))
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert not publishes_head(on(folder, tmp_path))


def test_a_plan_says_the_memory_of_every_stage_and_of_the_evaluation(tmp_path):
    config = tiny_config(tmp_path)
    found = toolkit.plan("fuse[micro-nli,micro-qa]/micro-choice", config, memory=True, row_tokens=100)
    lines = found.text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Memory at the peak, predicted for "))
    assert [line.split("  ")[1] for line in lines[start + 1 : start + 5]] == [
        "train micro-nli", "train micro-qa", "train fuse[micro-nli,micro-qa]/micro-choice",
        "eval fuse[micro-nli,micro-qa]/micro-choice",
    ]  # fmt: skip
    assert "8 rows of 100 tokens" in lines[start + 1]
    rows = [json.loads(line) for line in found.json_lines]
    assert [row["memory"]["tokens"] for row in rows[:3]] == [800, 800, 800]
    assert rows[3]["eval"] == "fuse[micro-nli,micro-qa]/micro-choice"
    for row in rows:
        memory = row["memory"]
        learning = sum(memory[name] for name in ("weights", "optimizer", "passes", "checkpoint"))
        assert memory["peak"] == memory["process"] + max(learning, memory["loading"]) > 0
    assert toolkit.plan("micro-nli", config).memory is None
    assert "memory" not in json.loads(toolkit.plan("micro-nli", config).json_lines[0])


def on(name, folder):
    config = tiny_config(folder)
    return replace(config, backbone=replace(config.backbone, name=str(name)))


def test_a_batch_that_is_too_large_is_said_with_what_helps(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.recipes.train.room.free_memory", lambda: 2**30)
    config = on("xlm-roberta-large", tmp_path)
    text = toolkit.plan("mnli", config, memory=True).text
    assert "More than the 1.0 GiB that are free here: --set train.batch_size=auto" in text


def test_the_plan_loads_no_torch(tmp_path):
    code = (
        "import sys; import cli; cli.main(['plan', 'mnli', '--memory', '--zoo', sys.argv[1]], standalone_mode=False); "
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_shapes_are_read_from_a_folder_and_unknown_ones_are_one_sentence(tmp_path: Path):
    folder = tmp_path / "encoder"
    folder.mkdir()
    said = {
        "num_hidden_layers": 6, "hidden_size": 64, "intermediate_size": 256, "vocab_size": 9, "max_position_embeddings": 34,
        "num_attention_heads": 8,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(said), encoding="utf-8")
    assert shape_of(on(folder, tmp_path)) == Encoder(6, 64, 256, 9, 34, 8)
    (folder / "config.json").write_text('{"hidden_size": 64}', encoding="utf-8")
    with pytest.raises(ToolkitError, match=r"does not say the encoder's shape \(KeyError: 'num_hidden_layers'\)"):
        shape_of(on(folder, tmp_path))
    with pytest.raises(
        ToolkitError, match="The shape of 'someone/xlm-roberta-new' is not known before its files are here"
    ):
        shape_of(on("someone/xlm-roberta-new", tmp_path))
    (folder / "config.json").unlink()
    with pytest.raises(ToolkitError, match="holds no config.json; a backbone folder is what"):
        shape_of(on(folder, tmp_path))


def test_row_tokens_without_memory_is_a_usage_error(tmp_path):
    done = CliRunner().invoke(cli.main, ["plan", "micro-nli", "--backbone", "tiny", "--row-tokens", "9"])
    assert done.exit_code == 2 and "--row-tokens goes with --memory" in done.output
