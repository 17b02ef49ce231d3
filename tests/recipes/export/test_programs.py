"""`run.py`: its tokens and answers are the toolkit's, with the circuit itself in the place of the runtime."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import toolkit
from tests.recipes.export.programs import answer_of, as_json, close, records_of
from toolkit.config import Config
from toolkit.modeling.traced import Traced
from toolkit.recipes.export import run as export_run
from toolkit.recipes.export.compared import expected
from toolkit.recipes.export.programs import PROGRAMS, programs

pytestmark = pytest.mark.journey
TRAINED = {
    "pair": ("micro-nli", "micro-nli"),
    "span": ("micro-qa", "micro-qa"),
    "choice": ("fuse[micro-nli,micro-qa]/micro-choice", "micro-choice"),
    "tags": ("micro-nli/micro-pos", "micro-pos"),
}


@pytest.fixture
def written(trained: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Export without a model file; the program's session asks the circuit."""

    def write(expr: str, *, vectors: bool = False, **settings: Any) -> Any:
        config = replace(trained, eval=replace(trained.eval, **settings))
        asked: dict[str, Traced] = {}

        def answer(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
            return expected(asked["traced"], [(ids, mask)])[0]

        class Session:
            def __init__(self, file: Path) -> None:
                assert file.name == "model.onnx"

            def run(self, _: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
                return [answer(given["input_ids"], given["attention_mask"])]

        def trace(traced: Traced, **_: Any) -> None:
            asked["traced"] = traced

        for name, stand_in in {
            "trace": trace,
            "weight_bytes": lambda _: 0,
            "write_model": lambda *_, **__: None,
            "open_model": lambda *_, **__: answer,
        }.items():
            monkeypatch.setattr(export_run, name, stand_in)
        result = toolkit.export(expr, config, out=tmp_path / "out", vectors=vectors)
        monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=Session))
        model = toolkit.load(expr, config)
        traced = asked["traced"]
        asked["traced"] = Traced(model.module, traced.kind, layer=traced.layer, pooling=traced.pooling)
        return SimpleNamespace(model=model, answer=answer_of(result.folder), folder=result.folder, result=result)

    return write


@pytest.mark.parametrize("kind", TRAINED)
def test_a_program_answers_rows_of_every_kind_as_the_toolkit_does(written: Callable[..., Any], kind: str) -> None:
    expr, task = TRAINED[kind]
    rows = [*records_of(task, "de"), *records_of(task, "zh")]
    made = written(expr)
    with made.model as model:
        ours = as_json(model.predict(rows))
        theirs = [made.answer(row) for row in rows]
    assert [one for one, other in zip(ours, theirs, strict=True) if not close(one, other)] == []


def test_a_long_context_is_answered_in_windows_that_overlap(written: Callable[..., Any]) -> None:
    rows = records_of("micro-qa", "en")
    text = " ".join(row["context"] for row in rows)
    made = written("micro-qa", max_length=40, stride=12)
    asked = [{"question": row["question"], "context": text} for row in rows[:3]]
    asked += [
        {"question": "who " * 60, "context": text},
        {"question": "?", "context": ""},
        {"question": "", "context": "  e\u0301 "},
    ]
    with made.model as model:
        ours = as_json(model.predict(asked))
        theirs = [made.answer(row) for row in asked]
    assert [pair for pair in zip(ours, theirs, strict=True) if not close(*pair)] == []


def test_a_long_sentence_is_tagged_in_parts(written: Callable[..., Any]) -> None:
    tokens = [token for row in records_of("micro-pos", "zh") for token in row["tokens"]]
    made = written("micro-nli/micro-pos", max_length=20)
    rows = [{"tokens": [*tokens, "\u200b", "x" * 200, "<s>"]}]
    with made.model as model:
        assert as_json(model.predict(rows))[0]["prediction"] == made.answer(rows[0])["prediction"]


def test_vectors_are_those_of_embed(written: Callable[..., Any]) -> None:
    made = written("micro-nli", vectors=True)
    texts = ["A man plays.", "word " * 400, "<pad> and </s>", ""]
    with made.model as model:
        np.testing.assert_allclose(
            model.embed(texts), [made.answer({"text": text})["vector"] for text in texts], atol=1e-5
        )


def test_special_pieces_in_a_text_are_text(written: Callable[..., Any]) -> None:
    made = written("micro-nli")
    row = {"first": "<s> <pad> </s> <mask>", "second": "a </s></s> b"}
    with made.model as model:
        assert close(as_json(model.predict([row]))[0], made.answer(row))


def test_the_folder_says_what_it_is(written: Callable[..., Any]) -> None:
    made = written("micro-nli")
    held = json.loads((made.folder / "config.json").read_text(encoding="utf-8"))
    assert held["entries"]["micro-nli"]["digest"] == made.model.cards["micro-nli"].digest
    page = (made.folder / "README.md").read_text(encoding="utf-8")
    assert held["backbone"]["digest"] in page and all(digest in page for digest in made.result.digests.values())
    assert {record["file"] for record in made.result.records()} == {"config.json", "run.py", "tokenizer.json"}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_program_is_python_of_15_lines_whatever_its_composition_is_called(kind: Any) -> None:
    for runtime in ("onnx", "torch"):
        written = programs(kind, runtime, 'Answers by """ \\ on a\\b')
        for name, text in written.items():
            compile(text, name, "exec")
        assert len(written["run.py"].splitlines()) <= 15
        assert all(len(line) <= 120 for text in written.values() for line in text.splitlines())
