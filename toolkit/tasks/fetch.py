"""Fetching: a mirror is filled from the hub with what tasks need, every file checked against its checksum there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.progress import Report, silent
from toolkit.tasks.catalogue import BUILT_IN, Catalogue
from toolkit.tasks.fill import Dataset, Fetched, fetch_datasets
from toolkit.tasks.mirror.download import Withheld, hub_api
from toolkit.tasks.mirror.manifest import held_revision
from toolkit.tasks.mirror.stream import AT_ONCE, Gate, in_threads
from toolkit.tasks.release.release import Release
from toolkit.tasks.road.listing import Listing
from toolkit.tasks.road.road import find_road, forget
from toolkit.tasks.sources.first import FirstSource
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.joined import JoinedSource
from toolkit.tasks.sources.on_hub import words_of
from toolkit.tasks.sources.paired import PairedSource
from toolkit.tasks.sources.release import ReleaseSource
from toolkit.tasks.sources.share import ShareSource
from toolkit.tasks.task import Task


@dataclass
class _Wanted:
    """A dataset at a commit, why it answers, and by config (its spellings) the splits that tasks read of it."""

    listing: Listing
    road: str
    configs: dict[tuple[str, ...], list[tuple[str, ...]]] = field(default_factory=dict)


def hub_sources(task: Task) -> tuple[HubSource, ...]:
    """Return the hub datasets that a task reads its rows from; none if they come from elsewhere."""
    whole: Any = list(task.source.sources.values())[-1] if isinstance(task.source, FirstSource) else task.source
    source: Any = whole.source if isinstance(whole, ShareSource) else whole
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
    at_once: int = AT_ONCE,
) -> Iterator[Fetched]:
    """Fetch what tasks read from the hub, and what lends them training rows, into the mirror `root`.

    A file that is there with the size and checksum that the hub states is left alone; an interrupted download continues
    where it was. While files are missing, the dataset's record says so and nothing reads it. Files come several at a time,
    those of all datasets together; datasets are yielded in their order, each when it is whole.

    Args:
        tasks: whose rows are wanted.
        root: the mirror.
        catalogue: has the tasks that lend them training rows.
        languages: codes of the languages wanted, besides those that tasks train in; None: all.
        endpoint: address of the hub; None: `HF_ENDPOINT`, else huggingface.co.
        report: progress callback.
        at_once: number of requests at a time.

    A dataset that cannot be had is yielded with its `fault`, and the others are fetched.

    Raises:
        SourceError: the hub cannot be reached, or the mirror cannot be written.
    """
    forget()
    forget()
    api = hub_api(endpoint)  # imports the hub's library, before threads do
    wanted, faults = _all_wanted(with_lenders(tasks, catalogue), languages, endpoint, at_once)
    yield from faults
    yield from fetch_datasets([_dataset(one, root) for one in wanted], api, report, at_once=at_once)


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


def _all_wanted(
    tasks: Sequence[Task], languages: Sequence[str] | None, endpoint: str | None, at_once: int
) -> tuple[list[_Wanted], list[Fetched]]:
    """Return what is wanted of each dataset that answers, and of those that cannot be had why; hubs are asked several at a time."""
    by_path: dict[str, list[tuple[HubSource, Task]]] = {}
    for task in tasks:
        for source in hub_sources(task):
            by_path.setdefault(source.path, []).append((source, task))

    def ask(every: list[tuple[HubSource, Task]]) -> list[_Wanted | Fetched]:
        found: list[_Wanted | Fetched] = []
        for source, task in every:
            try:
                found += _want(source, task, languages, endpoint)
            except Withheld as fault:
                found.append(Fetched(source.path, "", 0, 0, 0, fault=str(fault)))
        return found

    answers: dict[int, list[_Wanted | Fetched]] = {}
    for one in in_threads(by_path.values(), ask, Gate(), at_once=at_once):
        if one is not None:
            number, found = one
            if isinstance(found, Exception):
                raise found
            answers[number] = found
    joined: dict[tuple[str, str], _Wanted] = {}
    faults = []
    for each in (each for number in sorted(answers) for each in answers[number]):
        if isinstance(each, Fetched):
            faults.append(each)
            continue
        held = joined.setdefault((each.listing.repo, each.listing.commit), _Wanted(each.listing, each.road))
        for config, splits in each.configs.items():
            known = held.configs.setdefault(config, [])
            known += [names for names in splits if names not in known]
    return list(joined.values()), faults


def _want(source: HubSource, task: Task, languages: Sequence[str] | None, endpoint: str | None) -> list[_Wanted]:
    """Return what a task reads of the dataset that answers for a source; nothing if it reads no language of it."""
    codes = [
        each for each in task.pairs if languages is None or set(each.split(".")) <= {*languages, task.train_language}
    ]
    if not codes:
        return []
    places = source.places(task.pairs)
    road = find_road(places, endpoint=endpoint, is_fresh=True)
    listing = road.listing
    if not road.is_parquet:
        raise Withheld(
            f"The hub's dataset {listing.at} holds no parquet files of {task.name}, and the hub has no conversion of it; "
            "`tasks fetch` copies parquet alone: declare its files in a task file (docs/add_a_task.md)."
        )
    one = _Wanted(listing, words_of(road, places))
    answering = source.roads()[road.number]
    for code in codes:
        splits = one.configs.setdefault(answering.configs_for(code), [])
        splits += [names for names in source.splits.values() if names not in splits]
    return [one]


def _chosen(wanted: _Wanted) -> tuple[frozenset[str], list[str]]:
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
    return frozenset(needed), lacking


def _dataset(wanted: _Wanted, root: Path) -> Dataset:
    needed, lacking = _chosen(wanted)
    asked = [each[0] for each in wanted.configs]
    return Dataset(wanted.listing, root / wanted.listing.repo, needed, tuple(lacking), wanted.road, tuple(asked[:5]))
