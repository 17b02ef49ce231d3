"""Filling a mirror: the files that datasets lack, several at a time, and the record of each when it is whole."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.errors import Interrupted
from toolkit.progress import Progress, Report
from toolkit.tasks.mirror.alone import filled_alone
from toolkit.tasks.mirror.download import HubFile, Withheld, is_whole, sha256_of
from toolkit.tasks.mirror.manifest import Manifest, read_manifest, write_manifest
from toolkit.tasks.mirror.stream import AT_ONCE, PARTS, Gate, begun, in_threads, receive
from toolkit.tasks.road.listing import README, Listing

_MIB = 2**20


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


@dataclass(frozen=True)
class Dataset:
    """What is wanted of a dataset.

    Attributes:
        listing: its files at a commit.
        folder: where it goes.
        needed: paths.
        lacking: configs and splits that tasks name and it does not have.
        road: why it answers.
        asked: some of the configs, for a message.
    """

    listing: Listing
    folder: Path
    needed: frozenset[str]
    lacking: tuple[str, ...]
    road: str
    asked: tuple[str, ...]


@dataclass
class _Work:
    """A dataset on its way: its record so far, its paths, what it lacks and what came of that, and why it cannot be had."""

    dataset: Dataset
    before: Manifest | None
    record: Manifest
    paths: list[str]
    missing: list[HubFile]
    left: int
    came: dict[str, str]
    fault: str = ""


def fetch_datasets(
    datasets: Sequence[Dataset], api: Any, report: Report, *, at_once: int = AT_ONCE
) -> Iterator[Fetched]:
    """Fetch what datasets lack, files of all of them together; yield each in its order when it is whole.

    Raises:
        SourceError: the hub cannot be reached, or the mirror cannot be written.
        Interrupted: Ctrl-C; what came stays.
    """
    with contextlib.ExitStack() as held:
        works = _begin(datasets, report, held)
        jobs = [(work, file) for work in works for file in work.missing]
        gate = Gate()
        gate.arrived = sum(begun(work.dataset.folder, file) for work, file in jobs)
        told = _Told(report, gate, len(jobs), sum(file.size for _, file in jobs))

        def get(job: tuple[_Work, HubFile]) -> str:
            work, file = job
            if work.fault:
                return ""
            listing = work.dataset.listing
            return receive(api, listing.repo, listing.commit, file, work.dataset.folder, gate)

        results = in_threads(jobs, get, gate, at_once=at_once)
        try:
            told.begin()
            for work in works:
                while work.left and not work.fault:
                    _take(next(results), jobs)
                    told.now()
                yield _end(work)
        except KeyboardInterrupt:
            there = sum(len(work.came) for work in works)
            raise Interrupted(f"{there} of {len(jobs)} files are there, and stay") from None
        finally:
            results.close()
            told.over()


def _begin(datasets: Sequence[Dataset], report: Report, held: contextlib.ExitStack) -> list[_Work]:
    """Return the work on each dataset; one that another process fills is waited for."""
    works = {number: _plan(one) for number, one in enumerate(datasets)}
    # In one order everywhere: two processes never wait for each other.
    for number, one in sorted(enumerate(datasets), key=lambda each: str(each[1].folder)):
        if works[number].missing:
            held.enter_context(filled_alone(one.folder, one.listing.repo, report))
            works[number] = work = _plan(one)
            if work.missing:
                write_manifest(work.record, one.folder)
    return list(works.values())


def _plan(one: Dataset) -> _Work:
    listing, before = one.listing, read_manifest(one.folder)
    told = listing.files
    # What an earlier fetch brought stays, at the same revision as the rest.
    needed = one.needed | ({README} & set(told)) | (set(before.files) & set(told) if before else set())
    record = Manifest(listing.repo, listing.commit, listing.asked, files=before.files if before else {})
    missing = [
        told[path]
        for path in sorted(needed)
        if one.needed and not is_whole(one.folder / path, told[path], record.files.get(path))
    ]
    files = {path: record.files[path] for path in needed if path in record.files}
    fault = ""
    if not one.needed:
        fault = (
            f"{listing.at} has no parquet files of {', '.join(one.asked)}; expected the configs that the task names: correct it, "
            "or name another `revision`."
        )
    record = replace(record, files=files, is_whole=False)
    return _Work(one, before, record, sorted(needed), missing, len(missing), {}, fault)


def _take(found: tuple[int, str | Exception] | None, jobs: Sequence[tuple[_Work, HubFile]]) -> None:
    if found is None:
        return
    number, result = found
    work, file = jobs[number]
    work.left -= 1
    if isinstance(result, Withheld):
        work.fault = work.fault or str(result)
    elif isinstance(result, Exception):
        raise result
    elif result:
        work.came[file.path] = result


def _end(work: _Work) -> Fetched:
    """Note that a dataset is whole, and return what came of it."""
    one = work.dataset
    listing, folder = one.listing, one.folder
    if work.fault:
        return Fetched(listing.repo, listing.commit, 0, 0, 0, fault=work.fault)
    known = work.record.files
    files: dict[str, dict[str, Any]] = {}
    for path in work.paths:
        told = listing.files[path]
        sha256 = work.came.get(path) or told.sha256 or (known[path]["sha256"] if path in known else None)
        files[path] = {"size": told.size, "sha256": sha256 or sha256_of(folder / path)}
    record = replace(work.record, files=files, is_whole=True)
    if record != work.before:
        write_manifest(record, folder)
    if work.missing:
        shutil.rmtree(folder / PARTS, ignore_errors=True)
    size = sum(int(each["size"]) for each in files.values())
    return Fetched(listing.repo, listing.commit, len(files), size, len(work.missing), one.lacking, one.road)


class _Told:
    """Progress of a fetch, in MiB."""

    def __init__(self, report: Report, gate: Gate, files: int, size: int) -> None:
        self.report, self.gate = report, gate
        self.total = max(1, size // _MIB)
        self.what = f"fetch {files:,} files (MiB)"
        self.has_files = bool(files)
        self.is_held = False

    def begin(self) -> None:
        if self.has_files:
            self.report(Progress(self.what, 0, self.total))

    def now(self) -> None:
        if (left := self.gate.seconds_left) > 1:
            self.is_held = True
            self.report(Progress("the hub asks to wait", 0, 1, seconds_left=left))
        elif self.is_held:
            self.is_held = False
            self.report(Progress("the hub asks to wait", 1, 1))
        self.report(Progress(self.what, min(self.gate.arrived // _MIB, self.total - 1), self.total))

    def over(self) -> None:
        if self.has_files:
            self.report(Progress(self.what, self.total, self.total))
