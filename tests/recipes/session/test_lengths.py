"""A length that the backbone does not read is refused, and never cut without a word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import toolkit
from tests.recipes.small import tiny_config
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import load_backbone
from toolkit.recipes.session.features import tokenising
from toolkit.recipes.session.limits import tokens_read
from toolkit.tasks import get_task


@pytest.mark.parametrize("section", ["train", "eval"])
@pytest.mark.parametrize("more", [1, 512])
def test_a_longer_one_than_the_backbone_reads_is_refused(tmp_path: Path, section: str, more: int) -> None:
    backbone = load_backbone("tiny", precision="fp32")
    settings = getattr(tiny_config(tmp_path), section)
    most, task = backbone.max_tokens, get_task("micro-nli")
    said = (
        f"{section}.max_length={most + more} is longer than the {most} tokens that tiny reads; set it to {most} or less"
    )
    with pytest.raises(ToolkitError, match=said):
        tokenising(task, backbone, replace(settings, max_length=most + more))
    assert tokenising(task, backbone, replace(settings, max_length=most)).max_length == most
    assert tokenising(task, backbone, replace(settings, max_length="auto")).max_length <= most


def test_texts_that_are_encoded_are_not_cut_without_a_word_either(tmp_path: Path) -> None:
    said = "max_length=600 is longer than the 512 tokens that tiny reads; set it to 512 or less"
    config = tiny_config(tmp_path, "similarity.max_length=600")
    with pytest.raises(ToolkitError, match=f"similarity.{said}"):
        toolkit.compare_tasks(["micro-nli", "micro-pos"], config, by="text-embedding")
    config = tiny_config(tmp_path, "retrieve.max_length=600")
    with pytest.raises(ToolkitError, match=f"retrieve.{said}"):
        toolkit.retrieve("backbone", config, task="micro-bitext", languages="de")
    with toolkit.load("backbone", config) as model, pytest.raises(ToolkitError, match=f"retrieve.{said}"):
        model.embed(["a text"])


def test_a_default_gives_way_to_an_encoder_that_reads_less() -> None:
    assert tokens_read("retrieve.max_length", 512, own=512, most=128) == 128
    assert tokens_read("eval.max_length", "auto", own=384, most=128) == 128
    with pytest.raises(
        ToolkitError, match=r"retrieve.max_length=256 is longer than the 128 tokens that the encoder reads"
    ):
        tokens_read("retrieve.max_length", 256, own=256, most=128)
