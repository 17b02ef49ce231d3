"""Fill a mirror from the hub: what the tasks need, every file checked against what the hub says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from toolkit.errors import SourceError
from toolkit.hub import prepare_hub
from toolkit.progress import Progress, Report, silent
from toolkit.tasks.catalogue import training_task
from toolkit.tasks.mirror.manifest import Manifest, held_revision, read_manifest, write_manifest
from toolkit.tasks.mirror.mirror import guess_configs, mirror_folder, read_configs
from toolkit.tasks.mirror.pins import pinned
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.joined import JoinedSource
from toolkit.tasks.task import Task

README = "README.md"
# Where the hub keeps the parquet files that it made of a dataset with a loading script.
CONVERTED = "refs/convert/parquet"
_BLOCK = 2**20


@dataclass(frozen=True)
class Fetched:
    """What became of one dataset.

    Attributes:
        repo: hub id.
        revision: the commit that the mirror now holds.
        files: number of files that the tasks need.
        size: their bytes.
        downloaded: files that were downloaded; the others were there, and whole.
        lacking: configs or splits that tasks name and the dataset does not have.
    """

    repo: str
    revision: str
    files: int
    size: int
    downloaded: int
    lacking: tuple[str, ...] = ()


@dataclass
class _Wanted:
    """A dataset, and by config the splits that tasks read of it, in the order in which they try them."""

    repo: str
    revision: str | None
    configs: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)


def hub_sources(task: Task) -> tuple[HubSource, ...]:
    """Return the hub datasets that a task reads its rows from; none where they come from elsewhere."""
    source: Any = task.source
    every = source.sources.values() if isinstance(source, JoinedSource) else [source]
    return tuple(each for each in every if isinstance(each, HubSource))


def with_lenders(tasks: Iterable[Task]) -> list[Task]:
    """Return tasks and those that lend them training rows, each once."""
    return list({each.name: each for task in tasks for each in (task, training_task(task))}.values())


def fetch(
    tasks: Sequence[Task],
    root: Path,
    *,
    languages: Sequence[str] | None = None,
    endpoint: str | None = None,
    report: Report = silent,
) -> Iterator[Fetched]:
    """Fetch what tasks read from the hub, and what lends them training rows, into the mirror `root`, dataset by dataset.

    A file that is there with the size and checksum that the hub states is left alone; an interrupted download goes on where it
    was. While files are missing, the dataset's record says so and nothing reads it.

    Args:
        tasks: whose rows are wanted.
        root: the mirror.
        languages: codes of the languages wanted, besides those that tasks train in; None: all.
        endpoint: address of the hub; None: `HF_ENDPOINT`, else huggingface.co.
        report: progress callback.

    Raises:
        SourceError: the hub cannot be reached, lacks a dataset, or sends what does not fit its checksum.
    """
    for wanted in _wanted(with_lenders(tasks), languages):
        yield _fetch_one(wanted, root / wanted.repo, endpoint, report)


def find_revisions(
    tasks: Sequence[Task], *, data_root: Path | None = None, endpoint: str | None = None
) -> Mapping[str, str]:
    """Return the commit of each hub dataset that tasks read: the mirror's where it holds the dataset, else the hub's newest.

    Raises:
        SourceError: neither says which commit it is.
    """
    found: dict[str, str] = {}
    for wanted in _wanted(with_lenders(tasks), None):
        folder = mirror_folder(wanted.repo, data_root)
        if folder is None:
            found[wanted.repo] = _commit(_api(endpoint), wanted.repo, wanted.revision)
            continue
        commit = held_revision(folder, sorted(folder.glob("**/*.parquet"))[:1], None)
        if not commit:
            raise SourceError(
                f"The mirror {folder} does not say which revision it holds, so it cannot be pinned; fetch it with "
                f"`xstilts tasks fetch TASK --out {folder.parent.parent}`, or with `hf download`, which note it."
            )
        found[wanted.repo] = commit
    return found


# -- what is wanted -----------------------------------------------------------------------------------------------


def _wanted(tasks: Iterable[Task], languages: Sequence[str] | None) -> list[_Wanted]:
    found: dict[str, _Wanted] = {}
    for task in tasks:
        codes = [
            code
            for code in task.pairs
            if languages is None or set(code.split(".")) <= {*languages, task.train_language}
        ]
        for source in hub_sources(task):
            one = found.setdefault(source.path, _Wanted(source.path, source.revision or pinned(source.path)))
            for code in codes:
                splits = one.configs.setdefault(source.config_for(code), [])
                splits += [names for names in source.splits.values() if names not in splits]
    return list(found.values())


def _chosen(
    configs: Mapping[str, Mapping[str, Sequence[str]]], wanted: _Wanted, paths: Sequence[str]
) -> tuple[set[str], list[str]]:
    """Return the paths that are needed, and what tasks name and the dataset lacks."""
    needed: set[str] = set()
    lacking: list[str] = []
    for config, alternatives in wanted.configs.items():
        if config not in configs:
            lacking.append(config)
            continue
        for names in alternatives:
            parts = {part for name in names for part in name.split("+")}
            held = {part: _matching(configs[config].get(part, ()), paths) for part in parts}
            needed |= {path for found in held.values() for path in found}
            if not any(all(held[part] for part in name.split("+")) for name in names):
                lacking.append(f"{config} {' or '.join(names)}")
    return needed, lacking


def _matching(patterns: Iterable[str], paths: Sequence[str]) -> list[str]:
    return [path for path in paths if any(_matches(path, pattern) for pattern in patterns)]


def _matches(path: str, pattern: str) -> bool:
    if "**" in pattern:  # the hub's own spelling of "any folder"; one level of `match` would be too few
        start, _, end = pattern.partition("**/")
        return path.startswith(start) and PurePosixPath(path).match(end)
    return path.count("/") == pattern.count("/") and PurePosixPath(path).match(pattern)


# -- one dataset --------------------------------------------------------------------------------------------------


def _fetch_one(wanted: _Wanted, folder: Path, endpoint: str | None, report: Report) -> Fetched:
    api = _api(endpoint)
    asked = wanted.revision
    told, commit = _listing(api, wanted.repo, asked)
    if asked is None and not any(path.endswith(".parquet") for path in told):
        asked = CONVERTED
        told, commit = _listing(api, wanted.repo, asked)
    before = read_manifest(folder)
    paths = sorted(path for path in told if path.endswith(".parquet"))
    done = 0
    record = Manifest(wanted.repo, commit, asked or "", files=before.files if before else {})
    if README in told and not _is_whole(folder / README, told[README], record.files.get(README)):
        write_manifest(record, folder)
        _download(api, record, folder, told[README])
        done += 1
    configs = (read_configs(folder) if README in told else {}) or guess_configs(paths)
    needed, lacking = _chosen(configs, wanted, paths)
    if not needed:
        raise SourceError(
            f"{wanted.repo}@{commit[:12]} has no parquet files of {', '.join(list(wanted.configs)[:5])}; expected the "
            "configs that the task names: correct it, or name another `revision`."
        )
    # What an earlier fetch brought stays, at the same revision as the rest.
    needed |= {README} & set(told) | (set(before.files) & set(told) if before else set())
    missing = [
        told[path] for path in sorted(needed) if not _is_whole(folder / path, told[path], record.files.get(path))
    ]
    files = {path: record.files[path] for path in needed if path in record.files}
    record = replace(record, files=files, is_whole=False)
    if missing:
        write_manifest(record, folder)
    for number, file in enumerate(missing):
        report(Progress(f"fetch {wanted.repo}", number, len(missing)))
        _download(api, record, folder, file)
    report(Progress(f"fetch {wanted.repo}", len(missing), len(missing)))
    files = {path: {"size": told[path].size, "sha256": _sha256(folder / path)} for path in sorted(needed)}
    record = replace(record, files=files, is_whole=True)
    if record != before:
        write_manifest(record, folder)
    size = sum(each["size"] for each in files.values())
    return Fetched(wanted.repo, commit, len(files), size, done + len(missing), tuple(lacking))


def _api(endpoint: str | None) -> Any:
    if endpoint is None:
        prepare_hub()
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint)


def _commit(api: Any, repo: str, revision: str | None) -> str:
    try:
        return str(api.dataset_info(repo, revision=revision).sha)
    except Exception as error:
        raise _unreachable(repo, revision, error) from error


def _listing(api: Any, repo: str, revision: str | None) -> tuple[dict[str, Any], str]:
    """Return what the hub says of each file, by path, and the commit."""
    commit = _commit(api, repo, revision)
    try:
        every = list(api.list_repo_tree(repo, repo_type="dataset", revision=commit, recursive=True))
    except Exception as error:
        raise _unreachable(repo, revision, error) from error
    files = {each.path: each for each in every if hasattr(each, "blob_id")}
    for path in files:
        if ".." in PurePosixPath(path).parts or PurePosixPath(path).is_absolute():
            raise SourceError(
                f"{repo} names a file '{path}', which leads out of its folder; expected a path inside it."
            )
    return files, commit


def _unreachable(repo: str, revision: str | None, error: Exception) -> Exception:
    """The sentence for what the hub's library or the network raised; a fault of ours stays what it is."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if not isinstance(error, HfHubHTTPError | HFValidationError | OfflineModeIsEnabled | OSError):
        return error
    said = " ".join(str(error).split())[:200]
    at = f" at revision {revision}" if revision else ""
    return SourceError(
        f"The hub's dataset {repo}{at} cannot be reached ({said}); expected a network and an id that exists. What is "
        "fetched already stays; the same command goes on."
    )


