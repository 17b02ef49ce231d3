from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.report import layer_curve, precision_recall_curve

PNG = b"\x89PNG"


def test_precision_is_drawn_against_recall_and_the_same_curve_makes_the_same_file(tmp_path: Path) -> None:
    files = [tmp_path / "one.png", tmp_path / "new" / "two.png"]
    for file in files:
        precision_recall_curve({"zh-en": ([0.1, 0.5], [1.0, 0.4])}, file, title="x", chosen={"zh-en": (0.5, 0.4)})
    assert files[0].read_bytes().startswith(PNG)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_score_is_drawn_by_layer_and_another_score_is_another_picture(tmp_path: Path) -> None:
    layer_curve({"jiant": {0: 0.1, 7: 0.5}}, tmp_path / "one.png", title="x")
    layer_curve({"jiant": {0: 0.1, 7: 0.9}}, tmp_path / "two.png", title="x")
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "two.png").read_bytes()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolkitError, match="Cannot write"):
        layer_curve({"jiant": {0: 0.1}}, tmp_path / "file" / "one.png", title="x")
