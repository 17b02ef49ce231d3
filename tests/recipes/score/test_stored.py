"""Retrieval and mining through the store: nothing encoded twice, nothing lost to a kill, nothing of another's."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import toolkit
from tests import PROJECT, zygote
from tests.recipes.score.test_mining import texts
from tests.recipes.small import tiny_config
from tests.waiting import wait_until
from toolkit.embeddings import damages, leftovers, shelves
from toolkit.errors import ToolkitError
from toolkit.recipes.score import shards
from toolkit.tasks import BitextRow, Rows, get_task
from toolkit.tasks.rows import HeldRows

pytestmark = pytest.mark.journey


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sentences each call of the encoder had."""
    calls: list[int] = []
    whole = shards.embed_all

    def counted(circuit, features, *args, **options):  # type: ignore[no-untyped-def]
        calls.append(len(features))
        return whole(circuit, features, *args, **options)

    monkeypatch.setattr(shards, "embed_all", counted)
    return calls


def test_a_second_retrieval_calls_no_encoder_and_scores_the_same(tmp_path: Path, encoded: list[int]) -> None:
    config = tiny_config(tmp_path)
    first = toolkit.retrieve("backbone", config, task="micro-bitext", languages="de,zh", layers="all")
    assert sum(encoded) > 0
    encoded.clear()
    again = toolkit.retrieve("backbone", config, task="micro-bitext", languages="de,zh", layers="all")
    assert encoded == []
    assert again.scores == first.scores


def test_mining_and_the_protocols_share_what_they_have_in_common(tmp_path: Path, encoded: list[int]) -> None:
    for protocol in ("jiant", "jiant", "all"):
        config = tiny_config(tmp_path, f"retrieve.protocol={protocol}", "retrieve.limit=null")
        encoded.clear()
        toolkit.retrieve("backbone", config, task="micro-mining", languages="de")
    n_texts = sum(encoded)
    encoded.clear()
    toolkit.retrieve("backbone", config, task="micro-mining", languages="de")
    assert n_texts > 0  # the other protocols read other layers and poolings
    assert encoded == []


@pytest.mark.parametrize(
    "setting", ["retrieve.max_length=9", "retrieve.pooling=cls", "retrieve.layer=2", "store.dtype=float16"]
)
def test_another_setting_of_the_encoder_encodes_again(tmp_path: Path, encoded: list[int], setting: str) -> None:
    toolkit.retrieve("backbone", tiny_config(tmp_path), task="micro-bitext", languages="de")
    encoded.clear()
    toolkit.retrieve("backbone", tiny_config(tmp_path, setting), task="micro-bitext", languages="de")
    assert sum(encoded) > 0


def test_without_a_store_nothing_is_kept_and_the_scores_are_the_same(tmp_path: Path, encoded: list[int]) -> None:
    kept = toolkit.retrieve("backbone", tiny_config(tmp_path), task="micro-bitext", languages="de")
    n_first = sum(encoded)
    config = tiny_config(tmp_path / "other", "store.folder=null")
    unkept = toolkit.retrieve("backbone", config, task="micro-bitext", languages="de")
    assert sum(encoded) == 2 * n_first
    assert not (tmp_path / "other" / "embeddings").exists()
    assert unkept.scores == kept.scores


