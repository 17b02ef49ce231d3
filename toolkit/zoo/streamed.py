"""Tensors of a weight file, read from it in pieces: a checkpoint of gigabytes is checked in a few MiB of memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

from toolkit.files import json_of

if TYPE_CHECKING:
    import numpy as np

PIECE = 1 << 20  # numbers that are read at a time
# Names of number formats in a file, and in NumPy.
_FORMATS = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
}


@dataclass(frozen=True)
class Stored:
    """A tensor in an open file.

    Attributes:
        file: the descriptor of the file.
        begin: its first byte.
        shape: of the tensor.
        dtype: of its numbers.
    """

    file: int
    begin: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield its numbers in their order, some at a time: [n]."""
        import numpy as np

        n = prod(self.shape)
        for first in range(0, n, PIECE):
            size = min(PIECE, n - first) * self.dtype.itemsize
            data = os.pread(self.file, size, self.begin + first * self.dtype.itemsize)
            yield np.frombuffer(data, self.dtype)


def stored_tensors(stream: BinaryIO) -> Mapping[str, Stored]:
    """Return the tensors of a file in safetensors' format, which the caller has checked with `safe_open`.

    Raises:
        TypeError: a number format that NumPy lacks (bfloat16, float8).
    """
    import numpy as np

    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    header: Any = json_of(stream.read(length))
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in _FORMATS:
            raise TypeError(f"data type '{entry['dtype']}' not understood")
        begin, shape = 8 + length + int(entry["data_offsets"][0]), tuple(map(int, entry["shape"]))
        found[name] = Stored(stream.fileno(), begin, shape, np.dtype(_FORMATS[entry["dtype"]]))
    return found
