"""A search by several processes finds what one finds, and continues where it was stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from toolkit.embeddings import Vectors
from toolkit.embeddings.shards import read_shard, write_shard
from toolkit.engine.engine import Engine
from toolkit.engine.messages import Event, Failed, Progressed, Said
from toolkit.errors import ToolkitError
from toolkit.leases import hold
from toolkit.progress import Progress, Tell
from toolkit.recipes.score import search_workers
from toolkit.recipes.score.search_folder import SearchFolder
from toolkit.recipes.score.search_piece import DoPiece, do_piece
from toolkit.recipes.score.search_workers import SearchWorkers
from toolkit.retrieval import SearchSettings, search
from toolkit.retrieval.blocks import Part
from toolkit.retrieval.side import Side

SMALL = 16  # lines of a block
HERE = SearchSettings("Flat", 0.5, 1, device="cpu")
DEAD = Failed("The worker was ended by SIGKILL.", is_dead=True, is_killed=True)


class InThisProcess:
    """An engine of two workers, which do a piece when their events are asked for.

    Args:
        fault: returns what happens instead of a piece, given its name and how many were done; None: it is done.
    """

    def __init__(self, fault: Callable[[str, int], Event | None] = lambda name, done: None) -> None:
        self.fault, self.done, self.given = fault, 0, list[tuple[str, DoPiece]]()

    def count(self) -> int:
        return 2

    def submit(self, key: str, job: DoPiece, *, avoid: Collection[str] = ()) -> None:
        self.given.append((key, job))

    def revive(self) -> None:
        """Nothing is to be started."""

    def worker_of(self, key: str) -> str:
        return "one"

    def has_others(self, unfit: Collection[str]) -> bool:
        return False

    def hear(self, timeout_s: float) -> Iterator[tuple[str, Event]]:
        key, job = self.given.pop()  # the last one first
        if (event := self.fault(key, self.done)) is not None:
            yield key, event
            return
        yield key, Progressed("search", 1, 2)
        yield key, Said("A sentence.")
        answer = do_piece(job, lambda told: None)
        self.done += 1
        yield key, answer


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(*args: Any, workers: int = 1) -> int:
        return SMALL

    monkeypatch.setattr(search_workers, "block_lines", lines)
    monkeypatch.setattr(search_workers, "FEW_PRODUCTS", 0)


def sides(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors with many equal products, and copies."""
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(-1, 2, (n, 5)).astype(np.float32) for n in (80, 60))
    return x, y


def with_workers(tmp_path: Path, engine: InThisProcess, said: list[str] | None = None) -> SearchSettings:
    told = [] if said is None else said
    workers = SearchWorkers(lambda: cast(Engine, engine), tmp_path / "searches", Tell(say=told.append))
    return replace(HERE, workers=workers)


def equal(one: Any, other: Any) -> bool:
    return all(
        np.array_equal(getattr(getattr(one, way), name), getattr(getattr(other, way), name))
        for way in ("forward", "backward")
        for name in ("scores", "rows")
    )


def test_the_neighbours_are_those_of_one_process_and_nothing_is_left(tmp_path: Path) -> None:
    x, y = sides()
    engine, reports = InThisProcess(), list[Progress]()
    found = search(x, y, 4, settings=with_workers(tmp_path, engine), report=reports.append)
    assert equal(found, search(x, y, 4, settings=HERE))
    assert engine.done > 15
    assert list(tmp_path.iterdir()) == []
    assert reports[-1].done == reports[-1].total


def test_one_direction_alone(tmp_path: Path) -> None:
    x, y = sides()
    found = search(x, y, 3, both=False, settings=with_workers(tmp_path, InThisProcess()))
    one = search(x, y, 3, both=False, settings=HERE)
    assert found.backward is None
    assert np.array_equal(found.forward.rows, one.forward.rows)
    assert np.array_equal(found.forward.scores, one.forward.scores)


def test_vectors_in_files_are_read_there(tmp_path: Path) -> None:
    x, y = sides()
    pieces = []
    for start in range(0, len(x), 40):
        write_shard(tmp_path / f"{start}.safetensors", "key", x[start : start + 40].astype(np.float16))
        pieces.append(read_shard(tmp_path / f"{start}.safetensors"))
    stored = Vectors(pieces, 5).take(np.arange(len(x))[::-1])
    found = search(stored, y, 4, settings=with_workers(tmp_path, InThisProcess()))
    assert equal(found, search(x[::-1].copy(), y, 4, settings=HERE))


def test_a_block_whose_process_dies_is_searched_again(tmp_path: Path) -> None:
    x, y = sides()
    died: list[str] = []

    def fault(name: str, done: int) -> Event | None:
        if done in (3, 12) and len(died) <= done // 12:
            died.append(name)
            return DEAD
        return None

    said: list[str] = []
    found = search(x, y, 4, settings=with_workers(tmp_path, InThisProcess(fault), said))
    assert equal(found, search(x, y, 4, settings=HERE))
    assert len(died) == 2
    assert sum("searched again" in sentence for sentence in said) == 2


def test_a_block_at_which_every_process_dies_ends_the_search(tmp_path: Path) -> None:
    x, y = sides()
    engine = InThisProcess(lambda name, done: DEAD if done == 5 else None)
    said: list[str] = []
    with pytest.raises(ToolkitError, match="SIGKILL"):
        search(x, y, 4, settings=with_workers(tmp_path, engine, said))
    assert "5 of " in said[-1] or "4 of " in said[-1]
    assert "the same command continues" in said[-1]