def test_a_damaged_shard_is_said_and_changes_no_score(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    first = toolkit.retrieve("backbone", config, task="micro-bitext", languages="de")
    shard = shelves(tmp_path / "embeddings")[0].shards[0]
    shard.write_bytes(shard.read_bytes()[:-5])
    said: list[str] = []
    again = toolkit.retrieve("backbone", config, task="micro-bitext", languages="de", say=said.append)
    assert any(f"The shard {shard} is damaged" in sentence and "encoded again" in sentence for sentence in said)
    assert again.scores == first.scores


def test_a_store_of_another_backbone_is_refused(tmp_path: Path) -> None:
    config = tiny_config(tmp_path)
    toolkit.retrieve("backbone", config, task="micro-bitext", languages="de")
    (shelf,) = shelves(tmp_path / "embeddings")
    file = shelf.folder / "key.json"
    file.write_text(file.read_text().replace(shelf.key.backbone, "f" * 64))
    with pytest.raises(ToolkitError, match=r"holds vectors of the backbone ffffffffffff, but the backbone in use is"):
        toolkit.retrieve("backbone", config, task="micro-bitext", languages="de")


@pytest.mark.parametrize("index", ["Flat", "HNSW16", "IVF2,Flat"])
def test_the_index_and_its_recall_stand_in_the_protocol(tmp_path: Path, index: str) -> None:
    config = tiny_config(tmp_path, f"retrieve.index={index}", "retrieve.limit=null", "retrieve.threshold=oracle")
    for task in ("micro-bitext", "micro-mining"):
        scores = toolkit.retrieve("backbone", config, task=task, languages="de").scores
        assert f"index={index}" in scores[0].protocol
        assert ("recall=" in scores[0].protocol) == (index != "Flat")


def test_an_index_that_faiss_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="FAISS has no index 'Flatt'"):
        toolkit.retrieve("backbone", tiny_config(tmp_path, "retrieve.index=Flatt"), task="micro-bitext", languages="de")


@pytest.mark.slow
def test_a_kill_while_encoding_loses_at_most_the_shard_in_work(tmp_path: Path) -> None:
    files = tmp_path / "a.de", tmp_path / "b.en"
    for file in files:
        file.write_text("".join(f"{file.suffix} line {n} {n * n}\n" for n in range(1500)), encoding="utf-8")
    store = tmp_path / "embeddings"
    command = [
        sys.executable, str(PROJECT / "cli.py"), "mine", *map(str, files), "--out", str(tmp_path / "pairs.tsv"),
        "--backbone", "tiny", "--no-track", "--set", f"store.folder={store}", "--set", "store.shard=24",
    ]  # fmt: skip
    process = zygote.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(list(store.rglob("*.safetensors"))) >= 8, "eight shards", process=process, every_s=0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
    assert not (tmp_path / "pairs.tsv").exists()
    (shelf,) = shelves(store)
    written = {path: path.stat().st_mtime_ns for path in shelf.shards}
    assert damages(shelf) == []
    assert len(leftovers(store)) <= 1
    zygote.run(command, check=True, capture_output=True)
    (shelf,) = shelves(store)
    assert {path: path.stat().st_mtime_ns for path in written} == written  # none was encoded again
    assert len(shelf.shards) > len(written)
    assert (tmp_path / "pairs.tsv").stat().st_size > 0


def test_the_two_files_of_a_mining_are_encoded_once_even_where_a_text_is_in_both(
    tmp_path: Path, encoded: list[int]
) -> None:
    source, target = texts(tmp_path)
    config = tiny_config(tmp_path)
    toolkit.mine(source, target, config, out=tmp_path / "pairs.tsv")
    before = (tmp_path / "pairs.tsv").read_text()
    encoded.clear()
    toolkit.mine(source, target, config, out=tmp_path / "pairs.tsv")
    assert encoded == []
    assert (tmp_path / "pairs.tsv").read_text() == before


def test_the_order_of_a_bitexts_lines_changes_no_score_although_sentences_repeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = get_task("micro-bitext")
    rows = [row for row in task.rows("score", "de", limit=40) if isinstance(row, BitextRow)]
    # Every third foreign sentence belongs to two English ones, of which the encoder may find either.
    rows += [replace(rows[i], id=f"again {i}", source=rows[i - 1].source) for i in range(2, 40, 3)]
    found = []
    for order in (range(len(rows)), np.random.default_rng(0).permutation(len(rows)), range(len(rows))[::-1]):
        permuted = Rows(task, "score", "de", HeldRows("score", "test", [rows[i] for i in order]))
        monkeypatch.setattr(type(task), "rows", lambda *_, rows=permuted, **__: rows)
        config = tiny_config(tmp_path, "retrieve.protocol=all")
        scored = toolkit.retrieve("backbone", config, task="micro-bitext", languages=["de"]).scores
        found.append([(score.protocol, score.value) for score in scored])
    assert found[0] == found[1] == found[2]
