"""Files of a hub dataset: listed with their checksums, and downloaded whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from toolkit.errors import SourceError
from toolkit.hub import prepare_hub
from toolkit.tasks.mirror.manifest import Manifest

_BLOCK = 2**20


def hub_api(endpoint: str | None) -> Any:
    """Return the client of the hub at an address; None: `HF_ENDPOINT`, else huggingface.co."""
    if endpoint is None:
        prepare_hub()
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint)


def commit_of(api: Any, repo: str, revision: str | None) -> str:
    """Return the commit of a revision; None: the newest.

    Raises:
        SourceError: the hub cannot be reached, or has no such dataset or revision.
    """
    try:
        return str(api.dataset_info(repo, revision=revision).sha)
    except Exception as error:
        raise unreachable(repo, revision, error) from error


def list_files(api: Any, repo: str, revision: str | None) -> tuple[dict[str, Any], str]:
    """Return what the hub says of each file, by path, and the commit.

    Raises:
        SourceError: as `commit_of`, or a path that leads out of the folder.
    """
    commit = commit_of(api, repo, revision)
    try:
        every = list(api.list_repo_tree(repo, repo_type="dataset", revision=commit, recursive=True))
    except Exception as error:
        raise unreachable(repo, revision, error) from error
    files = {each.path: each for each in every if hasattr(each, "blob_id")}
    for path in files:
        if ".." in PurePosixPath(path).parts or PurePosixPath(path).is_absolute():
            raise SourceError(
                f"{repo} names a file '{path}', which leads out of its folder; expected a path inside it."
            )
    return files, commit


def unreachable(repo: str, revision: str | None, error: Exception) -> Exception:
    """The sentence for what the hub's library or the network raised; a fault of ours stays what it is."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if not isinstance(error, HfHubHTTPError | HFValidationError | OfflineModeIsEnabled | OSError):
        return error
    # Offline mode is ours where the hub does not answer: the advice to unset its variable would mislead.
    is_offline = isinstance(error, OfflineModeIsEnabled)
    said = "the hub does not answer from here" if is_offline else " ".join(str(error).split())[:200].rstrip(".")
    at = f" at revision {revision}" if revision else ""
    return SourceError(
        f"The hub's dataset {repo}{at} cannot be reached ({said}); expected a network and an id that exists; what is "
        "fetched already stays, and the same command continues."
    )


def download(api: Any, record: Manifest, folder: Path, told: Any) -> None:
    """Download one file, whole or not at all; one that does not fit its checksum is fetched once more from the beginning.

    Raises:
        SourceError: the hub cannot be reached, or the file does not fit its checksum twice.
    """
    for is_forced in (False, True):
        try:
            # A damaged file must not be taken for the one that was noted at its download.
            (folder / told.path).unlink(missing_ok=True)
            api.hf_hub_download(
                record.repo,
                told.path,
                repo_type="dataset",
                revision=record.revision,
                local_dir=folder,
                force_download=is_forced,
            )
        except Exception as error:
            raise unreachable(record.repo, record.revision[:12], error) from error
        if is_whole(folder / told.path, told, None):
            return
    (folder / told.path).unlink(missing_ok=True)
    raise SourceError(
        f"{record.repo}/{told.path} arrived twice with another content than the hub states; expected {told.size:,} bytes of "
        "its checksum: try again later, or another endpoint."
    )


def is_whole(file: Path, told: Any, known: Mapping[str, Any] | None) -> bool:
    """Return whether a file is the one that the hub lists, and the one in the record, by all that they say of it."""
    try:
        if not file.is_file() or file.stat().st_size != told.size:
            return False
        if told.lfs is not None:
            return bool(sha256_of(file) == told.lfs.sha256)
        return bool((known is None or sha256_of(file) == known["sha256"]) and _blob_id(file) == told.blob_id)
    except OSError:
        return False


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return _digest(file, hashlib.sha256())


def _blob_id(file: Path) -> str:
    """Git's name of a file's content, which the hub gives for files that are not in its large storage."""
    return _digest(file, hashlib.sha1(f"blob {file.stat().st_size}\0".encode()))


def _digest(file: Path, digest: Any) -> str:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return str(digest.hexdigest())
