from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from toolkit.embeddings import Vectors
from toolkit.embeddings.shards import read_shard, write_shard
from toolkit.embeddings.vectors import OPEN


def made(folder: Path, sizes: list[int], dtype: str = "float32") -> tuple[Vectors, np.ndarray]:
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((sum(sizes), 5)).astype(dtype)
    pieces = []
    for number, part in enumerate(np.split(whole, np.cumsum(sizes)[:-1])):
        path = folder / f"{number}.safetensors"
        write_shard(path, "key", np.ascontiguousarray(part))
        pieces.append(read_shard(path, "key", n=len(part)))
    return Vectors(pieces, 5), whole.astype(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(
    "rows",
    [
        slice(None),
        slice(3, 9),
        slice(7, 7),
        slice(-4, None),
        [0, 11, 3, 3],
        [],
        np.array([5]),
        np.arange(12)[::-1],
        -1,
        4,
    ],
    ids=str,
)
def test_rows_across_files_are_those_of_one_array(tmp_path: Path, dtype: str, rows: object) -> None:
    vectors, whole = made(tmp_path, [4, 1, 7], dtype)
    expected = whole[np.asarray(rows, np.int64) if isinstance(rows, list) else rows]  # type: ignore[index]
    found = vectors[rows]
    assert found.dtype == np.float32
    assert np.array_equal(found, expected)


def test_taken_rows_stay_in_their_files_and_can_be_taken_from_again(tmp_path: Path) -> None:
    vectors, whole = made(tmp_path, [4, 8])
    some = vectors.take([9, 2, 2, 0])
    assert some.shape == (4, 5)
    assert np.array_equal(some.take([3, 0])[:], whole[[0, 9]])
    assert np.array_equal(np.asarray(some), whole[[9, 2, 2, 0]])
    is_wanted = np.array([True, False, False, True])
    assert np.array_equal(some[is_wanted], whole[[9, 0]])


def test_a_row_that_is_none_is_refused(tmp_path: Path) -> None:
    vectors, _ = made(tmp_path, [4])
    for row in (4, -5):
        with pytest.raises(IndexError):
            vectors[[row]]


def test_more_files_than_may_be_open_are_read(tmp_path: Path) -> None:
    vectors, whole = made(tmp_path, [1] * (OPEN + 20))
    assert np.array_equal(vectors[::-1], whole[::-1])


def test_a_file_put_in_the_place_of_another_is_not_taken_for_it(tmp_path: Path) -> None:
    vectors, _ = made(tmp_path, [4])
    vectors[:]
    path = tmp_path / "0.safetensors"
    write_shard(path, "key", np.ones((4, 5), np.float32))
    assert (Vectors([read_shard(path, "key")], 5)[:] == 1).all()
