"""Exported models: files that answer as the circuit does, in a process that has neither this package nor torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toolkit
from tests.recipes.export.programs import as_json, close, records_of
from tests.recipes.small import FUSED, tiny_config
from toolkit.config import Config

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.slow
TASKS = {"micro-nli": "micro-nli", "micro-qa": "micro-qa", FUSED: "micro-choice", "micro-nli/micro-pos": "micro-pos"}
WITH_TORCH = "torchgen functorch typing_extensions.py sympy mpmath networkx jinja2 markupsafe filelock fsspec"
RUNTIMES = {
    "onnx": ("numpy", "numpy.libs", "tokenizers", "onnxruntime"),
    "torch": ("numpy", "numpy.libs", "tokenizers", "torch", *WITH_TORCH.split()),
}


def answers(folder: Path, rows: list[dict[str, Any]], runtime: str = "onnx") -> list[dict[str, Any]]:
    """Run `run.py` as a user would, where its runtime and tokenizers alone can be imported."""
    file, alone = folder.with_suffix(".jsonl"), folder.with_name("alone")
    file.write_text("".join(json.dumps({"id": i, **row}) + "\n" for i, row in enumerate(rows)), encoding="utf-8")
    alone.mkdir(exist_ok=True)
    installed = Path(np.__file__).parents[1]
    for name in RUNTIMES[runtime]:
        if not (alone / name).exists() and (installed / name).exists():
            (alone / name).symlink_to(installed / name)
    command = [sys.executable, "-S", "-B", str(folder / "run.py"), str(file)]
    home = folder.with_name("home")
    home.mkdir(exist_ok=True)
    environment = {"PYTHONPATH": str(alone), "HOME": str(home), "TMPDIR": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=alone)
    assert done.returncode == 0, done.stderr[-2000:]
    assert runtime != "onnx" or list(home.iterdir()) == []  # onnxruntime would keep there what it reports
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each.pop("id") for each in found] == list(range(len(rows)))
    return found


def check(expr: str, task: str, config: Config, folder: Path) -> None:
    rows = [*records_of(task, "de"), *records_of(task, "zh")]
    with toolkit.load(expr, config) as model:
        ours = as_json(model.predict(rows))
    theirs = answers(folder, rows)
    assert [pair for pair in zip(ours, theirs, strict=True) if not close(*pair)] == []


@pytest.mark.parametrize("expr", TASKS)
def test_onnxruntime_answers_every_kind_as_the_circuit_does(trained: Config, tmp_path: Path, expr: str) -> None:
    result = toolkit.export(expr, trained, out=tmp_path / "out", task=TASKS[expr], languages=["de"])
    assert result.difference < 1e-4
    assert result.compared is not None and result.compared.same == result.compared.rows == 8
    check(expr, TASKS[expr], trained, tmp_path / "out")


@pytest.mark.parametrize(
    "expr",
    ["avg[micro-nli:2,micro-nli/micro-pos]@micro-nli", "merge[micro-nli,micro-qa]@micro-nli", "backbone@micro-nli"],
)
def test_averages_merges_and_heads_alone(expr: str, tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.train(expr, config)
    assert toolkit.export(expr, config, out=tmp_path / "out").difference < 1e-4
    check(expr, "micro-nli", config, tmp_path / "out")


def test_a_whole_encoder_that_was_trained(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, "adapter.kind=full")
    toolkit.train("micro-nli", config)
    assert toolkit.export("micro-nli", config, out=tmp_path / "out").difference < 1e-4
    check("micro-nli", "micro-nli", config, tmp_path / "out")


def test_vectors_of_the_encoder_alone(trained: Config, tmp_path: Path) -> None:
    toolkit.export("backbone", trained, out=tmp_path / "out")
    texts = ["A man plays.", "word " * 200, ""]
    found = [each["vector"] for each in answers(tmp_path / "out", [{"text": text} for text in texts])]
    with toolkit.load("backbone", trained) as model:
        np.testing.assert_allclose(model.embed(texts), found, atol=1e-4)


def test_torch_runs_its_program_without_the_toolkit(trained: Config, tmp_path: Path) -> None:
    toolkit.export(FUSED, trained, out=tmp_path / "out", to="torch")
    rows = records_of("micro-choice")
    with toolkit.load(FUSED, trained) as model:
        ours = as_json(model.predict(rows))
    assert all(close(*pair) for pair in zip(ours, answers(tmp_path / "out", rows, "torch"), strict=True))


def test_int8_is_smaller_and_says_what_it_costs(trained: Config, tmp_path: Path) -> None:
    wide = toolkit.export("micro-nli", trained, out=tmp_path / "wide")
    small = toolkit.export(
        "micro-nli", trained, out=tmp_path / "small", int8=True, task="micro-nli", languages=["en", "de"]
    )
    sizes = [(each.folder / "model.onnx").stat().st_size for each in (wide, small)]
    assert sizes[1] < 0.5 * sizes[0]
    assert small.compared is not None and small.compared.words() in (small.folder / "README.md").read_text("utf-8")
    assert len(answers(tmp_path / "small", records_of("micro-nli"))) == 8


def test_matrices_in_bf16_halve_the_file_on_any_processor(trained: Config, tmp_path: Path) -> None:
    config = toolkit.configure("backbone.precision=bf16", backbone="tiny", zoo=trained.zoo)
    small = toolkit.export("micro-nli", config, out=tmp_path / "small")
    assert "was not measured" in small.text and small.difference < 0.05
    assert (tmp_path / "small" / "model.onnx").stat().st_size < 3_000_000
    assert len(answers(tmp_path / "small", records_of("micro-nli"))) == 8


def test_a_graph_has_one_node_for_attention_and_a_last_layer_for_the_token_that_is_read(
    trained: Config, tmp_path: Path
) -> None:
    import onnx

    for expr, reads_one in {"micro-nli": True, "micro-qa": False}.items():
        toolkit.export(expr, trained, out=tmp_path / expr)
        nodes = onnx.load(tmp_path / expr / "model.onnx").graph.node
        attentions = [{each.name for each in node.attribute} for node in nodes if node.op_type == "Attention"]
        assert len(attentions) == 2 and all({"q_num_heads", "kv_num_heads"} <= names for names in attentions)
        assert not any(node.op_type == "Transpose" for node in nodes)
        assert any("first_0" in node.input for node in nodes) == reads_one


def test_large_weights_go_into_a_file_of_their_own(
    trained: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.recipes.export.model_file.ONE_FILE", 0)
    result = toolkit.export("micro-nli", trained, out=tmp_path / "out")
    assert (tmp_path / "out" / "model.onnx.data").stat().st_size > 10 * (tmp_path / "out" / "model.onnx").stat().st_size
    assert "model.onnx.data" in result.digests
    check("micro-nli", "micro-nli", trained, tmp_path / "out")
