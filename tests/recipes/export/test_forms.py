"""Every form of a composition is exported with the circuit's logits, or refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import toolkit
from tests.recipes.export.programs import answer_of, as_json, close, records_of
from tests.recipes.small import FUSED, tiny_config
from toolkit.config import Config
from toolkit.errors import ToolkitError

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.slow
STAR = "micro-text.*/micro-nli"
FORMS = {  # what is trained, the task whose rows are answered, and settings of its adapters
    "three in a stack": ("micro-pos/micro-qa/micro-nli", "micro-nli", ()),
    "stacks in a fusion": ("fuse[micro-qa/micro-nli,micro-pos]/micro-choice", "micro-choice", ()),
    "a fusion alone": ("fuse[micro-nli,micro-qa]@micro-qa", "micro-qa", ()),
    "a fusion below a stack": ("micro-pos/fuse[micro-nli,micro-qa]/micro-nli", "micro-nli", ()),
    "an average below a stack": ("avg[micro-nli:2,micro-qa]/micro-pos", "micro-pos", ()),
    "one after another": ("seq[micro-qa,micro-nli]", "micro-nli", ()),
    "a mixture": ("mix[micro-nli,micro-qa]@micro-qa", "micro-qa", ()),
    "ties": ("ties[micro-nli,micro-qa]@micro-nli", "micro-nli", ()),
    "dare": ("dare[micro-nli,micro-qa]@micro-nli", "micro-nli", ()),
    "layers without adapters": ("micro-nli", "micro-nli", ("adapter.leave_out_upper=0.5",)),
    "another bottleneck": ("micro-nli", "micro-nli", ("adapter.reduction_factor=4", "adapter.non_linearity=gelu")),
    "invertible layers": ("micro-nli", "micro-nli", ("adapter.kind=seq_bn_inv",)),
}


def check(expr: str, task: str, config: Config, folder: Path, *, language: str | None = None) -> None:
    assert toolkit.export(expr, config, out=folder, language=language).difference < 1e-4
    rows = records_of(task, language or "de", 4)
    answer = answer_of(folder)
    with toolkit.load(expr, config, task=task) as model:
        ours = as_json(model.predict(rows, language=language))
    assert [row for row, one in zip(rows, ours, strict=True) if not close(one, answer(row))] == []


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_exported_with_the_circuits_logits(form: str, tmp_path: Path) -> None:
    expr, task, sets = FORMS[form]
    config = tiny_config(tmp_path, *sets)
    toolkit.train(expr, config)
    check(expr, task, config, tmp_path / "out")


@pytest.mark.parametrize(
    ("made", "make"),
    [
        (
            "small",
            lambda config: toolkit.prune("fuse[micro-nli,micro-qa,micro-pos]/micro-nli", config, keep=2, name="small"),
        ),
        (
            "small",
            lambda config: toolkit.collapse("fuse[micro-nli,micro-qa,micro-pos]/micro-nli", config, name="small"),
        ),
    ],
    ids=["pruned", "collapsed"],
)
def test_what_a_fusion_was_made_into(made: str, make: Callable[[Config], object], tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.train("fuse[micro-nli,micro-qa,micro-pos]/micro-nli", config)
    make(config)
    check(made, "micro-nli", config, tmp_path / "out")


def test_what_follows_its_rows_is_exported_for_a_language(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    for language in ("en", "sw"):
        toolkit.train(f"micro-text.{language}", tiny_config(tmp_path, "adapter.kind=seq_bn_inv", "train.lr=0.05"))
    toolkit.train(STAR, config)
    with pytest.raises(ToolkitError, match=r"name that language \(`--language CODE`"):
        toolkit.export(STAR, config, out=tmp_path / "out")
    check(STAR, "micro-nli", config, tmp_path / "out", language="sw")
    held = json.loads((tmp_path / "out" / "config.json").read_text("utf-8"))
    assert (held["language"], held["language_adapter"]) == ("sw", "micro-text.sw")
    toolkit.export(STAR, config, out=tmp_path / "vectors", vectors=True, language="sw")
    answer = answer_of(tmp_path / "vectors")
    with toolkit.load(STAR, config) as model:
        of_sw, of_en = (model.embed(["Habari ya leo."], language=each)[0] for each in ("sw", "en"))
    np.testing.assert_allclose(of_sw, answer({"text": "Habari ya leo."})["vector"], atol=1e-4)
    assert not np.allclose(of_sw, of_en, atol=1e-3)
    with pytest.raises(ToolkitError, match=r"holds no 'micro-text.\*' for de"):
        toolkit.export(STAR, config, out=tmp_path / "de", language="de")


def test_several_answers_and_guesses_of_pieces_are_refused(trained: Config, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="export one member at a time"):
        toolkit.export(f"par[micro-nli,{FUSED}]", trained, out=tmp_path / "out")
    config = tiny_config(tmp_path)
    toolkit.train("micro-text.sw", config)
    with pytest.raises(ToolkitError, match="which is not exported; `--vectors` exports"):
        toolkit.export("micro-text.sw", config, out=tmp_path / "out")
