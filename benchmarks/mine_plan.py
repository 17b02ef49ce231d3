"""Plan of a mining by many workers: `python benchmarks/mine_plan.py [--lines N] [--workers N] [--quick] --json OUT`.

Says what an exact mining of N lines a side takes: blocks, bytes and hours. The schedule is the one that `mine --workers` follows;
its pieces are not done but simulated, each with the time that one took here. Measured, in processor time of one
thread, are a block (at two sizes, so that the time
of a larger one is known to grow with its area), the merging of neighbours, the reading of a side by the process that waits for the
workers, and its choice of pairs. `--block-seconds` and `--block` give the time and the lines of a block of another machine instead.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measure import write

from toolkit.embeddings import Vectors
from toolkit.embeddings.shards import read_shard, write_shard
from toolkit.retrieval import SearchSettings, candidates
from toolkit.retrieval.blocks import Grid, Part, Piece, Schedule
from toolkit.retrieval.budget import block_bytes
from toolkit.retrieval.knn import exact_block, surveyed
from toolkit.retrieval.partial import merged
from toolkit.retrieval.rescore import Neighbours
from toolkit.retrieval.side import Side

WIDTH, K = 1024, 4
ENTRY = 12  # bytes of a neighbour on the disk
STORED = 2  # bytes of a number in the store, as float16


@dataclass(frozen=True)
class Times:
    """Seconds of the pieces of a search.

    Attributes:
        block: of a block of full size on both sides; smaller ones take their share of it.
        merge: of merging a million neighbours' lists into one, per list.
        start: between two pieces of a worker.
    """

    block: float
    merge: float
    start: float = 0.0

    def of(self, piece: Piece, grid: Grid) -> float:
        """Return the seconds of a piece."""
        first = piece.makes[0]
        lines = _length(grid, first)
        if piece.reads:
            return self.start + self.merge * len(piece.reads) * lines / 1e6
        other = grid.lines("back" if first.way == "ahead" else "ahead", first.place)
        return self.start + self.block * lines * (other.stop - other.start) / grid.size**2


@dataclass(frozen=True)
class Simulated:
    """What a schedule takes.

    Attributes:
        seconds: until the last piece is done.
        busy: share of the workers' time in which they do something.
        pieces: blocks and mergings.
        peak_lists: the most neighbours' lists of a line that were on the disk at a time.
    """

    seconds: float
    busy: float
    pieces: int
    peak_lists: int


def simulated(grid: Grid, workers: int, times: Times) -> Simulated:
    """Follow the schedule of a search with so many workers, each of which takes the next piece as soon as it is free."""
    schedule = Schedule(grid)
    running: list[tuple[float, int, Piece]] = []
    now, busy, pieces, held, peak = 0.0, 0.0, 0, 0, 0
    while True:
        while len(running) < workers and (piece := schedule.next()) is not None:
            took = times.of(piece, grid)
            heapq.heappush(running, (now + took, pieces, piece))
            busy, pieces = busy + took, pieces + 1
        if not running:
            break
        now, _, piece = heapq.heappop(running)
        held += sum(_length(grid, part) for part in piece.makes)
        peak = max(peak, held)
        held -= sum(_length(grid, part) for part in schedule.finish(piece))
    return Simulated(now, busy / (now * workers) if now else 1.0, pieces, peak)


def _length(grid: Grid, part: Part) -> int:
    lines = grid.lines(part.way, part.block)
    return lines.stop - lines.start


# -- measured -----------------------------------------------------------------------------------------------------------


def units(seed: int, n: int, near: np.ndarray | None = None) -> np.ndarray:
    """Return unit vectors [n, WIDTH]; those of `near` have a partner each."""
    values = np.random.default_rng(seed).standard_normal((n, WIDTH), np.float32)
    if near is not None:
        values += near
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values


def block_seconds(n: int, folder: Path) -> float:
    """Return the seconds of a block of n lines a side, read from files."""
    x = units(0, n)
    sides = []
    for name, values in (("x", x), ("y", units(1, n, x))):
        pieces = []
        for start in range(0, n, 4096):
            path = folder / f"{name}-{n}-{start}.safetensors"
            write_shard(path, "", values[start : start + 4096].astype(np.float16))
            pieces.append(read_shard(path, is_checked=False))
        sides.append(Side(Vectors(pieces, WIDTH)))
    began = time.process_time()
    exact_block(sides[0], sides[1], K, both=True, settings=SearchSettings(threads=1), report=lambda told: None)
    return time.process_time() - began


def merge_seconds(n: int) -> float:
    """Return the seconds that merging takes for a million lists, per list that is merged."""
    rng = np.random.default_rng(0)
    found = [
        Neighbours(rng.random((n, K), np.float32), rng.integers(0, 1 << 40, (n, K)) * 8 + number) for number in range(8)
    ]
    began = time.process_time()
    merged(found, K)
    return (time.process_time() - began) / 8 / n * 1e6


def alone_seconds(n: int) -> dict[str, float]:
    """Return the seconds per million lines of a side that the waiting process takes: to read it, and to choose pairs."""
    x = units(0, n)
    began = time.process_time()
    surveyed(x, x[:8], K)
    read = time.process_time() - began
    rng, many = np.random.default_rng(0), 10 * n
    near = [
        Neighbours(-np.sort(-rng.random((many, K), np.float32), axis=1), rng.integers(0, many, (many, K))) for _ in "xy"
    ]
    began = time.process_time()
    candidates(near[0], near[1], margin="ratio", direction="max")
    return {"read": read / n * 1e6, "choose": (time.process_time() - began) / many * 1e6}


def plan(lines: int, size: int, workers: list[int], times: Times, alone: dict[str, float]) -> dict[str, Any]:
    """Return what the mining of so many lines a side takes."""
    grid = Grid(lines, lines, size)
    found: dict[str, Any] = {
        "lines": lines,
        "block": size,
        "blocks": grid.count("ahead") * grid.count("back"),
        "vectors_gb": 2 * lines * WIDTH * STORED / 1e9,
        "one_block_reads_gb": 2 * size * WIDTH * STORED / 1e9,
        "memory_of_a_worker_gib": block_bytes(size, WIDTH, K, SearchSettings(device="cpu")) / 2**30,
        "neighbours_gb": 2 * lines * K * ENTRY / 1e9,
        "hours_of_one_process": {name: seconds * 2 * lines / 1e6 / 3600 for name, seconds in alone.items()},
    }
    for n in workers:
        said = simulated(grid, n, times)
        found[f"workers_{n}"] = {
            "hours": said.seconds / 3600,
            "busy": said.busy,
            "pieces": said.pieces,
            "peak_on_disk_gb": said.peak_lists * K * ENTRY / 1e9,
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: within a minute")
    parser.add_argument("--lines", type=int, default=100_000_000, help="of either side")
    parser.add_argument("--block", type=int, default=1 << 16, help="lines of a block on either side")
    parser.add_argument("--workers", type=int, nargs="+", default=[64, 1024], help="of one thread each")
    parser.add_argument("--block-seconds", type=float, help="of a block of that size; default: measured here")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    args = parser.parse_args()
    sizes = (1024, 2048) if args.quick else (8192, 16384)
    lines = 1_000_000 if args.quick else args.lines
    measured: dict[str, float] = {}
    if args.block_seconds is None:
        with tempfile.TemporaryDirectory() as folder:
            block_seconds(1024, Path(folder))  # the first one starts the libraries
            measured = {f"block_{size}": block_seconds(size, Path(folder)) for size in sizes}
    block = args.block_seconds or measured[f"block_{sizes[-1]}"] * (args.block / sizes[-1]) ** 2
    small = sizes[0] if args.quick else 1 << 16
    times = Times(block, merge_seconds(small), 0.01)
    alone = alone_seconds(small // 2)
    found = plan(lines, args.block, args.workers, times, alone)
    details = {"measured_seconds": measured, "times": asdict(times), "seconds_per_million_lines": alone, "plan": found}
    print(details)
    ratio = {"growth": measured[f"block_{sizes[1]}"] / measured[f"block_{sizes[0]}"]} if measured else {}
    write(args.json, ratios=ratio, details=details)


if __name__ == "__main__":
    main()
