"""Verbs that fill a mirror and pin what is read: `tasks_fetch` and `tasks_pin`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from toolkit.errors import SourceError, ToolkitError
from toolkit.face.data import task_catalogue
from toolkit.face.shared import Listing, Telling, listing
from toolkit.languages import get_language
from toolkit.progress import Report, Say, say_nothing, silent
from toolkit.registry import each_once
from toolkit.results.result import Record

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.tasks import Catalogue, Task
    from toolkit.tasks.fill import Fetched
    from toolkit.tasks.release.release import Release


class Fetching(Telling, total=False):
    """Where it comes from: `endpoint` is the address of the hub, `release` a copy of a corpus that is not on the hub.

    `report` and `say` as everywhere.
    """

    endpoint: str | None
    release: str | None


def tasks_fetch(
    names: Sequence[str],
    config: Config | None = None,
    *,
    out: Path,
    suite: str | None = None,
    languages: str | Sequence[str] | None = None,
    **fetching: Unpack[Fetching],
) -> Listing:
    """Fetch what tasks read and train on into a mirror, for machines without a network.

    Args:
        names: of the tasks.
        config: its `task_files` declare more tasks.
        out: the mirror to fill; a whole file that it holds is not fetched again.
        suite: every task of a suite, and what it trains on.
        languages: codes in addition to the training language; None: all.
        fetching: `endpoint` (address of the hub; None: `HF_ENDPOINT`, else huggingface.co), `release` (folder, archive or URL:
            a copy of the corpus of a task that is not on the hub, in place of what its makers publish), `report` and `say`.
    """
    from toolkit.tasks.fetch import fetch, with_lenders

    lines: list[str] = []
    faults: list[str] = []
    rows: list[Record] = []
    report, endpoint = fetching.get("report", silent), fetching.get("endpoint")

    def tell(line: str) -> None:
        lines.append(line)
        fetching.get("say", say_nothing)(line)

    catalogue = task_catalogue(config)
    held, lacking = suite_tasks(suite, catalogue)
    for name in lacking:
        tell(f"{name}: the catalogue does not have it.")
    wanted = [catalogue.get(name) for name in dict.fromkeys((*_named(names, or_else=held), *held))]
    corpora = _corpora(with_lenders(wanted, catalogue), catalogue, fetching.get("release"), tell)
    asked = [code.strip() for code in languages.split(",")] if isinstance(languages, str) else languages
    codes = asked and each_once([get_language(code).code for code in asked], "language", said=asked)
    for one in fetch(wanted, Path(out), catalogue=catalogue, languages=codes, endpoint=endpoint, report=report):
        if one.fault:
            faults.append(one.fault)
        else:
            rows.append(_told(one, tell))
    for corpus in corpora:
        try:
            rows.append(_fetch_release(corpus, Path(out), fetching.get("release"), tell, report))
        except SourceError as error:
            faults.append(f"{str(error).rstrip('.')}; --release takes a copy of {corpus.name} from elsewhere.")
    if len(set(faults)) == 1 and not rows:
        raise SourceError(faults[0])
    if faults:
        for fault in dict.fromkeys(faults):
            tell(fault)
        raise SourceError(
            f"{len(set(faults))} of {len(set(faults)) + len(rows)} datasets were not fetched, as said above; the rest is in {out}."
        )
    return listing(rows, lines=lines)


def _corpora(tasks: Sequence[Task], catalogue: Catalogue, release: str | None, tell: Say) -> tuple[Release, ...]:
    """Return the corpora of tasks that are not on the hub and can be fetched; say which tasks have rows of neither kind."""
    from toolkit.tasks.fetch import hub_sources, releases

    found = releases(tasks)
    if release is not None and len(found) != 1:
        raise ToolkitError(
            f"`release` names a copy of one corpus that is not on the hub, and {len(found)} of the tasks named have one; "
            f"expected one of {', '.join(task.name for task in catalogue if releases([task]))}."
        )
    for task in tasks:
        if not hub_sources(task) and not releases([task]) and not task.is_generated:
            tell(f"{task.name}: its rows are not on the hub: {task.citation or 'your own files'}.")
    return found


def _told(one: Fetched, tell: Say) -> Record:
    """Say what came of a dataset of the hub, and return its record."""
    done = f"{one.downloaded} downloaded" if one.downloaded else "all there and whole"
    tell(f"{one.repo}@{one.revision[:12]}: {one.files} files, {one.size / 2**20:,.1f} MiB, {done}.")
    if one.road != f"rows of {one.repo}@{one.revision[:12]}":
        tell(f"{one.repo}: {one.road}.")
    if one.lacking:
        tell(f"{one.repo} does not have: {', '.join(one.lacking)}.")
    facts = {"files": one.files, "bytes": one.size, "downloaded": one.downloaded}
    return {"repo": one.repo, "revision": one.revision, **facts, "lacking": ", ".join(one.lacking)}


def _fetch_release(corpus: Release, out: Path, place: str | None, tell: Say, report: Report) -> Record:
    """Fetch a corpus that is not on the hub, say what came, and return its record."""
    from toolkit.tasks.release.fetch import fetch_release

    found = fetch_release(corpus, out, place=place, report=report)
    done = f"{found.written} written" if found.written else "all there and whole"
    tell(
        f"{corpus.path}@{found.revision[:12]}: {found.files} files, {found.size / 2**20:,.1f} MiB, {done}; "
        f"from {place or corpus.url}."
    )
    if not found.is_published:
        tell(f"{corpus.path}: other rows than those of {corpus.name} as published.")
    facts = {"files": found.files, "bytes": found.size, "downloaded": found.written}
    return {"repo": corpus.path, "revision": found.revision, **facts, "lacking": ""}


def tasks_pin(names: Sequence[str], config: Config, *, out: Path | None = None, endpoint: str | None = None) -> Listing:
    """Write down which commit of each dataset the tasks read; from then on no other is read from this folder.

    Args:
        names: of the tasks.
        config: names the mirror of data sets.
        out: the file of pins; None: what `XSTILTS_PINS` names, else `configs/pins.yaml`.
        endpoint: as for `tasks_fetch`.
    """
    from toolkit.tasks.fetch import find_revisions
    from toolkit.tasks.mirror.pins import pins_file, write_pins

    catalogue = task_catalogue(config)
    tasks = [catalogue.get(name) for name in _named(names)]
    found = find_revisions(tasks, catalogue=catalogue, data_root=config.data_root, endpoint=endpoint)
    path = out or pins_file()
    write_pins(found, path)
    rows = [{"repo": repo, "revision": commit} for repo, commit in found.items()]
    return listing(rows, lines=[*(f"{repo}: {commit}" for repo, commit in found.items()), f"Written to {path}."])


def suite_tasks(suite: str | None, catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Return the tasks of a suite and those that it trains on, and which of them the catalogue lacks."""
    if suite is None:
        return [], []
    from toolkit.composition import parse
    from toolkit.tasks.suites import get_suite

    every: dict[str, None] = {}
    for entry in get_suite(suite).entries:
        trained = [leaf.name for text in entry.trains_as for leaf in parse(text).leaves()]
        every |= dict.fromkeys([entry.task, *trained])
    return [name for name in every if name in catalogue], [name for name in every if name not in catalogue]


def _named(names: Sequence[str], *, or_else: Sequence[str] = ()) -> Sequence[str]:
    if not names and not or_else:
        raise ToolkitError("No task is named; write their names.")
    return each_once(names, "task")
