"""Fetching: a mirror is filled from the hub with what tasks need, every file checked against its checksum there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.progress import Progress, Report, silent
from toolkit.tasks.catalogue import BUILT_IN, Catalogue
from toolkit.tasks.mirror.download import Withheld, download, hub_api, is_whole, sha256_of
from toolkit.tasks.mirror.manifest import Manifest, held_revision, read_manifest, write_manifest
from toolkit.tasks.release.release import Release
from toolkit.tasks.road.listing import README, Listing
from toolkit.tasks.road.road import find_road, forget
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.joined import JoinedSource
from toolkit.tasks.sources.on_hub import words_of
from toolkit.tasks.sources.paired import PairedSource
from toolkit.tasks.sources.release import ReleaseSource
from toolkit.tasks.sources.share import ShareSource
from toolkit.tasks.task import Task


@dataclass(frozen=True)
class Fetched:
    """Result of fetching one dataset.

    Attributes:
        repo: hub id of the dataset that answered.
        revision: the commit that the mirror now holds.
        files: number of files that the tasks need.
        size: their bytes.
        downloaded: files that were downloaded; the others were there, and whole.
        lacking: configs or splits that tasks name and the dataset does not have.
        road: which dataset answered, and why not another.
        fault: why nothing was fetched of it, as a sentence; empty where all is there.
    """

    repo: str
    revision: str
    files: int
    size: int
    downloaded: int
    lacking: tuple[str, ...] = ()
    road: str = ""
    fault: str = ""


@dataclass
class _Wanted:
    """A dataset at a commit, why it answers, and by config (its spellings) the splits that tasks read of it."""

    listing: Listing
    road: str
    configs: dict[tuple[str, ...], list[tuple[str, ...]]] = field(default_factory=dict)


def hub_sources(task: Task) -> tuple[HubSource, ...]:
    """Return the hub datasets that a task reads its rows from; none if they come from elsewhere."""
    source: Any = task.source.source if isinstance(task.source, ShareSource) else task.source
    every = source.sources.values() if isinstance(source, JoinedSource | PairedSource) else [source]
    return tuple(each for each in every if isinstance(each, HubSource) and not isinstance(each, ReleaseSource))


def releases(tasks: Iterable[Task]) -> tuple[Release, ...]:
    """Return the releases that tasks read their rows from, each once."""
    every = [task.source.source if isinstance(task.source, ShareSource) else task.source for task in tasks]
    return tuple({each.path: each.release for each in every if isinstance(each, ReleaseSource)}.values())


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

    A dataset that cannot be had is yielded with its `fault`, and the others are fetched.

    Raises:
        SourceError: the hub cannot be reached, or the mirror cannot be written.
    """
    forget()
    found: dict[tuple[str, str], _Wanted] = {}
    for task in with_lenders(tasks, catalogue):
        for source in hub_sources(task):
            try:
                _want(source, task, languages, endpoint, found)
            except Withheld as fault:
                yield Fetched(source.path, "", 0, 0, 0, fault=str(fault))
    for wanted in found.values():
        try:
            yield _fetch_one(wanted, root / wanted.listing.repo, endpoint, report)
        except Withheld as fault:
            yield Fetched(wanted.listing.repo, wanted.listing.commit, 0, 0, 0, fault=str(fault))


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
    forget()
    found: dict[str, str] = {}
    for task in with_lenders(tasks, catalogue):
        for source in hub_sources(task):
            found[source.path] = _revision_of(source, task, data_root, endpoint)
    return found


def _revision_of(source: HubSource, task: Task, data_root: Path | None, endpoint: str | None) -> str:
    """Return the commit that a source's rows are of, with the id before it if they are another dataset's."""
    mirrored = source.mirrored(task.pairs, data_root)
    if mirrored is None:
        listing = find_road(source.places(task.pairs), endpoint=endpoint, is_fresh=True).listing
        return listing.commit if listing.repo == source.path else f"{listing.repo}@{listing.commit}"
    held, folder = mirrored
    commit = held_revision(folder, sorted(folder.glob("**/*.parquet"))[:1], None)
    if not commit:
        raise SourceError(
            f"The mirror {folder} does not say which revision it holds, so it cannot be pinned; fetch it with "
            f"`xstilts tasks fetch TASK --out {folder.parent.parent}`, or with `hf download`, which note it."
        )
    return commit if held.path == source.path else f"{held.path}@{commit}"


