"""What is refused before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.errors import ToolkitError
from toolkit.recipes.export import plan


@pytest.mark.parametrize(
    ("expr", "options", "sentence"),
    [
        ("par[micro-nli,micro-qa]", {}, "export one member at a time"),
        ("micro-nli", {"to": "torch", "int8": True}, "--int8 goes with --to onnx"),
        ("micro-nli", {"int8": True, "precision": "bf16"}, "either in int8 or in bf16"),
        ("micro-nli", {"precision": "fp16"}, "in fp32 or bf16, not in fp16; give --precision bf16"),
        ("micro-nli", {}, "'micro-nli' is not in the zoo"),
        ("micro-nli", {"language": "xx"}, "No language named 'xx'"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expr: str, options: dict[str, Any], sentence: str
) -> None:
    monkeypatch.setattr(plan, "PACKAGES", ())
    sets = [f"backbone.precision={precision}"] if (precision := options.pop("precision", None)) else []
    with pytest.raises(ToolkitError, match=sentence):
        toolkit.export(expr, tiny_config(tmp_path, *sets), out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_without_the_extra_the_sentence_names_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "PACKAGES", ("json", "onnx_that_is_not_here"))
    with pytest.raises(ToolkitError, match=r"needs onnx_that_is_not_here, .*`pip install 'xstilts\[export\]'`"):
        toolkit.export("micro-nli", tiny_config(tmp_path), out=tmp_path / "out")


def test_a_folder_that_holds_something_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "PACKAGES", ())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ToolkitError, match="holds something already"):
        toolkit.export("micro-nli", tiny_config(tmp_path), out=tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
