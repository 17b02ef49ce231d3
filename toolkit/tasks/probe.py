"""Probe: whether each dataset of the catalogue is where and as its task says, found without downloading rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.errors import SourceError, ToolkitError
from toolkit.progress import Progress, Report, silent
from toolkit.tasks.fetch import hub_sources
from toolkit.tasks.mirror.card import with_names
from toolkit.tasks.mirror.download import HubFile, hub_api
from toolkit.tasks.mirror.layout import find_files, held_splits, mirror_root, read_card, read_schema
from toolkit.tasks.road.footer import expects, read_footer, type_at
from toolkit.tasks.road.listing import CONVERTED, MAIN
from toolkit.tasks.road.road import Road, find_road, forget
from toolkit.tasks.sources.checks import parts_of
from toolkit.tasks.sources.columns import column_in
from toolkit.tasks.sources.hub import HubSource
from toolkit.tasks.sources.label_names import known_words, names_in
from toolkit.tasks.task import Task

if TYPE_CHECKING:
    import pyarrow

WORKERS = 8
_SHOWN = 5  # languages and faults that a sentence names
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Probed:
    """What was found of a task's dataset.

    Attributes:
        task: name of the task.
        dataset: the id that the task names, or several with ` + `.
        road: the id, the branch and the commit that answer, or the mirror; empty if nothing does.
        configs: how many languages' configs are there, and how many the task names.
        splits: those of the task's splits that are there.
        columns: how many files' columns were looked at.
        fault: what is not as the task says, as a sentence; empty if all is.
    """

    task: str
    dataset: str
    road: str = ""
    configs: tuple[int, int] = (0, 0)
    splits: tuple[str, ...] = ()
    columns: int = 0
    fault: str = ""


@dataclass(frozen=True)
class _File:
    """A file whose columns are looked at: where it is in words, the language, and how to read its schema."""

    where: str
    language: str
    schema: Callable[[], pyarrow.Schema]


def probe(
    tasks: Sequence[Task], *, data_root: Path | None = None, endpoint: str | None = None, report: Report = silent
) -> list[Probed]:
    """Return what was found of the hub datasets that each task reads, in the order of the tasks.

    Of each config the footer of one parquet file is read, and of the training language's one for each split.

    Args:
        tasks: whose datasets are wanted; one without a dataset on the hub is left out.
        data_root: the mirror, which answers first; None: the folder `XSTILTS_DATA` names, if any.
        endpoint: address of the hub; None: `HF_ENDPOINT`, else huggingface.co.
        report: progress callback.

    Raises:
        SourceError: the mirror is not a folder, or the hub's address is not one.
    """
    mirror_root(data_root)
    address = endpoint or os.environ.get("HF_ENDPOINT") or "https://"
    if not address.startswith(("http://", "https://")):
        raise SourceError(
            f"The hub's address '{address}' is not one; write it as https://HOST (`--endpoint` or HF_ENDPOINT)."
        )
    forget()
    wanted = [(task, source) for task in tasks for source in hub_sources(task)]
    by_dataset: dict[str, list[tuple[Task, HubSource]]] = {}
    for task, source in wanted:
        by_dataset.setdefault(source.path, []).append((task, source))

    def of_dataset(every: list[tuple[Task, HubSource]]) -> list[tuple[Probed, list[_File], HubSource]]:
        # One after another: they ask for the same list of files.
        return [_probe(task, source, data_root, endpoint) for task, source in every]

    found = dict(zip(by_dataset, _at_once(of_dataset, by_dataset.values(), report, "probe datasets"), strict=True))
    parts = [found[source.path].pop(0) for _, source in wanted]
    jobs = [
        partial(_fault_of, task, source, file)
        for (task, _), (_, files, source) in zip(wanted, parts, strict=True)
        for file in files
    ]
    faults = iter(_at_once(lambda job: job(), jobs, report, "probe columns"))
    every = [_summed(probed, [next(faults) for _ in files]) for probed, files, _ in parts]
    return [_joined([one for one in every if one.task == name]) for name in dict.fromkeys(one.task for one in every)]


def _joined(parts: Sequence[Probed]) -> Probed:
    """Return what was found of all datasets of one task."""
    first = parts[0]
    return replace(
        first,
        dataset=" + ".join(dict.fromkeys(one.dataset for one in parts)),
        road=" + ".join(dict.fromkeys(one.road for one in parts if one.road)),
        configs=(sum(one.configs[0] for one in parts), sum(one.configs[1] for one in parts)),
        splits=tuple(split for split in first.splits if all(split in one.splits for one in parts)),
        columns=sum(one.columns for one in parts),
        fault=next((one.fault for one in parts if one.fault), ""),
    )


def _at_once(call: Callable[[_In], _Out], every: Iterable[_In], report: Report, what: str) -> list[_Out]:
    """Return what a call returns for each, made several at a time."""
    jobs = list(every)
    found: list[_Out] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for each in pool.map(call, jobs):
            found.append(each)
            report(Progress(what, len(found), len(jobs)))
    return found


def _summed(probed: Probed, faults: Sequence[str]) -> Probed:
    """Return what was found, with the faults of its files."""
    every = [each for each in dict.fromkeys(faults) if each]
    if not every or probed.fault:
        return replace(probed, columns=len(faults) - sum(map(bool, faults)))
    more = f" ({len(every) - 1} more)" if len(every) > 1 else ""
    return replace(probed, columns=len(faults) - sum(map(bool, faults)), fault=f"{every[0]}{more}")


def _probe(
    task: Task, source: HubSource, data_root: Path | None, endpoint: str | None
) -> tuple[Probed, list[_File], HubSource]:
    """Return what the list of a dataset's files says, the files whose columns are to be looked at, and the source they are of."""
    blank = Probed(task.name, source.path)
    try:
        mirrored = source.mirrored(task.pairs, data_root)
        if mirrored is not None:
            held, folder = mirrored
            place: _Place = _Mirror(held, folder)
            words = f"mirror {folder}"
        else:
            road = find_road(source.places(task.pairs), endpoint=endpoint, is_fresh=True)
            if not road.is_parquet:
                return replace(blank, road=f"{road.listing.at}, in another format: not checked"), [], source
            held = source.roads()[road.number]
            place = _Hub(held, road, endpoint)
            branch = CONVERTED if road.is_converted else MAIN
            other = f"{road.listing.repo} " if road.number else ""
            words = f"{other}{road.listing.asked or branch}@{road.listing.commit[:12]}"
    except ToolkitError as fault:
        return replace(blank, fault=str(fault)), [], source
    return _with_place(replace(blank, road=words), task, held, place)