# -- what is wanted -----------------------------------------------------------------------------------------------


def _want(
    source: HubSource,
    task: Task,
    languages: Sequence[str] | None,
    endpoint: str | None,
    found: dict[tuple[str, str], _Wanted],
) -> None:
    """Add what a task reads of a source to what is wanted of the dataset that answers for it."""
    codes = [
        each for each in task.pairs if languages is None or set(each.split(".")) <= {*languages, task.train_language}
    ]
    if not codes:
        return
    places = source.places(task.pairs)
    road = find_road(places, endpoint=endpoint, is_fresh=True)
    listing = road.listing
    if not road.is_parquet:
        raise Withheld(
            f"The hub's dataset {listing.at} holds no parquet files of {task.name}, and the hub has no conversion of it; "
            "`tasks fetch` copies parquet alone: declare its files in a task file (docs/add_a_task.md)."
        )
    one = found.setdefault((listing.repo, listing.commit), _Wanted(listing, words_of(road, places)))
    answering = source.roads()[road.number]
    for code in codes:
        splits = one.configs.setdefault(answering.configs_for(code), [])
        splits += [names for names in source.splits.values() if names not in splits]


def _chosen(wanted: _Wanted) -> tuple[set[str], list[str]]:
    """Return the paths that are needed, and what tasks name and the dataset lacks."""
    needed: set[str] = set()
    lacking: list[str] = []
    listing = wanted.listing
    for spelt, alternatives in wanted.configs.items():
        config = listing.config(spelt)
        if config is None:
            lacking.append(" or ".join(spelt))
            continue
        for names in alternatives:
            # Part by part: where one of several joined splits is missing, the others are fetched.
            parts = {part: listing.split_files(config, part) for name in names for part in name.split("+")}
            needed |= {each.path for files in parts.values() for each in files}
            if not any(listing.split_files(config, name) for name in names):
                lacking.append(f"{config} {' or '.join(names)}")
    return needed, lacking


# -- one dataset --------------------------------------------------------------------------------------------------


def _fetch_one(wanted: _Wanted, folder: Path, endpoint: str | None, report: Report) -> Fetched:
    api, listing = hub_api(endpoint), wanted.listing
    told, repo = listing.files, listing.repo
    before = read_manifest(folder)
    needed, lacking = _chosen(wanted)
    if not needed:
        raise Withheld(
            f"{listing.at} has no parquet files of {', '.join(each[0] for each in list(wanted.configs)[:5])}; expected the "
            "configs that the task names: correct it, or name another `revision`."
        )
    # What an earlier fetch brought stays, at the same revision as the rest.
    needed |= {README} & set(told) | (set(before.files) & set(told) if before else set())
    record = Manifest(repo, listing.commit, listing.asked, files=before.files if before else {})
    missing = [told[path] for path in sorted(needed) if not is_whole(folder / path, told[path], record.files.get(path))]
    files = {path: record.files[path] for path in needed if path in record.files}
    record = replace(record, files=files, is_whole=False)
    if missing:
        write_manifest(record, folder)
    for number, file in enumerate(missing):
        report(Progress(f"fetch {repo}", number, len(missing)))
        download(api, record, folder, file)
    report(Progress(f"fetch {repo}", len(missing), len(missing)))
    files = {path: {"size": told[path].size, "sha256": sha256_of(folder / path)} for path in sorted(needed)}
    record = replace(record, files=files, is_whole=True)
    if record != before:
        write_manifest(record, folder)
    size = sum(each["size"] for each in files.values())
    return Fetched(repo, listing.commit, len(files), size, len(missing), tuple(lacking), wanted.road)
