"""A length that the backbone does not read is refused, and never cut without a word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.recipes.small import tiny_config
from toolkit.errors import ToolkitError
from toolkit.modeling.backbone import load_backbone
from toolkit.recipes.session.features import tokenising
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
