import os
import subprocess
import sys

import pytest

from toolkit.errors import ToolkitError
from toolkit.report import heat_map
from toolkit.results.score import Score


def scores(n=5, rows=2, **changes):
    return [
        Score("xnli", code, "accuracy", (i + r) / 20, 10, f"mnli{r}", 0, **changes)
        for r in range(rows)
        for i, code in enumerate(["en", "de", "sw", "zh", "ru", "tr", "ar", "hi", "fr", "es", "th"][:n])
    ]


def size(path):
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def test_more_compositions_are_taller_and_more_languages_wider(tmp_path):
    for name, found in {"small": scores(3, 2), "tall": scores(3, 6), "wide": scores(11, 2)}.items():
        heat_map(found, tmp_path / "figures" / f"{name}.png")
    small, tall, wide = (size(tmp_path / "figures" / f"{name}.png") for name in ("small", "tall", "wide"))
    assert tall[1] > small[1] and wide[0] > small[0]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["small.png", "tall.png", "wide.png"]


def test_the_same_scores_make_the_same_file_and_others_another(tmp_path):
    for name, found in {"a": scores(), "b": scores(), "c": scores(is_generated=True)}.items():
        heat_map(found, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_one_number_and_numbers_all_alike_are_drawn(tmp_path):
    heat_map(scores(1, 1), tmp_path / "one.png")
    heat_map([Score("xnli", code, "accuracy", 0.5, 1, "a", 0) for code in ("en", "de")], tmp_path / "alike.png")
    assert size(tmp_path / "one.png") and size(tmp_path / "alike.png")


def test_a_missing_language_leaves_a_hole(tmp_path):
    heat_map(scores(3, 2)[:-1], tmp_path / "hole.png")
    assert size(tmp_path / "hole.png")


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolkitError, match="Cannot write"):
        heat_map(scores(), tmp_path / "file" / "heat_map.png")


def test_a_full_disk_keeps_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "heat_map.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(ToolkitError, match="No space left"):
        heat_map(scores(), path)
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["heat_map.png"]


def test_importing_report_imports_no_matplotlib_and_drawing_no_pyplot(tmp_path):
    code = (
        "import sys, pathlib, toolkit.report as r; from toolkit.results.score import Score;"
        "before = 'matplotlib' in sys.modules;"
        f"r.heat_map([Score('t', 'en', 'm', 0.5, 1, 'c', 0)], pathlib.Path({str(tmp_path / 'x.png')!r}));"
        "print(before, 'matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False False\n"
