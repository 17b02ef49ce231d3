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
from toolkit.modeling.attention import install_attention
from toolkit.modeling.backbone import Backbone
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.heads import HeadSpec
from toolkit.modeling.learn import unfreeze_exactly
from toolkit.modeling.libraries import XLMRobertaConfig, XLMRobertaModel, init_adapters
from toolkit.modeling.precision import DTYPES
from toolkit.modeling.tiny import tiny_tokenizer
from toolkit.recipes.train.memory import (
    Arithmetic,
    Encoder,
    Held,
    kept_per_layer,
    most_tokens,
    predict_scoring,
    predict_training,
)
from toolkit.recipes.train.room import SHAPES, shape_of

H, T = 128, 32
LARGE = SHAPES["xlm-roberta-large"]


def encoder(layers, precision, *, is_full):
    config = XLMRobertaConfig(
        vocab_size=100, hidden_size=H, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=4 * H,
        max_position_embeddings=64, type_vocab_size=1,
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


def kept(stage, layers, precision, rows, *, is_full):
    """Return the bytes of everything but weights that a forward pass leaves for the backward pass."""
    backbone = encoder(layers, precision, is_full=is_full)
    shape = AdapterConfig(kind="full" if is_full else "seq_bn")
    found = {}
    with Circuit(backbone, stage.circuit, heads={"t": HeadSpec("pair", ("no", "yes"))}, adapter=shape) as circuit:
        unfreeze_exactly(circuit, circuit.learnable(stage.learn))
        weights = {one.untyped_storage().data_ptr() for one in circuit.parameters()}
        circuit.train_mode(backbone_dropout=0.0)

        def pack(tensor):
            held = tensor.untyped_storage()
            found.setdefault(held.data_ptr(), (held.nbytes(), tensor))
            return tensor

        batch = {"input_ids": torch.full((rows, T), 7), "attention_mask": torch.ones(rows, T, dtype=torch.int64)}
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            circuit(batch)
        return sum(size for place, (size, _) in found.items() if place not in weights)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("text", "is_full"),
    [("t", False), ("a/b/t", False), ("fuse[a,b,c]/t", False), ("fuse[a,b,c,d,e,f,g,h,i]/t", False), ("t", True)],
)
def test_a_layer_keeps_what_is_predicted_of_every_token(text, is_full, precision):
    stage = plan(parse(text), holds=lambda entry: False)[-1]
    counted = [
        kept(stage, layers, precision, rows, is_full=is_full) for layers, rows in ((3, 6), (2, 6), (3, 3), (2, 3))
    ]
    per_token = (counted[0] - counted[1] - counted[2] + counted[3]) / (3 * T)  # without what does not grow with tokens
    shape = Encoder(3, H, 4 * H, 100, 64)
    held = Held.of(stage.circuit, stage.learn, shape, reduction_factor=16, is_full=is_full)
    how = Arithmetic(4 if precision == "fp32" else 2, "cpu", is_full)
    assert kept_per_layer(shape, held, how)[0] == pytest.approx(per_token, rel=0.06)


def test_the_published_sizes_come_out():
    assert pytest.approx(559.9e6, rel=0.002) == LARGE.size  # XLM-R Large, with what its embeddings hold
    assert pytest.approx(277.5e6, rel=0.002) == SHAPES["xlm-roberta-base"].size
    stage = plan(parse("t"), holds=lambda entry: False)[-1]
    held = Held.of(stage.circuit, stage.learn, LARGE, reduction_factor=16, is_full=False)
    assert held.learnt == 24 * (2 * 1024 * 64 + 1024 + 64)
    assert Held.of(stage.circuit, stage.learn, LARGE, reduction_factor=16, is_full=True).learnt == LARGE.size


def test_recomputation_fewer_tokens_and_scoring_take_less_and_what_fits_is_what_is_predicted():
    stage = plan(parse("fuse[a,b,c]/t"), holds=lambda entry: False)[-1]
    held = Held.of(stage.circuit, stage.learn, LARGE, reduction_factor=16, is_full=False)
    how, less = Arithmetic(2), Arithmetic(2, recompute=True)
    whole = predict_training(LARGE, held, how, tokens=4096)
    assert predict_training(LARGE, held, less, tokens=4096).per_token < 0.35 * whole.per_token
    assert predict_scoring(LARGE, held, how, tokens=4096).peak < 0.5 * whole.peak
    assert most_tokens(LARGE, held, how, room=whole.peak) == pytest.approx(4096, abs=1)
    assert most_tokens(LARGE, held, how, room=whole.peak - whole.process - whole.weights, is_loaded=True) == (
        pytest.approx(4096, abs=1)
    )
    assert most_tokens(LARGE, held, how, room=10) == 0
    gpu = predict_training(LARGE, held, Arithmetic(2, "cuda"), tokens=4096)
    assert gpu.process == 0 and gpu.peak < whole.peak


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
        learning = sum(memory[name] for name in ("weights", "optimizer", "passes"))
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
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(said), encoding="utf-8")
    assert shape_of(on(folder, tmp_path)) == Encoder(6, 64, 256, 9, 34)
    (folder / "config.json").write_text('{"hidden_size": 64}', encoding="utf-8")
    with pytest.raises(ToolkitError, match=r"does not say the encoder's shape \(KeyError: 'num_hidden_layers'\)"):
        shape_of(on(folder, tmp_path))
    with pytest.raises(
        ToolkitError, match="The shape of 'someone/xlm-roberta-new' is not known before its files are here"
    ):
        shape_of(on("someone/xlm-roberta-new", tmp_path))


def test_row_tokens_without_memory_is_a_usage_error(tmp_path):
    done = CliRunner().invoke(cli.main, ["plan", "micro-nli", "--backbone", "tiny", "--row-tokens", "9"])
    assert done.exit_code == 2 and "--row-tokens goes with --memory" in done.output
