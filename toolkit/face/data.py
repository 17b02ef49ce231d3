"""Verbs of tasks and of their rows: `tasks_list`, `tasks_show`, `tasks_check`, `tasks_fetch` and `tasks_pin`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from toolkit.errors import SourceError, ToolkitError
from toolkit.face.shared import Listing, Telling, listing, open_session
from toolkit.languages import get_language
from toolkit.progress import silent
from toolkit.registry import each_once
from toolkit.results.result import Record

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.tasks import Catalogue, Task


def tasks_list(config: Config | None = None) -> Listing:
    """Return every task with kind, level, languages, metric, size, licence and what it trains on.

    Args:
        config: its `task_files` declare more tasks.
    """
    tasks = list(_catalogue(config))
    headers = ("task", "kind", "level", "langs", "metric", "train / dev", "licence", "trains on", "what")
    cells = [
        (
            task.name,
            task.kind,
            task.level,
            str(len(task.languages)),
            task.metric,
            " / ".join("-" if n is None else f"{n:,}" for n in task.size),
            f"{task.licence}, generated" if task.is_generated else task.licence,
            task.trains_on or ("itself" if task.has_train else "-"),
            task.description,
        )
        for task in tasks
    ]
    return listing([_record(task) for task in tasks], headers, cells)


def tasks_show(name: str, config: Config | None = None) -> Listing:
    """Return one task: what it is, its languages, labels, metric, source, licence and citation."""
    task = _catalogue(config).get(name)
    facts = {
        "task": task.name,
        "what": task.description,
        "kind": task.kind,
        "level": task.level,
        "languages": ", ".join(task.languages),
        "metric": task.metric,
        "labels": ", ".join(task.labels),
        "trains on": task.trains_on or (task.name if task.has_train else ""),
        "from": getattr(task.source, "path", "the built-in generator" if task.is_generated else "files"),
        "rows (train, dev)": ", ".join("-" if n is None else f"{n:,}" for n in task.size),
        "licence": task.licence,
        "cite": task.citation,
    }
    return listing([_record(task)], ("", ""), [(key, value) for key, value in facts.items() if value])


def tasks_check(name: str, config: Config, **tell: Unpack[Telling]) -> Listing:
    """Read a task's rows: faults, label balance, tokens, duplicates, and what the zoo's adapters have seen of them.

    A split or a file that cannot be read costs itself alone; `is_faulty` says that there was one, or a faulty row.

    Args:
        name: the task.
        config: names backbone (whose tokenizer counts), data, zoo and length limits.
        tell: `report`.
    """
    from toolkit.recipes.data.check import check

    found = check(name, open_session(config, tell))
    over = f"over {found.limit}"
    headers = ("split", "language", "rows", "tokens: median", "95 %", "most", over, "repeated", "balance")
    cells = [
        (
            part.split,
            part.language,
            f"{part.n:,}",
            *(f"{n:,}" for n in part.tokens),
            f"{part.n_long:,}",
            f"{part.n_repeated:,}",
            part.balance,
        )
        for part in found.parts
    ]
    rows: list[Record] = [
        {
            "split": part.split,
            "language": part.language,
            "rows": part.n,
            **dict(zip(("tokens_median", "tokens_95", "tokens_most"), part.tokens, strict=True)),
            "long": part.n_long,
            "repeated": part.n_repeated,
            "balance": part.balance,
        }
        for part in found.parts
    ]
    nothing = "Nothing to warn of: no faulty row, no contradiction, no row scored that an adapter of the zoo has seen."
    return listing(rows, headers, cells, lines=found.sentences or [nothing], is_faulty=found.is_faulty)


def tasks_fetch(
    names: Sequence[str],
    config: Config | None = None,
    *,
    out: Path,
    suite: str | None = None,
    languages: str | Sequence[str] | None = None,
    endpoint: str | None = None,
    **tell: Unpack[Telling],
) -> Listing:
    """Fetch from the hub what tasks read and train on into a mirror, for machines without a network.

    Args:
        names: of the tasks.
        config: its `task_files` declare more tasks.
        out: the mirror to fill; a whole file that it holds is not fetched again.
        suite: every task of a suite, and what it trains on.
        languages: codes in addition to the training language; None: all.
        endpoint: address of the hub; None: `HF_ENDPOINT`, else huggingface.co.
        tell: `report` and `say`.
    """
    from toolkit.progress import say_nothing
    from toolkit.tasks.fetch import fetch, hub_sources, with_lenders

    say = tell.get("say", say_nothing)
    lines: list[str] = []
    faults: list[str] = []
    rows: list[Record] = []

    def tell_line(line: str) -> None:
        lines.append(line)
        say(line)

    catalogue = _catalogue(config)
    held, lacking = _of_suite(suite, catalogue)
    for name in lacking:
        tell_line(f"{name}: the catalogue does not have it.")
    wanted = [catalogue.get(name) for name in dict.fromkeys((*_named(names, or_else=held), *held))]
    for task in with_lenders(wanted, catalogue):
        if not hub_sources(task) and not task.is_generated:
            tell_line(f"{task.name}: its rows are not on the hub: {task.citation or 'your own files'}.")
    asked = [code.strip() for code in languages.split(",")] if isinstance(languages, str) else languages
    codes = asked and each_once([get_language(code).code for code in asked], "language", said=asked)
    for one in fetch(
        wanted, Path(out), catalogue=catalogue, languages=codes, endpoint=endpoint, report=tell.get("report", silent)
    ):
        if one.fault:
            faults.append(one.fault)
            continue
        done = f"{one.downloaded} downloaded" if one.downloaded else "all there and whole"
        tell_line(f"{one.repo}@{one.revision[:12]}: {one.files} files, {one.size / 2**20:,.1f} MiB, {done}.")
        if one.road != f"rows of {one.repo}@{one.revision[:12]}":
            tell_line(f"{one.repo}: {one.road}.")
        if one.lacking:
            tell_line(f"{one.repo} does not have: {', '.join(one.lacking)}.")
        facts = {"files": one.files, "bytes": one.size, "downloaded": one.downloaded}
        rows.append({"repo": one.repo, "revision": one.revision, **facts, "lacking": ", ".join(one.lacking)})
    if len(faults) == 1 and not rows:
        raise SourceError(faults[0])
    if faults:
        for fault in dict.fromkeys(faults):
            tell_line(fault)
        raise SourceError(
            f"{len(set(faults))} of {len(set(faults)) + len(rows)} datasets were not fetched, as said above; the rest is in {out}."
        )
    return listing(rows, lines=lines)


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

    catalogue = _catalogue(config)
    tasks = [catalogue.get(name) for name in _named(names)]
    found = find_revisions(tasks, catalogue=catalogue, data_root=config.data_root, endpoint=endpoint)
    path = out or pins_file()
    write_pins(found, path)
    rows = [{"repo": repo, "revision": commit} for repo, commit in found.items()]
    return listing(rows, lines=[*(f"{repo}: {commit}" for repo, commit in found.items()), f"Written to {path}."])


def _catalogue(config: Config | None) -> Catalogue:
    from toolkit.tasks import catalogue_of

    return catalogue_of(() if config is None else config.task_files)


def _of_suite(suite: str | None, catalogue: Catalogue) -> tuple[list[str], list[str]]:
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


def _record(task: Task) -> Record:
    train, dev = task.size
    return {
        "task": task.name,
        "kind": task.kind,
        "level": task.level,
        "languages": ",".join(task.languages),
        "metric": task.metric,
        "labels": ",".join(task.labels),
        "train": train,
        "dev": dev,
        "licence": task.licence,
        "is_generated": task.is_generated,
        "trains_on": task.trains_on or (task.name if task.has_train else None),
        "what": task.description,
    }
