"""A store of embeddings of release 0.1.0 opens, verifies and serves as before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

import toolkit
from tests.old import OLD, old_files
from toolkit.embeddings import Store, damages, leftovers, shelves
from toolkit.embeddings.shards import read_shard

STORE = OLD / "embeddings"


def test_it_lists_and_every_vector_verifies() -> None:
    (shelf,) = shelves(STORE)
    assert (shelf.key.composition, shelf.key.layer, shelf.key.pooling) == ("micro-nli", 1, "mean")
    assert Store(STORE).folder_of(shelf.key).is_dir()
    assert damages(shelf) == [] and leftovers(STORE) == []
    for path in Store(STORE).folder_of(shelf.key).glob("*.safetensors"):
        assert read_shard(path, shelf.key.digest).shape[1] == 16


def test_what_it_holds_is_not_encoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = old_files(tmp_path, monkeypatch)
    old = {path.name: path.read_bytes() for path in Path("embeddings").rglob("*.safetensors")}
    # 0.1.0 took the first eight pairs; a limit draws others now, so they are a task of their own.
    rows = toolkit.get_task("micro-bitext").rows("score", "de")[:8]
    Path("first.jsonl").write_text("".join(json.dumps({"de": row.source, "en": row.target}) + "\n" for row in rows))
    task = {"name": "first", "kind": "bitext", "languages": ["de"], "files": {"test": "first.jsonl"}}
    Path("first.yaml").write_text(yaml.safe_dump(task | {"columns": {"source": "de", "target": "en"}}))
    toolkit.retrieve("micro-nli", replace(config, task_files=(Path("first.yaml"),)), task="first", languages="de")
    # Another version of `tokenizers` may describe the same tokenizer in other words; everything else of the key must agree.
    assert len({replace(shelf.key, tokenizer="") for shelf in shelves(Path("embeddings"))}) == 1
    new = {path.name: path for path in Path("embeddings").rglob("*.safetensors")}
    assert set(new) == set(old), "the same texts are in the same shards"
    for name, path in new.items():
        if path.read_bytes() != old[name]:
            (tmp_path / "old").write_bytes(old[name])
            vectors = [np.asarray(_matrix(each)) for each in (path, tmp_path / "old")]
            assert vectors[0] == pytest.approx(vectors[1], abs=1e-5)


def _matrix(path: Path) -> np.ndarray:
    from safetensors.numpy import load_file

    return load_file(path)["vectors"]
