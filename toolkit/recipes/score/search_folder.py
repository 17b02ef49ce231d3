"""Folder of a search that several processes do: what is searched, and the neighbours that were found so far."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.embeddings import Vectors
from toolkit.embeddings.shards import read_shard, write_shard
from toolkit.embeddings.vectors import Piece
from toolkit.errors import ToolkitError
from toolkit.files import json_of, replace_text, replacing
from toolkit.retrieval.blocks import Grid, Part
from toolkit.retrieval.held import parts, zeros
from toolkit.retrieval.rescore import Neighbours
from toolkit.retrieval.side import Side

FORMAT = 1
_DIGEST = 16  # bytes at the head of a file of neighbours
_SIDES = ("first", "second")


@dataclass(frozen=True)
class Order:
    """What is searched, and how.

    Attributes:
        grid: the blocks.
        width: D.
        k: neighbours.
        memory: GiB of one worker.
        index: FAISS's name of an index of each block of the second side; `Flat` is exact.
    """

    grid: Grid
    width: int
    k: int
    memory: float
    index: str = "Flat"


class SearchFolder:
    """Folder of one search; every file in it is whole or absent.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._read: tuple[Order, list[list[Piece]]] | None = None

    @classmethod
    def of(cls, home: Path, sides: Sequence[Side], k: int, *, both: bool, index: str = "Flat") -> SearchFolder:
        """Return the folder of a search: the same vectors have the same one."""
        digest = hashlib.sha256(json.dumps([FORMAT, k, both, index]).encode())
        for side in sides:
            digest.update(json.dumps([len(side), side.width]).encode())
            for piece in _pieces(side):
                if isinstance(piece, Piece):
                    digest.update(json.dumps([piece.path.name, piece.shape, piece.changed_ns]).encode())
                else:
                    digest.update(hashlib.sha256(np.ascontiguousarray(piece).data).digest())
            for rows in _rows(side):
                digest.update(rows.data)
        return cls(home / digest.hexdigest()[:24])

    def begin(self, order: Order, sides: Sequence[Side]) -> Order:
        """Write down what is searched, or find what an earlier run began, which is kept unless the memory is less now.

        Raises:
            ToolkitError: the folder cannot be written.
        """
        try:
            with suppress(OSError, ValueError, KeyError, TypeError):
                held = self.order()
                if held.memory <= order.memory:  # its blocks are those of another number of workers, perhaps
                    return held
            shutil.rmtree(self.root, ignore_errors=True)
            (self.root / "parts").mkdir(parents=True)
            described = []
            for name, side in zip(_SIDES, sides, strict=True):
                with replacing(self.root / f"{name}.rows") as stream:
                    for rows in _rows(side):
                        stream.write(rows.data)
                described.append([_described(piece) for piece in self._in_files(name, side)])
            facts = {"format": FORMAT, "order": asdict(order), "sides": described}
            replace_text(self.root / "search.json", json.dumps(facts) + "\n")
            return order
        except OSError as fault:
            raise ToolkitError(
                f"Cannot write to {self.root} ({fault.strerror or fault}); free space, or name another store (`--set store.folder=DIR`)."
            ) from None

    def order(self) -> Order:
        """Return what is searched.

        Raises:
            OSError, ValueError, KeyError, TypeError: it is not written down here.
        """
        return self._facts()[0]

    def block(self, side: int, lines: slice) -> Side:
        """Return some lines of a side."""
        order, pieces = self._facts()
        n = lines.stop - lines.start
        with open(self.root / f"{_SIDES[side]}.rows", "rb") as file:
            rows = np.frombuffer(os.pread(file.fileno(), 8 * n, 8 * lines.start), np.int64)
        return Side(Vectors(pieces[side], order.width, rows))

    def names(self) -> list[str]:
        """Return the names of the parts that are there."""
        return os.listdir(self.root / "parts")

    def keep(self, part: Part, found: Iterable[Neighbours]) -> None:
        """Write neighbours that come some lines at a time."""
        digest = hashlib.blake2b(digest_size=_DIGEST)
        with replacing(self._path(part), is_synced=False) as stream:  # a damaged one is found by its digest
            stream.write(bytes(_DIGEST))
            for some in found:
                data = _interleaved(some).data
                digest.update(data)
                stream.write(data)
            stream.seek(0)
            stream.write(digest.digest())

    def found(self, part: Part) -> np.ndarray:
        """Return neighbours, mapped from their file: [n, k] of `scores` and `rows`.

        Raises:
            ToolkitError: the file is damaged; it is removed.
        """
        path, order = self._path(part), self.order()
        n = len(range(*order.grid.lines(part.way, part.block).indices(2**62)))
        with open(path, "rb") as stream:
            digest = stream.read(_DIGEST)
            whole = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=_DIGEST)).digest() == digest
        size = path.stat().st_size - _DIGEST
        if not whole or size <= 0 or size % (n * _ENTRY.itemsize):
            path.unlink(missing_ok=True)
            raise ToolkitError(f"{path} was damaged and is removed; the same command finds it again.")
        return np.memmap(path, _ENTRY, "r", offset=_DIGEST, shape=(n, size // (n * _ENTRY.itemsize)))

    def index(self, number: int) -> Path:
        """Return the file of the index of a block of the second side."""
        return self.root / f"index-{number}.faiss"

    def forget(self, names: Iterable[str]) -> None:
        """Remove parts that nobody needs any more."""
        for name in names:
            (self.root / "parts" / name).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _path(self, part: Part) -> Path:
        return self.root / "parts" / part.name

    def _facts(self) -> tuple[Order, list[list[Piece]]]:
        if self._read is None:
            facts: Any = json_of((self.root / "search.json").read_bytes())
            if facts["format"] != FORMAT:
                raise ValueError("another format")
            told = facts["order"]
            grid = Grid(**{**told["grid"], "ways": tuple(told["grid"]["ways"])})
            order = Order(**{**told, "grid": grid})
            pieces = [[Piece(Path(path), *_typed(rest)) for path, *rest in side] for side in facts["sides"]]
            self._read = order, pieces
        return self._read

    def _in_files(self, name: str, side: Side) -> list[Piece]:
        """Return the pieces of a side; those that are in memory are written here."""
        found: list[Piece] = []
        for number, piece in enumerate(_pieces(side)):
            if isinstance(piece, Piece):
                found.append(replace(piece, path=piece.path.absolute()))
                continue
            path = self.root / f"{name}-{number}.safetensors"
            write_shard(path, "", np.ascontiguousarray(piece, np.float32))
            found.append(replace(read_shard(path, is_checked=False), path=path.absolute()))
        return found


_ENTRY = np.dtype([("scores", np.float32), ("rows", np.int64)])


def _interleaved(found: Neighbours) -> np.ndarray:
    data = np.empty(found.scores.shape, _ENTRY)
    data["scores"], data["rows"] = found.scores, found.rows
    return data


def _pieces(side: Side) -> Sequence[Piece | np.ndarray]:
    return side.array.pieces if isinstance(side.array, Vectors) else [np.asarray(side.array)]


def _rows(side: Side) -> Iterable[np.ndarray]:
    """Yield the rows of the pieces put together that a side's lines are, some at a time."""
    own = side.array.rows if isinstance(side.array, Vectors) else None
    for part in parts(len(side)):
        rows = np.arange(part.start, part.stop) if side.rows is None else side.rows[part]
        yield np.ascontiguousarray(rows if own is None else own[rows], np.int64)


def _described(piece: Piece) -> list[Any]:
    return [str(piece.path), piece.offset, list(piece.shape), piece.dtype, piece.changed_ns]


def _typed(rest: list[Any]) -> tuple[int, tuple[int, int], str, int]:
    offset, (n, width), dtype, changed_ns = rest
    return int(offset), (int(n), int(width)), str(dtype), int(changed_ns)


def all_found(folder: SearchFolder, wanted: Sequence[Part], k: int) -> Neighbours:
    """Return the neighbours of all lines, on the disk where they are many."""
    order = folder.order()
    n = sum(
        order.grid.lines(part.way, part.block).stop - order.grid.lines(part.way, part.block).start for part in wanted
    )
    found = Neighbours(zeros((n, k), np.float32), zeros((n, k), np.int64))
    for part in wanted:
        lines = order.grid.lines(part.way, part.block)
        held = folder.found(part)
        found.scores[lines], found.rows[lines] = held["scores"], held["rows"]
    return found
