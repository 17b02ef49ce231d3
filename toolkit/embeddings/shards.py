"""One shard: a safetensors file with one matrix, its checksum and the key that it was made under."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.embeddings.vectors import Piece
from toolkit.files import json_of, not_a_file, replacing

MAX_HEADER_BYTES = 100_000
_DTYPES = {"F32": "float32", "F16": "float16"}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class Damaged(Exception):
    """A shard whose bytes are not what was written."""


class Foreign(Exception):
    """A whole shard that was made under another key."""


def write_shard(path: Path, key: str, vectors: np.ndarray) -> None:
    """Write a shard under another name, flush it to the disk and rename it; a kill leaves the whole file or none.

    The same vectors are the same bytes, whichever process writes them.

    Args:
        key: digest of its key.
        vectors: float32 or float16 [n, D], contiguous.
    """
    # By hand: the library orders metadata otherwise each time (findings/safetensors_orders_metadata_at_random.sh).
    metadata = {"key": key, "sha256": hashlib.sha256(vectors.data).hexdigest()}
    entry = {"dtype": _NAMES[vectors.dtype.name], "shape": vectors.shape, "data_offsets": [0, vectors.nbytes]}
    header = json.dumps({"__metadata__": metadata, "vectors": entry}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with replacing(path) as stream:
        stream.write(len(header).to_bytes(8, "little") + header)
        stream.write(vectors.data)


def read_shard(path: Path, key: str | None = None, *, n: int | None = None, is_checked: bool = True) -> Piece:
    """Return where a shard's matrix is stored; every byte is compared with its checksum.

    Args:
        key: digest that it must have been made under; None: any.
        n: rows that it must have; None: any.
        is_checked: False: it was written by this process just now.

    Raises:
        FileNotFoundError: there is none.
        Damaged: it is cut short or changed.
        Foreign: it was made under another key.
    """
    try:
        if fault := not_a_file(path):
            raise Damaged(f"The shard {path} is damaged (it is {fault})")
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= MAX_HEADER_BYTES:
                raise Damaged(f"The shard {path} is damaged (its header)")
            header: Any = json_of(stream.read(length))
            facts, entry = header["__metadata__"], header["vectors"]
            begin, end = (8 + length + int(offset) for offset in entry["data_offsets"])
            rows, width = (int(size) for size in entry["shape"])
            dtype = _DTYPES[entry["dtype"]]
            made_under, checksum = str(facts["key"]), str(facts["sha256"])
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise Damaged(f"The shard {path} is damaged ({fault})") from None
    if rows < 0 or width < 0 or end - begin != rows * width * np.dtype(dtype).itemsize or status.st_size != end:
        raise Damaged(f"The shard {path} is damaged (it has {status.st_size} bytes)")
    piece = Piece(path, begin, (rows, width), dtype, status.st_mtime_ns)
    if is_checked:
        with open(path, "rb") as stream:
            stream.seek(begin)
            if hashlib.file_digest(stream, "sha256").hexdigest() != checksum:
                raise Damaged(f"The shard {path} is damaged (its SHA-256 is another)")
    if key is not None and made_under != key:
        raise Foreign(f"The shard {path} was made under the key {made_under[:12]}, expected {key[:12]}")
    if n is not None and rows != n:
        raise Damaged(f"The shard {path} is damaged (it has {rows} rows, expected {n})")
    return piece