def _download(api: Any, record: Manifest, folder: Path, told: Any) -> None:
    """Bring one file, whole or not at all; one that does not fit its checksum is fetched once more from the beginning."""
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
            raise _unreachable(record.repo, record.revision[:12], error) from error
        if _is_whole(folder / told.path, told, None):
            return
    (folder / told.path).unlink(missing_ok=True)
    raise SourceError(
        f"{record.repo}/{told.path} arrived twice with another content than the hub states; expected {told.size:,} bytes of "
        "its checksum: try again later, or another endpoint."
    )


def _is_whole(file: Path, told: Any, known: Mapping[str, Any] | None) -> bool:
    """Return whether a file is the one that the hub tells of, and the one that the record knows, by all that they say."""
    try:
        if not file.is_file() or file.stat().st_size != told.size:
            return False
        if told.lfs is not None:
            return _sha256(file) == told.lfs.sha256
        return (known is None or _sha256(file) == known["sha256"]) and _blob_id(file) == told.blob_id
    except OSError:
        return False


def _sha256(file: Path) -> str:
    return _digest(file, hashlib.sha256())


def _blob_id(file: Path) -> str:
    """Git's name of a file's content, which the hub gives for files that are not in its large storage."""
    return _digest(file, hashlib.sha1(f"blob {file.stat().st_size}\0".encode()))


def _digest(file: Path, digest: Any) -> str:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return str(digest.hexdigest())