def _with_place(probed: Probed, task: Task, source: HubSource, place: _Place) -> tuple[Probed, list[_File], HubSource]:
    there = [code for code in task.pairs if place.splits(code)]
    missing = [code for code in task.pairs if code not in there]
    own = task.train_language if task.train_language in task.pairs else task.pairs[0]
    has = {split: place.first(own, names) for split, names in source.splits.items()}
    unscored = [code for code in there if "score" in source.splits and not place.first(code, source.splits["score"])]
    lacks = [split for split in source.splits if has[split] is None and own in there]
    faults = []
    if missing:
        faults.append(f"no config for {_few(missing)}, such as '{source.configs_for(missing[0])[0]}'")
    if lacks:
        wanted = " or ".join(dict.fromkeys(name for split in lacks for name in source.splits[split]))
        faults.append(f"no split {wanted} in '{source.configs_for(own)[0]}' (it has {', '.join(place.splits(own))})")
    if unscored and own not in unscored:
        faults.append(f"nothing to score in {_few(unscored)}")
    files = [place.file(own, name) for split, name in has.items() if name and own in there]
    for code in there:
        name = place.first(code, source.splits.get("score", ())) or place.splits(code)[0]
        if code != own:
            files.append(place.file(code, name))
    probed = replace(
        probed,
        configs=(len(there), len(task.pairs)),
        splits=tuple(split for split in source.splits if has[split]),
        fault=f"{probed.dataset}: {'; '.join(faults)}." if faults else "",
    )
    return probed, list({file.where: file for file in files}.values()), source


def _few(codes: Sequence[str]) -> str:
    return ", ".join(codes[:_SHOWN]) + (f" and {len(codes) - _SHOWN} more" if len(codes) > _SHOWN else "")


def _fault_of(task: Task, source: HubSource, file: _File) -> str:
    """Return what is wrong with a file's columns, as a sentence, or an empty text."""
    try:
        schema = file.schema()
        return next(_faults_of(task, source, file, schema), "")
    except ToolkitError as fault:
        return str(fault)


def _faults_of(task: Task, source: HubSource, file: _File, schema: pyarrow.Schema) -> Iterator[str]:
    held = ", ".join(schema.names)
    for field, declared in source.columns.items():
        column = column_in(declared, file.language, source.names, schema.names)
        for path in parts_of(column):
            kind = type_at(schema, path)
            if kind is None:
                yield f"{file.where} has no column '{path}' (it has {held}); task '{task.name}' expected it."
            elif wanted := expects(field, kind, is_list=not isinstance(column, str)):
                yield f"{file.where}: column '{path}' is {kind}; task '{task.name}' expected {wanted} as its {field}."
        if field in ("label", "tags") and isinstance(column, str):
            known_words(task, source.label_map, names_in(schema, column), f"{file.where}: column '{column}'")
    for path in source.where:
        if type_at(schema, path) is None:
            yield f"{file.where} has no column '{path}' to choose rows by (it has {held}); task '{task.name}' expected it."


# -- where the files are --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """A dataset in a mirror or on the hub."""

    source: HubSource

    def splits(self, code: str) -> tuple[str, ...]:
        """Return the splits of a language's config; none if it is not there."""
        raise NotImplementedError

    def file(self, code: str, split: str) -> _File:
        """Return the first file of a split."""
        raise NotImplementedError

    def first(self, code: str, names: Sequence[str]) -> str | None:
        """Return the first of a dataset's splits that is there."""
        held = self.splits(code)
        return next((name for name in names if all(part in held for part in name.split("+"))), None)


@dataclass(frozen=True)
class _Mirror(_Place):
    folder: Path

    def splits(self, code: str) -> tuple[str, ...]:
        return next((held for each in self.source.configs_for(code) if (held := held_splits(self.folder, each))), ())

    def file(self, code: str, split: str) -> _File:
        config = next(each for each in self.source.configs_for(code) if held_splits(self.folder, each))
        file = find_files(self.folder, config, split.split("+")[0])[0]
        names = read_card(self.folder).names.get(config, {})
        return _File(str(file), code, lambda: with_names(read_schema(file), names))


@dataclass(frozen=True)
class _Hub(_Place):
    road: Road
    endpoint: str | None

    def splits(self, code: str) -> tuple[str, ...]:
        config = self.road.listing.config(self.source.configs_for(code))
        return self.road.listing.held(config) if config is not None else ()

    def file(self, code: str, split: str) -> _File:
        listing = self.road.listing
        config = listing.config(self.source.configs_for(code)) or ""
        file: HubFile = listing.split_files(config, split.split("+")[0])[0]
        api: Any = hub_api(self.endpoint)
        names = listing.names.get(config, {})
        return _File(f"{listing.repo}/{file.path}", code, lambda: with_names(read_footer(api, listing, file), names))
