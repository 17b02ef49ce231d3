"""Manifest of a mirrored dataset: the revision it was fetched at, and the size and SHA-256 of each file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import DataError, SourceError
from toolkit.files import load_json, read_regular, replacing

FILE = ".xstilts.json"
FORMAT = 1
SHA = re.compile(r"[0-9a-f]{40}")
# Where `hf download --local-dir` notes the commit of each file, in the first line.
_NOTES = Path(".cache") / "huggingface" / "download"


@dataclass(frozen=True)
class Manifest:
    """The record that `tasks fetch` keeps with a dataset's files.

    Attributes:
        repo: hub id.
        revision: commit that the files are of.
        asked: the branch, tag or commit that was asked for, empty for the newest.
        is_whole: False while files are being fetched; such a dataset is not read.
        files: `size` and `sha256` by path.
    """

    repo: str
    revision: str
    asked: str = ""
    is_whole: bool = False
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    format: int = FORMAT


def read_manifest(folder: Path) -> Manifest | None:
    """Return a dataset's record, or None if `tasks fetch` did not fill the folder.

    Raises:
        DataError: the record is damaged.
    """
    file = folder / FILE
    try:
        told: Any = load_json(file)
        found = Manifest(**told)
        if not SHA.fullmatch(found.revision) or not all(
            {"size", "sha256"} <= set(each) for each in found.files.values()
        ):
            raise ValueError("no revision, or a file without size and sha256")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"{file} is damaged ({error}); expected the record of `xstilts tasks fetch`: remove it and fetch again."
        ) from None
    return found


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write a dataset's record, atomically."""
    try:
        with replacing(folder / FILE) as stream:
            stream.write(json.dumps(asdict(manifest), indent=1, sort_keys=True).encode())
    except OSError as error:
        raise SourceError(
            f"{folder} cannot be written ({error.strerror}); free space or choose another --to."
        ) from error


def held_revision(folder: Path, files: Sequence[Path], wanted: str | None) -> str:
    """Return the commit that mirrored files are of, or an empty text if nothing says so.

    Args:
        folder: the dataset's folder.
        files: the files that are about to be read.
        wanted: the revision that the task or a pin asks for.

    Raises:
        SourceError: the dataset is not at the revision that is wanted.
        DataError: a file is not as large as when it was fetched.
    """
    manifest = read_manifest(folder)
    again = f"`xstilts tasks fetch TASK --out {folder.parent.parent}`"
    if manifest is None:
        held, names = _noted(folder, files), {""}
    else:
        held, names = manifest.revision, {manifest.asked}
        for file in files:
            told = manifest.files.get(file.relative_to(folder).as_posix())
            if told is None:
                raise DataError(f"{file} was not fetched with the rest of its mirror; {again} brings it.")
            if told["size"] != file.stat().st_size:
                raise DataError(
                    f"{file} has {file.stat().st_size:,} bytes, and {told['size']:,} when it was fetched; {again} fixes it."
                )
    if wanted is not None and wanted not in names:
        is_commit = re.fullmatch(r"[0-9a-f]{7,40}", wanted) is not None
        if is_commit and not held.startswith(wanted):
            what = f"is at revision {held[:12]}" if held else "does not say which revision it holds"
            raise SourceError(f"The mirror {folder} {what}; revision {wanted[:12]} was asked for: {again} brings it.")
    return held


def _noted(folder: Path, files: Sequence[Path]) -> str:
    """The commit that `hf download` noted for all of these files."""
    found = set()
    for file in files:
        note = folder / _NOTES / f"{file.relative_to(folder).as_posix()}.metadata"
        try:
            found.add(read_regular(note).decode("utf-8").split("\n", 1)[0].strip())
        except (OSError, UnicodeDecodeError):
            return ""
    commit = found.pop() if len(found) == 1 else ""
    return commit if SHA.fullmatch(commit) else ""
