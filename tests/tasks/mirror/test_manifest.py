"""Manifests and pins: what version 0.1.0 wrote is read, and is written the same today."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from toolkit.errors import DataError, SourceError
from toolkit.tasks.mirror.layout import held_splits, mirror_folder
from toolkit.tasks.mirror.manifest import FILE, held_revision, read_manifest, write_manifest
from toolkit.tasks.mirror.pins import Pin, pinned, read_pins, write_pins

MADE = Path(__file__).with_name("made_by_0_1_0")
COMMIT = "b8dd5d7af51114dbda02c0e3f6133f332186418e"


def test_a_mirror_of_0_1_0_says_what_it_holds_and_at_which_revision() -> None:
    folder = mirror_folder("facebook/xnli", MADE)
    assert folder is not None
    manifest = read_manifest(folder)
    assert manifest is not None
    assert (manifest.repo, manifest.revision, manifest.asked, manifest.is_whole) == ("facebook/xnli", COMMIT, "", True)
    readme = folder / "README.md"
    assert manifest.files["README.md"] == {
        "size": readme.stat().st_size,
        "sha256": hashlib.sha256(readme.read_bytes()).hexdigest(),
    }
    assert held_revision(folder, [readme], COMMIT[:12]) == COMMIT
    assert held_splits(folder, "de") == (), "its files were not fetched"


def test_a_mirror_of_0_1_0_is_not_taken_for_another_revision_or_when_a_file_has_changed(tmp_path: Path) -> None:
    folder = shutil.copytree(MADE, tmp_path / "mirror") / "facebook" / "xnli"
    with pytest.raises(SourceError, match="revision 0123456789ab was asked for"):
        held_revision(folder, [], "0123456789abcdef0123456789abcdef01234567")
    with (folder / "README.md").open("a") as stream:
        stream.write("more")
    with pytest.raises(DataError, match="when it was fetched"):
        held_revision(folder, [folder / "README.md"], None)


def test_a_manifest_of_0_1_0_is_written_the_same_today(tmp_path: Path) -> None:
    manifest = read_manifest(MADE / "facebook" / "xnli")
    assert manifest is not None
    write_manifest(manifest, tmp_path)
    assert (tmp_path / FILE).read_bytes() == (MADE / "facebook" / "xnli" / FILE).read_bytes()


def test_pins_of_0_1_0_are_obeyed_and_written_the_same_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSTILTS_PINS", str(MADE / "pins.yaml"))
    assert pinned("facebook/xnli") == Pin("facebook/xnli", COMMIT) and pinned("google/xtreme") is None
    write_pins(read_pins(MADE / "pins.yaml"), tmp_path / "pins.yaml")
    # Only the comment at the beginning has changed: it names the pins of backbones too.
    then, now = (
        [line for line in (folder / "pins.yaml").read_text("utf-8").splitlines() if not line.startswith("#")]
        for folder in (MADE, tmp_path)
    )
    assert now == then
