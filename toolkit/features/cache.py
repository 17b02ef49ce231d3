"""Cache of tokenised rows on disk: made once, mapped into memory the next time, never read when damaged."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from toolkit.cache import cache_root
from toolkit.features.collate import Features
from toolkit.features.parts import tokenised_in_parts
from toolkit.features.ragged import Ragged
from toolkit.features.tokenise import TOKENISERS, Tokenising
from toolkit.files import json_of, not_a_file, replacing
from toolkit.tasks.kinds import Kind
from toolkit.tasks.task import Rows

ENDING = ".safetensors"
GIB = 2**30
ABANDONED_S = 3600.0  # a file half-written so long ago is what a kill left
_DTYPES = {"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?", "F32": "<f4", "F64": "<f8"}
_HEADER_LIMIT = 2**20
# What turns rows into tokens: an edit of any of them makes another key.
_CODE = (
    "choice.py",
    "collate.py",
    "pair.py",
    "query.py",
    "ragged.py",
    "sentence.py",
    "span.py",
    "tags.py",
    "text.py",
    "tokenise.py",
)
_digests: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


class Damage(Exception):
    """A file of the cache that is not what was written."""


@dataclass(frozen=True)
class Held:
    """What the cache holds: `files` and their `size` in bytes."""

    folder: Path
    files: int
    size: int


def features_folder() -> Path:
    """Return the folder of tokenised rows, `features` in the cache folder."""
    return cache_root() / "features"


def cached_features(
    rows: Rows,
    kind: Kind,
    tokenizer: Any,
    how: Tokenising,
    *,
    max_bytes: int,
    say: Callable[[str], None],
) -> Features:
    """Return the features of `rows`: from the cache if it has them, else made as `features_of` does and kept there.

    Args:
        kind: one that `TOKENISERS` has.
        how: the settings; those that the kind does not read make no difference to the file.
        max_bytes: what the cache may hold in all; the files used longest ago make room. 0: nothing is read or kept.
        say: called with a sentence if a file was damaged or could not be written; the features are right either way.
    """
    tokens = tokenizer_digest(tokenizer) if max_bytes else None
    if tokens is None:
        return tokenised_in_parts(rows, kind, tokenizer, how)
    read = {name: getattr(how, name) for name in TOKENISERS[kind].reads}
    read["max_length"] = how.max_length or TOKENISERS[kind].max_length
    key = _key(rows=rows.fingerprint, tokenizer=tokens, kind=kind, code=code_digest(), **read)
    file = features_folder() / f"{key}{ENDING}"
    try:
        found = read_features(file, key)
        if found is not None:
            return found
    except Damage as damage:
        say(f"The tokenised rows in {file} are damaged ({damage}); they are made again.")
    made = tokenised_in_parts(rows, kind, tokenizer, how)
    try:
        write_features(made, file, key)
        prune(max_bytes, spare=file)
    except OSError as error:
        say(
            f"The tokenised rows could not be kept in {file.parent} ({error.strerror}); free space, set XSTILTS_CACHE to "
            "another folder, or cache_gib=0."
        )
    return made


def tokenizer_digest(tokenizer: Any) -> str | None:
    """Return a sha256 over all that decides how a fast tokenizer cuts text; None for any other tokenizer."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    if tokenizer not in _digests:
        import tokenizers

        text = backend.to_str()
        # Truncation and padding come before it and change from call to call; the calls themselves set them.
        text = text[max(0, text.find('"added_tokens"')) :]
        special = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id, tokenizers.__version__]
        _digests[tokenizer] = hashlib.sha256(f"{special}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
    return _digests[tokenizer]


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return a sha256 over the source of the modules that make features."""
    folder = Path(__file__).parent
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in _CODE)).hexdigest()


def _key(**parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


# -- one file -----------------------------------------------------------------------------------------------------


def write_features(features: Features, file: Path, key: str) -> None:
    """Write features to `file` atomically: safetensors, every array with its sha256, all sealed.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    plain: dict[str, Any] = {}
    for name, value in _named(features):
        if isinstance(value, Ragged):
            arrays[f"{name}/values"], arrays[f"{name}/offsets"] = value.values, value.offsets
        elif isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            plain[name] = value
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    said = json.dumps({"key": key, "plain": plain, "sha256": {name: _sha256(each) for name, each in arrays.items()}})
    # One entry: the library writes several in any order, and equal rows shall make equal files.
    data = save(arrays, {"features": f"{hashlib.sha256(said.encode()).hexdigest()} {said}"})
    with replacing(file, is_synced=False) as stream:  # whoever reads it compares every byte with its checksum
        stream.write(data)


def read_features(file: Path, key: str) -> Features | None:
    """Return the features of a file, mapped into memory and checked against their sha256; None where there is none.

    Raises:
        Damage: the file is not what `write_features` wrote for this key, whatever is wrong with it.
    """
    try:
        if fault := not_a_file(file):
            raise Damage(f"it is {fault}")
        with file.open("rb") as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        os.utime(file)  # used now: what was used longest ago goes first
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        raise Damage(str(error)) from None
    try:
        (length,) = struct.unpack_from("<Q", mapped)
        if length > _HEADER_LIMIT:
            raise Damage("its header has no end")
        header: Any = json_of(mapped[8 : 8 + length])
        seal, _, said = header["__metadata__"]["features"].partition(" ")
        if hashlib.sha256(said.encode()).hexdigest() != seal:
            raise Damage("its seal is broken")
        known: Any = json_of(said)
        if known["key"] != key:
            raise Damage("it belongs to other rows")
        arrays = {name: _mapped(mapped, 8 + length, header[name]) for name in known["sha256"]}
        for name, sha256 in known["sha256"].items():
            if _sha256(arrays[name]) != sha256:
                raise Damage(f"'{name}' has another checksum")
        return _built(known["plain"], arrays)
    except (struct.error, ValueError, KeyError, TypeError, OverflowError) as error:
        raise Damage(f"{type(error).__name__}: {error}") from None


def _named(features: Features) -> Iterator[tuple[str, Any]]:
    for one in fields(features):
        value = getattr(features, one.name)
        if one.name == "extra":
            yield from ((f"extra/{name}", each) for name, each in value.items())
        else:
            yield one.name, value


def _built(plain: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Features:
    found: dict[str, Any] = dict(plain)
    for name, array in arrays.items():
        root, _, last = name.rpartition("/")
        if last == "values":
            found[root] = Ragged(array, arrays[f"{root}/offsets"])
        elif last != "offsets":
            found[name] = array
    extra = {name.removeprefix("extra/"): found.pop(name) for name in list(found) if name.startswith("extra/")}
    return Features(**found, extra=extra)


def _mapped(mapped: mmap.mmap, base: int, told: Mapping[str, Any]) -> np.ndarray:
    """A plain read-only array over the mapped file: `np.memmap` costs microseconds at every slice."""
    start, end = told["data_offsets"]
    dtype = np.dtype(_DTYPES[told["dtype"]])
    if end - start == 0:
        return np.zeros(told["shape"], dtype)
    found = np.frombuffer(mapped, dtype, (end - start) // dtype.itemsize, base + start)
    return found.reshape(told["shape"])


def _sha256(array: np.ndarray) -> str:
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}\n".encode())
    digest.update(array.data)
    return digest.hexdigest()


# -- the folder ---------------------------------------------------------------------------------------------------


def prune(max_bytes: int, *, spare: Path | None = None) -> None:
    """Remove the files used longest ago until the rest holds `max_bytes`; `spare` stays, and others' unfinished files."""
    kept: list[tuple[float, int, Path]] = []
    for file in features_folder().glob("*"):
        try:
            stat = file.lstat()
            if file.suffix == ENDING:
                kept.append((stat.st_mtime, stat.st_size, file))
            elif time.time() - stat.st_mtime > ABANDONED_S:
                _remove(file)
        except FileNotFoundError:  # another process was faster
            continue
    total = sum(size for _, size, _ in kept)
    for _, size, file in sorted(kept):
        if total <= max_bytes:
            return
        if file != spare:
            _remove(file)
            total -= size


def held() -> Held:
    """Return what the cache of tokenised rows holds."""
    sizes = []
    for file in features_folder().glob(f"*{ENDING}"):
        with suppress(FileNotFoundError):  # another process was faster
            sizes.append(file.lstat().st_size)
    return Held(features_folder(), len(sizes), sum(sizes))


def clear() -> Held:
    """Remove all tokenised rows and return what there was; what a running process has mapped stays readable to it."""
    was = held()
    for file in features_folder().glob("*"):
        _remove(file)
    return was


def _remove(path: Path) -> None:
    """Remove a file, or whatever somebody has put in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
