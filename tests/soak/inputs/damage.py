"""Damages of a file, each by its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path, bytes], None]


def _says(content: bytes | str) -> Damage:
    data = content.encode() if isinstance(content, str) else content
    return lambda path, _: _write(path, data)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _changed(change: Callable[[bytes], bytes]) -> Damage:
    return lambda path, data: _write(path, change(data))


def _folder(path: Path, _: bytes) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path, _: bytes) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(to: str) -> Damage:
    def make(path: Path, _: bytes) -> None:
        path.unlink()
        path.symlink_to(to.format(path.name))

    return make


def _flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :] if data else b"\x10"


def _utf16(data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode("utf-16")


_ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)

DAMAGES: dict[str, Damage] = {
    "gone": lambda path, _: path.unlink(),
    "empty": _says(b""),
    "a folder": _folder,
    "a pipe that nobody writes to": _pipe,
    "a link to itself": _link("{}"),
    "a link to nothing": _link("nowhere/at all"),
    "a link to an endless device": _link("/dev/zero"),
    "the first half": _changed(lambda data: data[: len(data) // 2]),
    "without its last line": _changed(lambda data: data[: data.rstrip(b"\n").rfind(b"\n") + 1]),
    "a byte changed": _changed(_flip),
    "another file behind it": _changed(lambda data: data + b"\n" + data),
    "noise": _says(bytes((n * 7919 + n * n * 104729) % 251 for n in range(4000))),
    "zeros": _says(bytes(4096)),
    "UTF-16": _changed(_utf16),
    "not UTF-8": _changed(lambda data: b"caf\xe9 \xff\xfe" + data),
    "a picture": _says(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64)),
    "a text": _says("hello, world\n"),
    "null": _says("null\n"),
    "a list": _says("[1, 2, 3]\n"),
    "an empty mapping": _says("{}\n"),
    "a mapping of something else": _says('{"to": {"be": ["or", "not"]}, "n": 1e400, "": null}\n'),
    "a number": _says("17\n"),
    "deep": _says("[" * 100_000),
    "aliases of aliases": _says(_ALIASES),
    "a tag that asks for Python": _says("name: !!python/object/apply:os.getcwd []\n"),
    "one long line": _says("x" * 2_000_000),
    "escape sequences": _says('{"\x1b]0;title\x07\x1b[2J": "\x1b[31mred\u202e"}\n'),
}


def damage(path: Path, name: str) -> None:
    """Put a damage in the place of a file."""
    DAMAGES[name](path, path.read_bytes() if path.is_file() else b"")


def undo(path: Path, original: bytes) -> None:
    """Put a file back."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(original)
