"""Verb `tasks_probe`: whether the datasets of tasks are where and as the tasks say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from toolkit.face.shared import Listing, Telling, listing
from toolkit.progress import silent
from toolkit.registry import each_once
from toolkit.results.result import Record

if TYPE_CHECKING:
    from toolkit.config import Config


def tasks_probe(
    names: Sequence[str] = (), config: Config | None = None, *, endpoint: str | None = None, **tell: Unpack[Telling]
) -> Listing:
    """Say of each task's dataset whether it is where and as the task says; no rows are downloaded.

    Args:
        names: of the tasks; none: every task whose rows are on the hub, and those of `task_files`.
        config: names the mirror of data sets, which answers first, and task files.
        endpoint: address of the hub; None: `HF_ENDPOINT`, else huggingface.co.
        tell: `report`.
    """
    from toolkit.tasks import catalogue_of
    from toolkit.tasks.fetch import hub_sources
    from toolkit.tasks.probe import probe

    catalogue = catalogue_of(() if config is None else config.task_files)
    named = [catalogue.get(name) for name in each_once(names, "task")]
    tasks = named or [one for one in catalogue if hub_sources(one)]
    found = probe(
        [one for one in tasks if hub_sources(one)],
        data_root=None if config is None else config.data_root,
        endpoint=endpoint,
        report=tell.get("report", silent),
    )
    elsewhere = [
        f"{one.name}: its rows are not on the hub: {one.citation or 'your own files'}."
        for one in tasks
        if not hub_sources(one) and not one.is_generated
    ]
    headers = ("task", "dataset", "road", "configs", "splits", "columns", "state")
    cells = [
        (
            one.task,
            one.dataset,
            one.road or "-",
            f"{one.configs[0]} of {one.configs[1]}" if one.configs[1] else "-",
            " ".join(one.splits) or "-",
            f"{one.columns} files" if one.columns else "-",
            f"fails: {_cause(one.fault)}" if one.fault else "as the task says",
        )
        for one in found
    ]
    rows: list[Record] = [
        {
            "task": one.task,
            "dataset": one.dataset,
            "road": one.road,
            "configs": one.configs[0],
            "configs_named": one.configs[1],
            "splits": ",".join(one.splits),
            "files_looked_at": one.columns,
            "fault": one.fault,
        }
        for one in found
    ]
    lines = _faults_of([(one.task, one.fault) for one in found if one.fault])
    return listing(rows, headers, cells, lines=[*lines, *elsewhere], is_faulty=bool(lines))


def _cause(fault: str) -> str:
    """Return the cause that a sentence names, in a few words."""
    text = fault.partition("cannot be read: ")[2] or fault
    return re.split(r"[,;(] ?|\. ", text)[0].strip().rstrip(".")


def _faults_of(faults: Sequence[tuple[str, str]]) -> list[str]:
    """Return a line for each fault, with the tasks that have it: an outage of the hub is one line."""
    by_cause: dict[str, list[tuple[str, str]]] = {}
    for task, fault in faults:
        by_cause.setdefault(fault.partition("cannot be read: ")[2] or fault, []).append((task, fault))
    lines = []
    for cause, every in by_cause.items():
        tasks, sentences = [task for task, _ in every], {fault for _, fault in every}
        lines.append(f"{', '.join(tasks)}: {sentences.pop() if len(sentences) == 1 else cause}")
    return lines
