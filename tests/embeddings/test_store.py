"""What is encoded once is never encoded again, and nothing else is ever found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from toolkit.embeddings import Key, Store, clear, damages, leftovers, shelves
from toolkit.embeddings.store import cut
from toolkit.errors import ToolkitError

KEY = Key(
    backbone="b" * 64,
    backbone_name="tiny",
    composition="mnli",
    adapters=(("adapter mnli", "c" * 64),),
    layer=1,
    pooling="mean",
    tokenizer="d" * 64,
    max_length=512,
    precision="fp32",
)
TEXTS = [f"sentence {n}" for n in range(100)]


def vector(text: str, layer: int) -> list[float]:
    return [float(len(text)), float(sum(text.encode())), float(layer), 1.0]


class Encoder:
    """Counts what it is asked to encode."""

    def __init__(self, keys: dict[object, Key]) -> None:
        self.keys = keys
        self.texts: list[str] = []
        self.calls: list[tuple[tuple, int, int]] = []

    def __call__(self, texts: Sequence[str], wanted: Sequence, before: int, total: int) -> dict:
        self.texts += texts
        self.calls.append((tuple(wanted), before, total))
        return {name: np.array([vector(text, self.keys[name].layer) for text in texts], "f4") for name in wanted}


def ask(store: Store, texts: Sequence[str], *keys: Key) -> tuple[dict, Encoder]:
    named: dict = {(key.layer, key.pooling): key for key in keys or (KEY,)}
    encoder = Encoder(named)
    return store.vectors(named, texts, encoder, 4), encoder


@pytest.mark.parametrize("kept", [True, False])
def test_every_text_gets_its_own_vector_whatever_the_order_and_the_repeats(tmp_path: Path, kept: bool) -> None:
    texts = [TEXTS[n] for n in np.random.default_rng(0).integers(0, 100, 250)]
    found, encoder = ask(Store(tmp_path if kept else None, shard=8), texts)
    assert np.asarray(found[1, "mean"]).tolist() == [vector(text, 1) for text in texts]
    assert sorted(encoder.texts) == sorted(set(texts))


def test_an_unchanged_request_encodes_nothing_again(tmp_path: Path) -> None:
    first, _ = ask(Store(tmp_path, shard=8), TEXTS)
    again, encoder = ask(Store(tmp_path, shard=8), TEXTS[::-1])
    assert encoder.texts == []
    assert np.array_equal(again[1, "mean"][::-1], first[1, "mean"][:])


OTHER = {
    "kind": "pair",
    "backbone": "x" * 64,
    "composition": "squad",
    "adapters": (("adapter mnli", "e" * 64),),
    "layer": 2,
    "pooling": "cls",
    "tokenizer": "y" * 64,
    "max_length": 128,
    "precision": "bf16",
    "dtype": "float16",
}


@pytest.mark.parametrize("name", [one.name for one in fields(Key) if one.name != "backbone_name"])
def test_a_request_that_differs_in_one_field_of_the_key_finds_nothing(tmp_path: Path, name: str) -> None:
    ask(Store(tmp_path), TEXTS)
    changed = replace(KEY, **{name: OTHER[name]})
    _, encoder = ask(Store(tmp_path), TEXTS, changed)
    assert sorted(encoder.texts) == sorted(TEXTS)


def test_other_texts_find_nothing(tmp_path: Path) -> None:
    ask(Store(tmp_path), TEXTS)
    _, encoder = ask(Store(tmp_path), [text + "." for text in TEXTS])
    assert len(encoder.texts) == 100


def test_a_line_more_leaves_most_shards_as_they_are(tmp_path: Path) -> None:
    texts = [f"{n:05d}" for n in range(2000)]
    ask(Store(tmp_path, shard=64), texts)
    found, encoder = ask(Store(tmp_path, shard=64), [*texts, "00777 and more"])
    assert 0 < len(encoder.texts) <= 256
    assert found[1, "mean"][2000].tolist() == vector("00777 and more", 1)


def test_a_shard_is_cut_by_its_own_texts_and_never_larger_than_twice_its_size() -> None:
    shards = cut([f"{n:06d}" for n in range(5000)], 50)
    assert sum(map(len, shards)) == 5000
    assert max(map(len, shards)) <= 100
    assert 25 < np.mean([len(shard) for shard in shards]) < 75
    assert cut([], 50) == []


def test_of_several_layers_only_what_lacks_is_encoded_in_one_pass(tmp_path: Path) -> None:
    ask(Store(tmp_path, shard=16), TEXTS)
    found, encoder = ask(Store(tmp_path, shard=16), TEXTS, KEY, replace(KEY, layer=2), replace(KEY, pooling="cls"))
    assert {call[0] for call in encoder.calls} == {((2, "mean"), (1, "cls"))}
    assert sorted(encoder.texts) == sorted(TEXTS)
    assert found[2, "mean"][5].tolist() == vector(TEXTS[5], 2)


def test_progress_counts_what_is_left_to_encode(tmp_path: Path) -> None:
    _, encoder = ask(Store(tmp_path, shard=8), TEXTS)
    befores = [before for _, before, _ in encoder.calls]
    assert befores == sorted(befores)
    assert {total for *_, total in encoder.calls} == {100}


def test_float16_is_stored_in_half_the_bytes_and_read_as_float32(tmp_path: Path) -> None:
    sizes = {}
    for dtype in ("float32", "float16"):
        found, _ = ask(Store(tmp_path / dtype), TEXTS, replace(KEY, dtype=dtype))
        assert found[1, "mean"][:3].dtype == np.float32
        assert np.allclose(found[1, "mean"][:3], [vector(text, 1) for text in TEXTS[:3]], rtol=1e-3)
        sizes[dtype] = shelves(tmp_path / dtype)[0].n_bytes
    assert sizes["float32"] - sizes["float16"] == pytest.approx(100 * 4 * 2, abs=16)  # headers are padded


def damage(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("how", ["a bit", "the header", "cut short", "empty"])
def test_a_damaged_shard_is_said_encoded_again_and_whole_afterwards(tmp_path: Path, how: str) -> None:
    first, _ = ask(Store(tmp_path, shard=8), TEXTS)
    expected = first[1, "mean"][:]
    (shelf,) = shelves(tmp_path)
    path = shelf.shards[0]
    if how == "a bit":
        damage(path, -3)
    elif how == "the header":
        damage(path, 3)
    else:
        path.write_bytes(path.read_bytes()[: 0 if how == "empty" else -8])
    assert [str(path) in fault for fault in damages(shelves(tmp_path)[0])] == [True]
    said: list[str] = []
    found, encoder = ask(Store(tmp_path, shard=8, say=said.append), TEXTS)
    assert len(said) == 1 and str(path) in said[0] and "encoded again" in said[0]
    assert 0 < len(encoder.texts) <= 16
    assert np.array_equal(found[1, "mean"][:], expected)
    assert damages(shelves(tmp_path)[0]) == []


def test_a_store_of_another_backbone_under_this_name_is_refused(tmp_path: Path) -> None:
    ask(Store(tmp_path), TEXTS)
    other = replace(KEY, backbone="a" * 64)
    (tmp_path / KEY.digest[:32]).rename(tmp_path / other.digest[:32])
    with pytest.raises(
        ToolkitError, match=r"holds vectors of the backbone bbbbbbbbbbbb, but the backbone in use is aaaaa"
    ):
        ask(Store(tmp_path), TEXTS, other)


def test_a_shard_of_another_key_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = replace(KEY, backbone="a" * 64)
    ask(Store(tmp_path), TEXTS)
    ask(Store(tmp_path), TEXTS, other)
    shards = [shelf.shards[0] for shelf in shelves(tmp_path)]
    mine = next(path for path in shards if path.parent.name == KEY.digest[:32])
    before = next(path for path in shards if path != mine).read_bytes()
    mine.write_bytes(before)
    with pytest.raises(ToolkitError, match=r"was made under the key .* remove that file or name another store"):
        ask(Store(tmp_path), TEXTS)
    assert mine.read_bytes() == before
    assert any("made under the key" in fault for shelf in shelves(tmp_path) for fault in damages(shelf))


def test_a_key_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    ask(Store(tmp_path), TEXTS)
    file = tmp_path / KEY.digest[:32] / "key.json"
    file.write_text("{}")
    with pytest.raises(ToolkitError, match=r"key\.json cannot be read .* remove the folder"):
        ask(Store(tmp_path), TEXTS)
    unreadable: list[str] = []
    assert shelves(tmp_path, unreadable=unreadable) == []
    assert len(unreadable) == 1


def test_vectors_with_nan_are_refused_and_not_kept(tmp_path: Path) -> None:
    def encode(texts: Sequence[str], wanted: Sequence, before: int, total: int) -> dict:
        return {name: np.full((len(texts), 4), np.nan, "f4") for name in wanted}

    with pytest.raises(ToolkitError, match=r"vector of 'sentence 0' holds NaN"):
        Store(tmp_path).vectors({"one": KEY}, TEXTS, encode, 4)
    assert shelves(tmp_path)[0].shards == ()


def test_a_store_that_cannot_be_written_is_a_sentence_with_two_ways_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolkitError, match="Cannot write"):
        ask(Store(tmp_path / "file" / "below"), TEXTS)


def test_half_written_files_are_no_shards_and_are_cleared_once_their_process_is_gone(tmp_path: Path) -> None:
    ask(Store(tmp_path), TEXTS)
    half = tmp_path / KEY.digest[:32] / ".ab.safetensors.999999999.tmp"
    half.write_bytes(b"half")
    assert leftovers(tmp_path) == [half]
    (shelf,) = shelves(tmp_path)
    assert half not in shelf.shards
    clear([shelf], leftovers(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_only_the_vectors_of_one_backbone_are_listed_by_name_or_digest(tmp_path: Path) -> None:
    ask(Store(tmp_path), TEXTS)
    ask(Store(tmp_path), TEXTS, replace(KEY, backbone="a" * 64, backbone_name="embedded"))
    assert [shelf.key.backbone_name for shelf in shelves(tmp_path, backbone="embedded")] == ["embedded"]
    assert [shelf.key.backbone_name for shelf in shelves(tmp_path, backbone="bbbb")] == ["tiny"]
    assert len(shelves(tmp_path)) == 2
    assert shelves(tmp_path / "none") == []


def test_a_link_in_the_place_of_a_shard_is_listed_and_called_damaged(tmp_path: Path) -> None:
    ask(Store(tmp_path), TEXTS)
    (shard, *_) = shelves(tmp_path)[0].shards
    for to in ("nowhere", shard.name, "/dev/zero"):
        shard.unlink()
        shard.symlink_to(to)
        (shelf,) = shelves(tmp_path)
        assert shard in shelf.shards
        assert len(damages(shelf)) == (to != "nowhere")
