"""A folder of vectors by key and text: shards named by what is in them, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.embeddings.key import Key, read_key
from toolkit.embeddings.shards import Damaged, Foreign, read_shard, write_shard
from toolkit.embeddings.vectors import Piece, Vectors
from toolkit.errors import ToolkitError
from toolkit.files import replace_text
from toolkit.space import Need, require_space
from toolkit.texts import arranged

# Texts in a shard, on average: what a kill can lose. On two cores minutes of a large encoder, 16 MiB at width 1,024.
SHARD = 4096

Encode = Callable[[Sequence[str], Sequence[Hashable], int, int], Mapping[Hashable, np.ndarray]]


@dataclass(frozen=True)
class Lacking:
    """A shard that is not stored under each of its keys.

    Attributes:
        distinct: texts of the request that it was met in.
        places: its own among them.
        names: of the keys that it lacks.
    """

    distinct: Sequence[str]
    places: range
    names: tuple[Hashable, ...]

    @property
    def texts(self) -> Sequence[str]:
        """The texts of the shard."""
        return self.distinct[self.places.start : self.places.stop]


class Store:
    """Vectors of texts, encoded once for each key.

    The distinct texts of a request are sorted and cut into shards, and a shard is named by the texts in it. So what is
    found is the same whatever was asked for before: a shard's vectors come from one encoding of exactly these texts
    under exactly this key, never from a batch with others. Where a shard is cut depends on the texts around the cut
    alone, so that a line more in a corpus leaves most of its shards as they were.

    Args:
        folder: where the shards are stored; None: nothing is kept, and vectors stay in memory.
        shard: texts in a shard, on average.
        say: told of damaged shards.
    """

    def __init__(self, folder: Path | None, *, shard: int = SHARD, say: Callable[[str], None] | None = None) -> None:
        self.folder = folder
        self.shard = shard
        self._say = say or (lambda sentence: None)

    def vectors(
        self, keys: Mapping[Hashable, Key], texts: Sequence[str], encode: Encode, width: int
    ) -> dict[Hashable, Vectors]:
        """Return the vectors of `texts` under each key, encoding what is not there.

        Args:
            keys: what is wanted; the names are handed to `encode`. Their vectors come from one pass over the texts.
            texts: any number, repeated or not.
            encode: called with the texts of a shard, the names that lack it, how many texts of this request came before
                and how many there are to encode in all; returns [texts, D] for each name.
            width: D.

        Returns:
            For each name [N, D], a row for each of `texts`.

        Raises:
            ToolkitError: the folder cannot be written, or holds vectors of something else under this key's name.
        """
        found = arranged(texts)
        rows = np.frombuffer(found.places, np.int64) if len(found.places) else np.zeros(0, np.int64)
        vectors = self.of_distinct(keys, found.distinct, encode, width)
        return {name: each.take(rows) for name, each in vectors.items()}

    def of_distinct(
        self, keys: Mapping[Hashable, Key], distinct: Sequence[str], encode: Encode, width: int
    ) -> dict[Hashable, Vectors]:
        """Return the vectors of texts that are sorted and distinct, as `toolkit.texts.arranged` leaves them; else as `vectors`."""
        shards = cut(distinct, self.shard)
        held = self._found(keys, distinct, shards)
        missing = [at for at, found in enumerate(held) if len(found) < len(keys)]
        done, total = 0, sum(len(shards[at]) for at in missing)
        self._require_space(keys, [len(shards[at]) for at in missing for name in keys if name not in held[at]], width)
        for at in missing:
            texts = distinct[shards[at].start : shards[at].stop]
            lacking = [name for name in keys if name not in held[at]]
            encoded = encode(texts, lacking, done, total)
            for name in lacking:
                held[at][name] = self.keep(keys[name], texts, encoded[name])
            done += len(texts)
        return {name: Vectors([found[name] for found in held], width) for name in keys}

    def lacking(self, keys: Mapping[Hashable, Key], requests: Iterable[Sequence[str]], width: int) -> list[Lacking]:
        """Return the shards that requests for sorted, distinct texts lack, each once; what is encoded of them is given to `keep`.

        Raises:
            ToolkitError: as `vectors`.
        """
        found: dict[tuple[str, tuple[Hashable, ...]], Lacking] = {}
        for distinct in requests:
            shards = cut(distinct, self.shard)
            for shard, held in zip(shards, self._found(keys, distinct, shards), strict=True):
                if names := tuple(name for name in keys if name not in held):
                    name = shard_name(distinct[shard.start : shard.stop])
                    found.setdefault((name, names), Lacking(distinct, shard, names))
        self._require_space(keys, [len(each.places) for each in found.values() for _ in each.names], width)
        return list(found.values())

    def _found(
        self, keys: Mapping[Hashable, Key], distinct: Sequence[str], shards: Sequence[range]
    ) -> list[dict[Hashable, Piece | np.ndarray]]:
        """Return for each shard what is stored of it, by the name of its key."""
        for key in keys.values():
            self._open(key)
        held: list[dict[Hashable, Piece | np.ndarray]] = []
        for shard in shards:
            texts = distinct[shard.start : shard.stop]
            pieces = ((name, self._held(key, texts)) for name, key in keys.items())
            held.append({name: piece for name, piece in pieces if piece is not None})
        return held

    def _require_space(self, keys: Mapping[Hashable, Key], shards: Sequence[int], width: int) -> None:
        """Raise where the disk cannot hold the vectors of new shards, of so many texts each."""
        if self.folder is None or not shards:
            return
        size = width * max(np.dtype(key.dtype).itemsize for key in keys.values())
        instead = "name another store (`--set store.folder=DIR`) or keep nothing (`--set store.folder=null`)"
        require_space([Need("the vectors", self.folder, size * sum(shards), size * max(shards), instead)])

    def folder_of(self, key: Key) -> Path:
        """Return the folder of the shards of a key."""
        if self.folder is None:
            raise ToolkitError("This store keeps nothing; give it a folder.")
        return self.folder / key.digest[:32]

    def _open(self, key: Key) -> None:
        if self.folder is None:
            return
        file = self.folder_of(key) / "key.json"
        try:
            written = read_key(file)
        except (FileNotFoundError, NotADirectoryError):
            replace_text(file, json.dumps(key.to_dict(), indent=1, ensure_ascii=False) + "\n")
            return
        except (OSError, ValueError, TypeError, KeyError) as fault:
            raise ToolkitError(
                f"{file} cannot be read as what its vectors were made from ({fault}); remove the folder {file.parent}."
            ) from None
        for noun, found, expected in (
            ("the backbone", written.backbone, key.backbone),
            ("the key", written.digest, key.digest),
        ):
            if found != expected:
                raise ToolkitError(
                    f"{file.parent} holds vectors of {noun} {found[:12]}, but {noun} in use is {expected[:12]}; remove that "
                    "folder or name another store (`--set store.folder=DIR`)."
                )

    def _path(self, key: Key, shard: Sequence[str]) -> Path:
        return self.folder_of(key) / f"{shard_name(shard)}.safetensors"

    def _held(self, key: Key, shard: Sequence[str]) -> Piece | None:
        if self.folder is None:
            return None
        path = self._path(key, shard)
        try:
            return read_shard(path, key.digest, n=len(shard))
        except FileNotFoundError:
            return None
        except Foreign as fault:
            raise ToolkitError(f"{fault}; remove that file or name another store (`--set store.folder=DIR`).") from None
        except Damaged as fault:
            self._say(f"{fault}; its {len(shard)} texts are encoded again.")
            return None

    def keep(self, key: Key, shard: Sequence[str], vectors: np.ndarray) -> Piece | np.ndarray:
        """Write the vectors of a shard's texts, and return where they are; without a folder, return them.

        Raises:
            ToolkitError: they are not finite, or the folder cannot be written.
        """
        vectors = np.ascontiguousarray(vectors, np.dtype(key.dtype))
        if len(vectors) != len(shard):
            raise ValueError(f"{len(vectors)} vectors for {len(shard)} texts")
        if not np.isfinite(vectors).all():
            bad = shard[int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])]
            raise ToolkitError(
                f"The vector of '{bad[:60]}' holds NaN or infinite numbers and is not kept; check the weights of "
                f"'{key.composition}', or use precision fp32 or store.dtype float32."
            )
        if self.folder is None:
            return vectors
        path = self._path(key, shard)
        try:
            write_shard(path, key.digest, vectors)
        except OSError as fault:
            raise ToolkitError(
                f"Cannot write to the store {self.folder} ({fault.strerror or fault}); free space, name another "
                "(`--set store.folder=DIR`) or keep nothing (`--set store.folder=null`): the shards before are kept."
            ) from None
        return read_shard(path, key.digest, n=len(shard), is_checked=False)


def cut(texts: Sequence[str], size: int) -> list[range]:
    """Cut sorted texts into shards of `size` on average and twice that at most; a text decides by itself if it ends one.

    Example:
        >>> texts = [f"{n:03d}" for n in range(100)]
        >>> more = sorted([*texts, "0505"])
        >>> before, after = cut(texts, 8), cut(more, 8)
        >>> texts[before[-1].start :] == more[after[-1].start :], max(map(len, before)) <= 16
        (True, True)
    """
    shards: list[range] = []
    start = 0
    for at, text in enumerate(texts):
        number = int.from_bytes(
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
        )
        if number % size == 0 or at + 1 - start == 2 * size or at + 1 == len(texts):
            shards.append(range(start, at + 1))
            start = at + 1
    return shards


def shard_name(texts: Sequence[str]) -> str:
    """Return a name that says which texts, in which order."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:40]
