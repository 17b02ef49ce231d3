"""Published results: the same pages again to the byte, without rows, adapters and places."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.recipes.sweeping import SMALL, run, write_grid
from tests.recipes.swept import hand_written
from toolkit.errors import ToolkitError
from toolkit.recipes.sweep.publish import OUTCOMES_FILE
from toolkit.recipes.sweep.report import publish_report, report
from toolkit.sweeps.published import PUBLISHED_FILE, read_published, without_places

ROWS = {
    "baseline": {"xnli": 0.6, "micro-choice": 0.5},
    "mnli": {"xnli": 0.72, "micro-choice": 0.5},
    "squad": {"xnli": 0.45, "micro-choice": 0.51},
}
LEFT = {"squad | xnli | seed 1": "failed", "mnli | micro-choice | seed 0": "waiting"}


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_pages_are_made_again_to_the_byte_from_the_folder_alone(tmp_path: Path) -> None:
    root, folder = hand_written(tmp_path / "s", ROWS, left=LEFT), tmp_path / "results" / "hand"
    theirs = report(root, out=tmp_path / "out", resamples=120)
    publish_report(root, folder, resamples=120)
    pages = files(tmp_path / "out")
    published = files(folder)
    assert {name: published[name] for name in pages} == pages  # the sweep's own report, too
    assert theirs.found.lacks
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    shutil.rmtree(root)
    for name in pages:
        (moved / name).unlink()
    again = report(moved)
    assert again.folder == moved
    assert files(moved) == published


def test_every_run_is_listed_with_its_fate_and_every_score_has_a_line(tmp_path: Path) -> None:
    root, folder = hand_written(tmp_path / "s", ROWS, left=LEFT), tmp_path / "results"
    publish_report(root, folder, resamples=100)
    runs = list(csv.DictReader((folder / "runs.csv").open()))
    assert len(runs) == 24
    assert sorted({row["state"] for row in runs}) == ["done", "failed", "never begun"]
    assert [row["error"] for row in runs if row["state"] == "failed"] == ["The disk is full; free space."]
    scores = list(csv.DictReader((folder / "scores.csv").open()))
    assert len(scores) == 10 * 4 + 2
    found = {(row["row"], row["target"], row["seed"], row["language"]): row for row in scores}
    assert found["squad", "xnli", "1", ""]["state"] == "failed"
    assert 0 < float(found["mnli", "xnli", "0", "sw"]["score"]) < 1
    setup = json.loads((folder / "setup.json").read_text())
    assert {"versions", "processor", "hours", "facts", "settings", "workers"} <= set(setup)


@pytest.mark.journey
def test_no_row_no_adapter_and_no_path_of_the_machine_is_published(tmp_path: Path) -> None:
    grid = f"question: Does it work?\n{SMALL}"
    root, folder = tmp_path / "s", tmp_path / "results"
    assert run(write_grid(tmp_path, grid), root) == 0
    publish_report(root, folder, resamples=100)
    texts = [line for path in root.rglob("predictions/*.jsonl") for line in path.read_text().splitlines()]
    assert texts
    written = files(folder)
    assert not [name for name in written if name.endswith((".jsonl", ".safetensors", ".pt"))]
    everything = b"\n".join(written.values())
    assert str(tmp_path).encode() not in everything and b'"text"' not in everything
    setup = json.loads(written["setup.json"])
    assert set(setup["versions"]) >= {"torch", "adapters", "xstilts"} and setup["processor"]
    before = files(folder)
    report(folder)
    assert files(folder) == before
    assert "Registered" in before["report.md"].decode()


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("/home/me/a.bin is full", ".../a.bin is full"),
        ("'/data/x/y' (/tmp/z/w)", "'.../y' (.../w)"),
        ("see https://x.org/a/b or a/b/c", "see https://x.org/a/b or a/b/c"),
        ("mnli/xnli and 3/4", "mnli/xnli and 3/4"),
    ],
)
def test_paths_are_cut_to_their_last_part(text: str, cut: str) -> None:
    assert without_places(text) == cut


def test_faults_are_one_sentence(tmp_path: Path) -> None:
    root, folder = hand_written(tmp_path / "s", {"baseline": {"xnli": 0.5}, "mnli": {"xnli": 0.6}}), tmp_path / "p"
    with pytest.raises(ToolkitError, match="own folder"):
        publish_report(root, root, resamples=100)
    publish_report(root, folder, resamples=100)
    with pytest.raises(ToolkitError, match="is a folder of published results"):
        publish_report(folder, tmp_path / "q", resamples=100)
    for name, text in ((OUTCOMES_FILE, b"x"), (PUBLISHED_FILE, b"{}")):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(text)
        with pytest.raises(ToolkitError, match=r"damaged|cannot be read"):
            report(folder)
        (folder / name).write_bytes(kept)
    assert read_published(root) is None
