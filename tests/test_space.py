"""Space of a disk: needed bytes are compared with free ones before the work, and a full disk is one sentence."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import cli
import toolkit
from tests.recipes.small import tiny_config
from toolkit import space
from toolkit.embeddings import Key, Store
from toolkit.errors import ToolkitError
from toolkit.space import Need, require_space
from toolkit.training.checkpoint import FILE, save_checkpoint


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that every disk has free, to be set."""
    found = [0]
    monkeypatch.setattr(space, "free_bytes", lambda _: found[0])
    return found


def test_what_is_written_to_one_disk_is_added_up(tmp_path: Path, free: list[int]) -> None:
    needs = [
        Need("the checkpoints", tmp_path / "runs" / "x", 3_000_000),
        Need("the entry", tmp_path / "zoo", 1_000_000),
    ]
    free[0] = 4_100_000
    require_space(needs)
    free[0] = 3_900_000
    expected = (
        f"The disk of {tmp_path}/runs/x has 3.7 MiB (3,900,000 bytes) free, but 3.8 MiB (4,008,192 bytes) are needed for "
        "the checkpoints and the entry; free space or name another folder."
    )
    with pytest.raises(ToolkitError) as caught:
        require_space(needs)
    assert str(caught.value) == expected


def test_a_file_above_the_limit_of_the_system_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space.resource, "getrlimit", lambda _: (1000, resource.RLIM_INFINITY))
    require_space([Need("the vectors", tmp_path, 5000, 900)])
    with pytest.raises(ToolkitError, match=r"needs 1.0 KiB .* none be larger than 1000 bytes; raise the limit"):
        require_space([Need("the vectors", tmp_path, 5000, 1024)])


def test_a_system_that_does_not_count_its_blocks_refuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space.os, "statvfs", lambda _: SimpleNamespace(f_bavail=0, f_frsize=4096, f_blocks=0))
    require_space([Need("the vectors", tmp_path, 10**15)])


def test_training_and_evaluation_on_a_full_disk_are_refused_before_the_work(tmp_path: Path, free: list[int]) -> None:
    config = tiny_config(tmp_path)
    said: list[str] = []
    with pytest.raises(
        ToolkitError, match=r"bytes\) are needed for the checkpoints and the entry in the zoo; free space"
    ):
        toolkit.train("micro-nli", config, say=said.append)
    assert not any("steps" in one for one in said) and not list((tmp_path / "zoo").glob("tiny/*"))
    free[0] = 2**40
    toolkit.train("micro-nli", config)
    free[0] = 1000
    with pytest.raises(ToolkitError, match=r"has 1000 bytes free, but .* are needed for the results; .*run_dir=DIR"):
        toolkit.evaluate("micro-nli", config, task="micro-nli", languages="en")
    assert not (tmp_path / "runs" / "eval").exists()


def test_a_checkpoint_that_does_not_fit_leaves_the_last_one(tmp_path: Path, free: list[int]) -> None:
    free[0] = 2**30
    save_checkpoint(tmp_path, {"weights": {"a": torch.zeros(100)}, "rng": [torch.zeros(5)], "best": None})
    before = (tmp_path / FILE).read_bytes()
    free[0] = 3000
    with pytest.raises(
        ToolkitError, match=r"has 2.9 KiB .* are needed for the checkpoints; .*the same command continues"
    ):
        save_checkpoint(tmp_path, {"weights": {"a": torch.zeros(1000)}, "rng": [], "best": None})
    assert (tmp_path / FILE).read_bytes() == before and os.listdir(tmp_path) == [FILE]


def test_vectors_that_do_not_fit_are_not_encoded(tmp_path: Path, free: list[int]) -> None:
    key = Key(
        backbone="ab" * 32, backbone_name="tiny", composition="mnli", adapters=(), layer=1, pooling="mean",
        tokenizer="cd" * 32, max_length=8, precision="fp32", dtype="float32",
    )  # fmt: skip
    with pytest.raises(ToolkitError, match=r"are needed for the vectors; .*store.folder"):
        Store(tmp_path).vectors({0: key}, ["a", "b"], lambda *_: pytest.fail("encoded"), 4)
    free[0] = 2**30
    found = Store(tmp_path).vectors({0: key}, ["a", "b"], lambda shard, *_: {0: np.ones((len(shard), 4), "f4")}, 4)
    assert np.asarray(found[0]).shape == (2, 4)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 3 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path, *, free: int) -> None:
    left = os.statvfs(disk)
    (disk / "fill").write_bytes(b"x" * (left.f_bavail * left.f_frsize - free))


@pytest.mark.slow
@pytest.mark.parametrize("kib", [0, 16, 80])
def test_a_real_full_disk_under_each_folder_is_one_sentence_and_leaves_nothing_half_written(
    small_disk: Path, tmp_path: Path, kib: int
) -> None:
    config = tiny_config(tmp_path)
    toolkit.train("micro-nli", config)
    places = ["--zoo", str(config.zoo), "--set", f"run_dir={config.run_dir}", "--no-track", "--backbone", "tiny"]
    train = ["train", "micro-qa", *places, "--set", "train.limit=24", "--set", "train.epochs=1", "--set", "cache_gib=0"]
    evaluate = ["eval", "micro-nli", "--task", "micro-nli", "--languages", "en", *places, "--set", "eval.limit=200"]
    texts = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for number, text in enumerate(texts):
        text.write_text("".join(f"{number} a line of text, of which there are many, number {n}\n" for n in range(600)))
    mine = ["mine", *map(str, texts), *places, "--out", str(tmp_path / "pairs.tsv")]
    fill(small_disk, free=kib * 1024)
    for words in (
        [*train, "--zoo", str(small_disk / "zoo")],
        [*train, "--set", f"run_dir={small_disk / 'runs'}"],
        [*evaluate, "--set", f"run_dir={small_disk / 'runs'}"],
        [*evaluate, "--out", str(small_disk / "out")],
        [*mine, "--set", f"store.folder={small_disk / 'store'}"],
        [*mine, "--set", "store.folder=null", "--out", str(small_disk / "pairs.tsv")],
    ):
        before = files(small_disk)
        found = CliRunner().invoke(cli.main, words)
        assert found.exit_code in (0, 2) and (kib or found.exit_code == 2), (words, found.output)
        errors = [line for line in found.stderr.splitlines() if line.startswith("Error: ")]
        assert len(errors) == (found.exit_code == 2), found.stderr
        if errors:
            left = {path.name for path in files(small_disk) - before} - {".lock", "key.json"}
            assert not {name for name in left if not name.endswith(".safetensors")}, (words, left)


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG], ids=errno.errorcode.get)
def test_a_disk_that_fills_up_anywhere_is_one_sentence(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "/somewhere/file")

    monkeypatch.setattr(toolkit, "train", full)
    found = CliRunner().invoke(cli.main, ["train", "micro-nli"])
    assert found.exit_code == 2
    assert found.stderr.startswith("Error: Cannot write /somewhere/file: ") and found.stderr.count("\n") == 1