@pytest.mark.parametrize("stopped", [1, 8, 16])
def test_a_search_that_was_stopped_continues(tmp_path: Path, stopped: int) -> None:
    x, y = sides()

    def stop(name: str, done: int) -> Event | None:
        if done == stopped:
            raise KeyboardInterrupt
        return None

    with pytest.raises(KeyboardInterrupt):
        search(x, y, 4, settings=with_workers(tmp_path, InThisProcess(stop)))
    engine, whole = InThisProcess(), InThisProcess()
    found = search(x, y, 4, settings=with_workers(tmp_path, engine))
    assert equal(found, search(x, y, 4, settings=HERE))
    search(x, y, 4, settings=with_workers(tmp_path / "other", whole))
    assert engine.done == whole.done - stopped
    assert [path for path in tmp_path.iterdir() if path.name != "other"] == []


def test_other_vectors_do_not_continue_it(tmp_path: Path) -> None:
    x, y = sides()
    home = tmp_path / "searches"
    folders = {
        SearchFolder.of(home, (Side(a), Side(b)), k, both=both).root
        for a, b, k, both in ((x, y, 4, True), (y, x, 4, True), (x, y, 3, True), (x, y, 4, False), (x + 1, y, 4, True))
    }
    assert len(folders) == 5


def test_a_damaged_part_is_removed_and_found_again(tmp_path: Path) -> None:
    x, y = sides()

    def damage(name: str, done: int) -> Event | None:
        if done == 6:
            part = min((tmp_path / "searches").glob("*/parts/ahead-*-0-*"))
            data = part.read_bytes()
            part.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
            return None
        return None

    with pytest.raises(ToolkitError, match="was damaged and is removed; the same command finds it again"):
        search(x, y, 4, settings=with_workers(tmp_path, InThisProcess(damage)))
    found = search(x, y, 4, settings=with_workers(tmp_path, InThisProcess()))
    assert equal(found, search(x, y, 4, settings=HERE))


def test_the_same_search_by_two_commands_is_refused(tmp_path: Path) -> None:
    x, y = sides()
    first, second = (np.unique(side, axis=0) for side in (x, y))
    root = SearchFolder.of(tmp_path / "searches", (Side(first), Side(second)), 4, both=True).root
    root.parent.mkdir()
    lease = hold(root.with_suffix(".lease"), wait_s=0.0)
    try:
        with pytest.raises(ToolkitError, match="searched already"):
            search(first, second, 4, settings=with_workers(tmp_path, InThisProcess()))
    finally:
        lease.close()


def test_a_worker_that_cannot_write_says_where(tmp_path: Path) -> None:
    x, y = sides()

    def deny(name: str, done: int) -> Event | None:
        for parts in (tmp_path / "searches").glob("*/parts"):
            shutil.rmtree(parts)
            parts.write_text("")  # a file, which holds for the superuser as well
        return None

    with pytest.raises(ToolkitError, match=r"A worker cannot use .*parts"):
        search(x, y, 4, settings=with_workers(tmp_path, InThisProcess(deny)))


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    x, y = sides()
    (tmp_path / "searches").write_text("")
    with pytest.raises(ToolkitError, match="name another store"):
        search(x, y, 4, settings=with_workers(tmp_path, InThisProcess()))


def test_names_of_parts() -> None:
    assert Part.of("ahead-1-0-22") == Part("ahead", 1, 0, 22)
    assert [Part.of(name) for name in ("ahead-1-0", "up-1-0-2", "ahead-1-0-x", ".ahead-1-0-2")] == [None] * 4


def test_an_approximate_search_states_its_recall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*args: Any, **more: Any) -> tuple[int, int]:
        return SMALL, 40

    monkeypatch.setattr(search_workers, "part_lines", cut)
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((n, 8)).astype(np.float32) for n in (70, 90))
    cells = replace(with_workers(tmp_path, InThisProcess()), index="IVF4,Flat")
    found = search(x, y, 3, settings=cells)
    exact = search(x, y, 3, settings=HERE)
    hits = np.mean(
        [len(set(one) & set(other)) for one, other in zip(found.forward.rows, exact.forward.rows, strict=True)]
    )
    assert 0 < found.recall < 1
    assert found.recall <= hits / 3 + 1e-9
    assert f"recall={found.recall:.4f}" in found.words
    # What is found is as near as it is.
    same_rows = found.forward.rows == exact.forward.rows
    assert np.array_equal(found.forward.scores[same_rows], exact.forward.scores[same_rows])
    assert list(tmp_path.iterdir()) == []


def test_an_approximate_search_that_was_stopped_continues_with_its_index(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x, y = (rng.standard_normal((n, 8)).astype(np.float32) for n in (1500, 900))

    def stop(name: str, done: int) -> Event | None:
        if done == 1:
            raise KeyboardInterrupt
        return None

    settings = replace(with_workers(tmp_path, InThisProcess(stop)), index="HNSW8")
    with pytest.raises(KeyboardInterrupt):
        search(x, y, 3, both=False, settings=settings)
    assert len(list((tmp_path / "searches").glob("*/index-0.faiss"))) == 1
    settings = replace(with_workers(tmp_path, InThisProcess()), index="HNSW8")
    found = search(x, y, 3, both=False, settings=settings)
    assert found.recall > 0.9
    assert list(tmp_path.iterdir()) == []


def test_a_search_of_little_asks_no_other_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    x, y = sides()
    engine = InThisProcess()
    found = search(x, y, 4, settings=with_workers(tmp_path, engine))
    assert equal(found, search(x, y, 4, settings=HERE))
    assert engine.done == 0


def test_a_memory_that_holds_no_block_is_refused_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    x, y = sides()
    settings = replace(with_workers(tmp_path, InThisProcess()), memory=0.001)
    with pytest.raises(ToolkitError, match=r"retrieve\.memory=0\.001 .* the least that works is 0\."):
        search(x, y, 4, settings=settings)
    assert list(tmp_path.iterdir()) == []
