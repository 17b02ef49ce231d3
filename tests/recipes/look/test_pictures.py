"""Heat maps of tracked runs: drawn where somebody looks, once, and never in the way."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from toolkit.recipes.look.pictures import Pictures, draw
from toolkit.results.score import Score, write_json


class Kept:
    """A tracker's client, as far as pictures ask it: runs are folders."""

    def __init__(self, root: Path) -> None:
        self.root, self.asked = root, []

    def search_experiments(self, **_: Any) -> Any:
        return Page([SimpleNamespace(experiment_id="1")])

    def search_runs(self, ids: list[str], wanted: str, **_: Any) -> Any:
        self.asked.append(wanted)
        names = sorted(path.name for path in self.root.iterdir()) if "'eval'" in wanted else []
        return Page([SimpleNamespace(info=SimpleNamespace(run_id=name, start_time=int(name))) for name in names])

    def list_artifacts(self, run_id: str) -> list[Any]:
        return [SimpleNamespace(path=path.name) for path in (self.root / run_id).iterdir()]

    def download_artifacts(self, run_id: str, name: str, place: str) -> str:
        return shutil.copy(self.root / run_id / name, place)

    def log_artifact(self, run_id: str, file: str) -> None:
        shutil.copy(file, self.root / run_id)


class Page(list[Any]):
    token = None


def run(root: Path, name: str, *, has_scores: bool = True) -> Path:
    (root / name).mkdir(parents=True)
    if has_scores:
        write_json([Score("xnli", "en", "accuracy", 0.5, 8, "mnli/xnli", 0)], root / name / "scores.json")
    return root / name


def test_runs_with_scores_alone_get_a_picture_and_the_others_stay_as_they_are(tmp_path: Path) -> None:
    scored, other, broken = run(tmp_path, "1"), run(tmp_path, "2", has_scores=False), run(tmp_path, "3")
    (broken / "scores.json").write_text("no scores")
    with Pictures(Kept(tmp_path)) as pictures:  # type: ignore[arg-type]
        pictures.wait()
    assert (scored / "heat_map.png").read_bytes().startswith(b"\x89PNG")
    assert not list(other.iterdir())
    assert [path.name for path in broken.iterdir()] == ["scores.json"]


def test_a_run_that_has_its_picture_is_not_drawn_again(tmp_path: Path) -> None:
    scored = run(tmp_path, "1")
    (scored / "heat_map.png").write_bytes(b"drawn before")
    assert not draw(Kept(tmp_path), "1")  # type: ignore[arg-type]
    assert (scored / "heat_map.png").read_bytes() == b"drawn before"
