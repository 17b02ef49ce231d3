"""Fetching: a mirror is filled from the hub with what tasks need, every file checked against its checksum there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from toolkit.errors import SourceError
from toolkit.progress import Progress, Report, silent
from toolkit.tasks.catalogue import BUILT_IN, Catalogue
from toolkit.tasks.mirror.download import commit_of, download, hub_api, is_whole, list_files, sha256_of
from toolkit.tasks.mirror.layout import guess_configs, mirror_folder, read_configs
from toolkit.tasks.mirror.manifest import Manifest, held_revision, read_manifest, write_manifest
from toolkit.tasks.mirror.pins import pinned
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.joined import JoinedSource
from toolkit.tasks.sources.paired import PairedSource
from toolkit.tasks.sources.share import ShareSource
from toolkit.tasks.task import Task

README = "README.md"
# The branch in which the hub keeps the parquet files that it made of a dataset with a loading script.
CONVERTED = "refs/convert/parquet"


@dataclass(frozen=True)
class Fetched:
    """Result of fetching one dataset.

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
    """A dataset, and by config (its spellings) the splits that tasks read of it, in the order in which they try them."""

    repo: str
    revision: str | None
    configs: dict[tuple[str, ...], list[tuple[str, ...]]] = field(default_factory=dict)


def hub_sources(task: Task) -> tuple[HubSource, ...]:
    """Return the hub datasets that a task reads its rows from; none if they come from elsewhere."""
    source: Any = task.source.source if isinstance(task.source, ShareSource) else task.source
    every = source.sources.values() if isinstance(source, JoinedSource | PairedSource) else [source]
    return tuple(each for each in every if isinstance(each, HubSource))


def with_lenders(tasks: Iterable[Task], catalogue: Catalogue = BUILT_IN) -> list[Task]:
    """Return tasks and those that lend them training rows, each once."""
    return list({each.name: each for task in tasks for each in (task, catalogue.training_task(task))}.values())


def fetch(
    tasks: Sequence[Task],
    root: Path,
    *,
    catalogue: Catalogue = BUILT_IN,
    languages: Sequence[str] | None = None,
    endpoint: str | None = None,
    report: Report = silent,
) -> Iterator[Fetched]:
    """Fetch what tasks read from the hub, and what lends them training rows, into the mirror `root`, dataset by dataset.

    A file that is there with the size and checksum that the hub states is left alone; an interrupted download continues
    where it was. While files are missing, the dataset's record says so and nothing reads it.

    Args:
        tasks: whose rows are wanted.
        root: the mirror.
        catalogue: has the tasks that lend them training rows.
        languages: codes of the languages wanted, besides those that tasks train in; None: all.
        endpoint: address of the hub; None: `HF_ENDPOINT`, else huggingface.co.
        report: progress callback.

    Raises:
        SourceError: the hub cannot be reached, lacks a dataset, or sends what does not fit its checksum.
    """
    for wanted in _wanted(with_lenders(tasks, catalogue), languages):
        yield _fetch_one(wanted, root / wanted.repo, endpoint, report)


def find_revisions(
    tasks: Sequence[Task],
    *,
    catalogue: Catalogue = BUILT_IN,
    data_root: Path | None = None,
    endpoint: str | None = None,
) -> Mapping[str, str]:
    """Return the commit of each hub dataset that tasks read: the mirror's if it holds the dataset, else the hub's newest.

    Args:
        tasks: whose datasets are wanted.
        catalogue: has the tasks that lend them training rows.
        data_root: the mirror.
        endpoint: address of the hub; None: `HF_ENDPOINT`, else huggingface.co.

    Raises:
        SourceError: neither says which commit it is.
    """
    found: dict[str, str] = {}
    for wanted in _wanted(with_lenders(tasks, catalogue), None):
        folder = mirror_folder(wanted.repo, data_root)
        if folder is None:
            found[wanted.repo] = commit_of(hub_api(endpoint), wanted.repo, wanted.revision)
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
                splits = one.configs.setdefault(source.configs_for(code), [])
                splits += [names for names in source.splits.values() if names not in splits]
    return list(found.values())


def _chosen(
    configs: Mapping[str, Mapping[str, Sequence[str]]], wanted: _Wanted, paths: Sequence[str]
) -> tuple[set[str], list[str]]:
    """Return the paths that are needed, and what tasks name and the dataset lacks."""
    needed: set[str] = set()
    lacking: list[str] = []
    for spelt, alternatives in wanted.configs.items():
        config = next((each for each in spelt if each in configs), None)
        if config is None:
            lacking.append(" or ".join(spelt))
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
    api = hub_api(endpoint)
    asked = wanted.revision
    told, commit = list_files(api, wanted.repo, asked)
    if asked is None and not any(path.endswith(".parquet") for path in told):
        asked = CONVERTED
        told, commit = list_files(api, wanted.repo, asked)
    before = read_manifest(folder)
    paths = sorted(path for path in told if path.endswith(".parquet"))
    done = 0
    record = Manifest(wanted.repo, commit, asked or "", files=before.files if before else {})
    if README in told and not is_whole(folder / README, told[README], record.files.get(README)):
        write_manifest(record, folder)
        download(api, record, folder, told[README])
        done += 1
    configs = (read_configs(folder) if README in told else {}) or guess_configs(paths)
    needed, lacking = _chosen(configs, wanted, paths)
    if not needed:
        raise SourceError(
            f"{wanted.repo}@{commit[:12]} has no parquet files of {', '.join(each[0] for each in list(wanted.configs)[:5])}; expected the "
            "configs that the task names: correct it, or name another `revision`."
        )
    # What an earlier fetch brought stays, at the same revision as the rest.
    needed |= {README} & set(told) | (set(before.files) & set(told) if before else set())
    missing = [told[path] for path in sorted(needed) if not is_whole(folder / path, told[path], record.files.get(path))]
    files = {path: record.files[path] for path in needed if path in record.files}
    record = replace(record, files=files, is_whole=False)
    if missing:
        write_manifest(record, folder)
    for number, file in enumerate(missing):
        report(Progress(f"fetch {wanted.repo}", number, len(missing)))
        download(api, record, folder, file)
    report(Progress(f"fetch {wanted.repo}", len(missing), len(missing)))
    files = {path: {"size": told[path].size, "sha256": sha256_of(folder / path)} for path in sorted(needed)}
    record = replace(record, files=files, is_whole=True)
    if record != before:
        write_manifest(record, folder)
    size = sum(each["size"] for each in files.values())
    return Fetched(wanted.repo, commit, len(files), size, done + len(missing), tuple(lacking))
