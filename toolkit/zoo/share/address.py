"""Addresses of places: a folder, any fsspec URL, a repository of the hub."""

from __future__ import annotations

import re
from pathlib import Path

from toolkit.errors import ZooError
from toolkit.paths import at_home
from toolkit.zoo.share.hub import open_hub
from toolkit.zoo.share.place import Place, reaching

_URL = re.compile(r"[a-z][a-z0-9+.-]*(::|://)")
_SLIP = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/*")  # an address with too few slashes; one letter is a drive of Windows


def open_place(url: str) -> Place:
    """Return the place that a user's text names.

    Args:
        url: a folder, `file:///...`, `hf://org/repo`, or any URL of fsspec (`s3://`, `gs://`, `ssh://`, `memory://`).

    Raises:
        ZooError: no such protocol, its package is not installed, or it is almost an address.
    """
    if not _URL.match(url):
        if (slip := _SLIP.match(url)) and not at_home(url).exists():
            raise ZooError(
                f"'{url}' is neither a folder nor an address; write `{slip[1].lower()}://{url[slip.end() :]}` for an address, or "
                f"`./{url}` for a new folder."
            )
        return _folder(url, at_home(url))
    if url.startswith("hf://"):
        return open_hub(url)
    import fsspec

    with reaching(url):
        fs, base = fsspec.url_to_fs(url)
    if type(fs).__name__ == "LocalFileSystem":
        return _folder(url, Path(base))
    return Place(url, fs, base.rstrip("/"))


def _folder(url: str, path: Path) -> Place:
    import fsspec

    if path.exists() and not path.is_dir():
        raise ZooError(f"{url} is a file, expected a folder or a URL; for an archive give `zip://::{url}`.")
    return Place(url, fsspec.filesystem("file"), str(path.absolute()), path.absolute())
