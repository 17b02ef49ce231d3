"""Place that holds a copy of a release: a folder, or an archive, which is read where it is and never unpacked."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import DataError, SourceError
from toolkit.files import file_fault

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# No file of a release comes near it; an archive may claim, or hold, what would fill the memory.
_MOST_BYTES = 2**26


@dataclass(frozen=True)
class Place:
    """Files by name (with `/`), read when they are asked for.

    Attributes:
        said: what to call the place in a message.
        names: of its files.
        read: returns a file's content.
    """

    said: str
    names: tuple[str, ...]
    read: Callable[[str], bytes]


def open_place(path: Path, wanted: Callable[[str], bool]) -> Place:
    """Return what a folder or an archive holds.

    Args:
        path: the folder, or the archive (`ARCHIVES`).
        wanted: whether a file is of interest, by its name; the others are not listed.

    Raises:
        SourceError: it is neither, or the archive is damaged.
    """
    if path.is_dir():
        return _folder(path, wanted)
    if fault := file_fault(path):
        raise SourceError(f"The release {path} {fault}; expected a folder or an archive ({', '.join(ARCHIVES)}).")
    try:
        if zipfile.is_zipfile(path):
            return _zip(path, wanted)
        if tarfile.is_tarfile(path):
            return _tar(path, wanted)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise SourceError(f"The archive {path} is damaged ({error}); fetch it again.") from None
    raise SourceError(
        f"The release {path} is neither a folder nor a whole archive ({', '.join(ARCHIVES)}); fetch it again."
    )


def _folder(path: Path, wanted: Callable[[str], bool]) -> Place:
    found = []
    for folder, below, files in os.walk(path):
        # The automatic layers of a release are a hundred times as many files as the gold ones.
        below[:] = sorted(each for each in below if each not in ("silver", "bronze", ".git"))
        stem = Path(folder).relative_to(path).as_posix()
        found += [name for each in sorted(files) if wanted(name := each if stem == "." else f"{stem}/{each}")]

    def read(name: str) -> bytes:
        try:
            with open(path / name, "rb") as file:
                return _limited(file.read(_MOST_BYTES + 1), f"{path / name}")
        except OSError as error:
            raise SourceError(f"{path / name} cannot be read ({error.strerror}).") from None

    return Place(str(path), tuple(found), read)


def _zip(path: Path, wanted: Callable[[str], bool]) -> Place:
    archive = zipfile.ZipFile(path)
    members = {each.filename: each for each in archive.infolist() if not each.is_dir() and wanted(each.filename)}

    def read(name: str) -> bytes:
        try:
            with archive.open(members[name]) as file:
                return _limited(file.read(_MOST_BYTES + 1), f"{path}: {name}")
        except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError) as error:
            raise SourceError(f"{path}: {name} cannot be read ({error}); fetch the archive again.") from None

    return Place(str(path), tuple(sorted(members)), read)


def _tar(path: Path, wanted: Callable[[str], bool]) -> Place:
    # Members of a compressed archive can only be read in their order: what is wanted is read at once.
    held: dict[str, bytes] = {}
    with tarfile.open(path) as archive:
        for each in archive:
            if each.isreg() and wanted(each.name) and (file := archive.extractfile(each)) is not None:
                held[each.name] = _limited(file.read(_MOST_BYTES + 1), f"{path}: {each.name}")
    return Place(str(path), tuple(sorted(held)), held.__getitem__)


def _limited(data: bytes, said: str) -> bytes:
    if len(data) > _MOST_BYTES:
        raise DataError(f"{said} has more than {_MOST_BYTES / 2**20:.0f} MiB; expected a file of the release.")
    return data


def is_archive(name: str) -> bool:
    """Return whether a path or a URL names an archive.

    Example:
        >>> is_archive("https://host/pmb-4.0.0.zip?x=1"), is_archive("https://host/files/")
        (True, False)
    """
    return name.split("?")[0].split("#")[0].lower().endswith(ARCHIVES)


def in_memory(said: str, files: Iterable[tuple[str, bytes]]) -> Place:
    """Return a place of files that were fetched one by one."""
    held = dict(files)
    return Place(said, tuple(sorted(held)), held.__getitem__)
