"""fp16 from training to scores, on the CPU and as a GPU without bf16 would choose it."""

from __future__ import annotations

from pathlib import Path

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.modeling import backbone as loading
from toolkit.recipes.session import backbones
from toolkit.zoo import Zoo


@pytest.mark.journey
def test_what_learnt_in_fp16_says_so_and_answers_as_in_fp32(tmp_path: Path) -> None:
    said: list[str] = []
    half = tiny_config(tmp_path, "backbone.precision=fp16")
    toolkit.train("micro-nli", half, say=said.append)
    card = Zoo(tmp_path / "zoo").get("micro-nli", "tiny")
    assert card.recipe["precision"] == "fp16" and card.recipe["skipped_steps"] == 0
    assert any("fp16 with scaled losses on cpu" in line for line in said)
    scores = [
        toolkit.evaluate("micro-nli", config, task="micro-nli").scores
        for config in (half, tiny_config(tmp_path, "backbone.precision=fp32"))
    ]
    assert "precision=fp16" in scores[0][0].protocol
    assert [score.value for score in scores[0]] == pytest.approx([score.value for score in scores[1]], abs=0.1)


def test_auto_says_that_it_came_to_fp16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "resolve_precision", lambda asked, device: "fp16")  # as on a GPU of the Turing family
    monkeypatch.setattr(backbones, "_FROZEN", backbones.FrozenBackbone(backbones._load))
    said: list[str] = []
    toolkit.train("micro-nli", tiny_config(tmp_path, "backbone.precision=auto", "train.total_steps=1"), say=said.append)
    assert len([line for line in said if line.startswith("This GPU has no bf16")]) == 1
