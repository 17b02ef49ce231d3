"""Fetching a release: from where its makers publish it, or from a copy, into a mirror as parquet with its record."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from toolkit.errors import SourceError
from toolkit.files import replacing
from toolkit.paths import at_home
from toolkit.progress import Progress, Report, silent
from toolkit.tasks.mirror.alone import filled_alone
from toolkit.tasks.mirror.download import sha256_of
from toolkit.tasks.mirror.manifest import Manifest, read_manifest, write_manifest
from toolkit.tasks.release.place import Place, in_memory, is_archive, open_place
from toolkit.tasks.release.release import Release, Rows
from toolkit.web import download

_README = "README.md"
_PARTS = ".parts"  # of downloads, in the folder of the dataset


@dataclass(frozen=True)
class Arrived:
    """What fetching a release left in a mirror.

    Attributes:
        revision: commit of the published files, or a digest of other rows.
        files: number of files, with the README.
        size: their bytes.
        written: files that were written; the others were there, and the same.
        is_published: whether the rows are those that were published.
    """

    revision: str
    files: int
    size: int
    written: int
    is_published: bool


def fetch_release(release: Release, root: Path, *, place: str | None = None, report: Report = silent) -> Arrived:
    """Fetch a release into the mirror `root`.

    Args:
        release: of what.
        root: the mirror; the rows go to `root/release.path`.
        place: a copy in place of what its makers publish: a folder, an archive, the URL of an archive, or the URL of a
            folder of `release.files`.
        report: progress callback.

    Raises:
        SourceError: the place cannot be reached, or holds something else.
        DataError: a file is not what it should be.
    """
    folder = root / release.path
    if (arrived := _there(release, folder, place)) is not None:
        return arrived
    with filled_alone(folder, release.path, report):
        # Another process may have brought it meanwhile.
        return _there(release, folder, place) or _brought(release, folder, place, report)


def _there(release: Release, folder: Path, place: str | None) -> Arrived | None:
    """Return what a mirror holds, if it holds the published rows whole and no other place is asked for."""
    before = read_manifest(folder)
    if place is not None or before is None or not _is_whole(before, folder, release.revision):
        return None
    size = sum(int(each["size"]) for each in before.files.values())
    return Arrived(before.revision, len(before.files), size, 0, True)


def _brought(release: Release, folder: Path, place: str | None, report: Report) -> Arrived:
    what = f"fetch {release.path}"
    report(Progress(what, 0, 1))
    try:
        rows = release.read(_open(release, place, folder / _PARTS, report, what))
    finally:
        report(Progress(what, 1, 1))
    digest = rows_digest(rows)
    is_published = digest == release.rows
    revision = release.revision if is_published else digest[:40]
    files = {_file_of(*key): _parquet(rows[key]) for key in sorted(rows)}
    files[_README] = _readme(release, rows, is_published)
    written = _write(Manifest(release.path, revision), files, folder)
    shutil.rmtree(folder / _PARTS, ignore_errors=True)
    return Arrived(revision, len(files), sum(map(len, files.values())), written, is_published)


def rows_digest(rows: Rows) -> str:
    """Return the sha256 of rows in the order of their languages and splits."""
    digest = hashlib.sha256()
    for key in sorted(rows):
        digest.update(json.dumps([key, rows[key]], ensure_ascii=False).encode())
    return digest.hexdigest()


# -- where it comes from -----------------------------------------------------------------------------------------------


def _open(release: Release, place: str | None, parts: Path, report: Report, what: str) -> Place:
    """Return the place that holds the release; what comes from the web is downloaded into `parts` first."""
    if place is None or _is_url(place):
        url = release.url if place is None else place
        return _from_web(release, url, parts, report, what)
    if place.startswith("file:"):
        place = url2pathname(unquote(urlsplit(place).path))
    return open_place(at_home(place), release.is_wanted)


def _from_web(release: Release, url: str, parts: Path, report: Report, what: str) -> Place:
    if is_archive(url):
        file = parts / hashlib.sha256(url.encode()).hexdigest()[:16] / Path(urlsplit(url).path).name
        if not file.is_file():
            download(url, file, release.archives.get(url), report=_bytes(report, what))
        return open_place(file, release.is_wanted)
    base = url if url.endswith("/") else f"{url}/"
    own = base == release.url
    found = []
    for number, (path, content) in enumerate(release.files.items()):
        report(Progress(what, number, len(release.files)))
        file = parts / hashlib.sha256(base.encode()).hexdigest()[:16] / path
        if not file.is_file():
            download(base + path, file, content if own else None)
        found.append((path, file.read_bytes()))
    return in_memory(base, found)


def _bytes(report: Report, what: str) -> Callable[[int, int], None]:
    def told(done: int, total: int) -> None:
        # Less than all of it, because reading the archive is still to come.
        report(Progress(what, min(done, total - 1), total) if total > 1 else Progress(what, 0, 1))

    return told


def _is_url(place: str) -> bool:
    return urlsplit(place).scheme in ("http", "https")


# -- what it leaves ----------------------------------------------------------------------------------------------------


def _is_whole(manifest: Manifest, folder: Path, revision: str) -> bool:
    if not manifest.is_whole or manifest.revision != revision:
        return False
    return all(
        (folder / path).is_file() and sha256_of(folder / path) == told["sha256"]
        for path, told in manifest.files.items()
    )


def _write(record: Manifest, files: dict[str, bytes], folder: Path) -> int:
    """Write what differs; until all is there the record says so, and nothing reads the dataset."""
    facts = {path: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in files.items()}
    changed = [
        path for path in files if not (folder / path).is_file() or sha256_of(folder / path) != facts[path]["sha256"]
    ]
    whole = Manifest(record.repo, record.revision, is_whole=True, files=facts)
    if not changed and read_manifest(folder) == whole:
        return 0
    write_manifest(record, folder)
    try:
        for path in changed:
            with replacing(folder / path) as stream:
                stream.write(files[path])
    except OSError as error:
        raise SourceError(
            f"{folder} cannot be written ({error.strerror}); free space or choose another --out."
        ) from error
    write_manifest(whole, folder)
    return len(changed)


def _file_of(language: str, split: str) -> str:
    return f"{language}/{split}-00000-of-00001.parquet"


def _parquet(rows: list[tuple[list[str], list[str]]]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    texts = pyarrow.list_(pyarrow.string())
    columns = {"tokens": [tokens for tokens, _ in rows], "tags": [tags for _, tags in rows]}
    table = pyarrow.table({name: pyarrow.array(values, texts) for name, values in columns.items()})
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream)
    return stream.getvalue()


def _readme(release: Release, rows: Rows, is_published: bool) -> bytes:
    lines = ["---", "configs:"]
    for language in dict.fromkeys(language for language, _ in rows):
        lines += [f"- config_name: {language}", "  data_files:"]
        for split in (split for held, split in rows if held == language):
            lines += [f"  - split: {split}", f"    path: {_file_of(language, split)}"]
    other = "" if is_published else " These are other rows than those of the published files."
    name = release.name[0].upper() + release.name[1:]
    lines += ["---", "", f"{name}: gold tokens and CCG categories. {release.terms}{other}", ""]
    return "\n".join(lines).encode()
