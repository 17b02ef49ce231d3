"""Verbs of tasks and of their rows: `tasks_list`, `tasks_show` and `tasks_check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from toolkit.face.shared import Listing, Telling, listing, open_session
from toolkit.results.result import Record

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.tasks import Catalogue, Task


def tasks_list(config: Config | None = None) -> Listing:
    """Return every task with kind, level, languages, metric, size, licence and what it trains on.

    Args:
        config: its `task_files` declare more tasks.
    """
    tasks = list(task_catalogue(config))
    headers = ("task", "kind", "level", "langs", "metric", "train / dev", "licence", "trains on", "what")
    cells = [
        (
            task.name,
            task.kind,
            task.level,
            str(len(task.languages)),
            task.metric,
            " / ".join("-" if n is None else f"{n:,}" for n in task.size),
            ", ".join(filter(None, (task.licence, *_caveats(task)))),
            task.trains_on or ("itself" if task.has_train else "-"),
            task.description,
        )
        for task in tasks
    ]
    return listing([_record(task) for task in tasks], headers, cells)


def tasks_show(name: str, config: Config | None = None) -> Listing:
    """Return one task: what it is, its languages, labels, metric, source, licence and citation.

    Args:
        name: the task, or the task in one of its languages, as compositions write it: `xnli-translated.de`.
        config: its `task_files` declare more tasks.
    """
    from toolkit.tasks.own.fields import column_words

    tasks = task_catalogue(config)
    base, dot, code = name.partition(".")
    task = tasks.get(base if dot and base in tasks else name)
    facts = {
        "task": task.name,
        "language": _language(task, code) if dot else "",
        "what": task.description,
        "kind": task.kind,
        "level": task.level,
        "languages": ", ".join(task.languages),
        "metric": task.metric,
        "labels": ", ".join(task.labels),
        "columns": column_words(task),
        "trains on": task.trains_on or (task.name if task.has_train else ""),
        "from": _origin(task),
        "rows (train, dev)": ", ".join("-" if n is None else f"{n:,}" for n in task.size),
        "machine-translated": ", ".join(task.translated),
        "licence": task.licence,
        "cite": task.citation,
    }
    return listing([_record(task)], ("", ""), [(key, value) for key, value in facts.items() if value])


def _language(task: Task, code: str) -> str:
    from toolkit.languages import get_language

    resolved = task.resolve_language(code)
    return f"{resolved} ({', question in '.join(get_language(each).name for each in resolved.split('.'))})"


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


def _origin(task: Task) -> str:
    from toolkit.tasks.fetch import releases

    for release in releases([task]):
        return f"{release.name} ({release.url}), which a mirror holds as {release.path}"
    return str(getattr(task.source, "path", "the built-in generator" if task.is_generated else "files"))


def task_catalogue(config: Config | None) -> Catalogue:
    """Return the built-in tasks with those that a configuration declares."""
    from toolkit.tasks import catalogue_of

    return catalogue_of(() if config is None else config.task_files)


def _caveats(task: Task) -> tuple[str, ...]:
    return tuple(["generated"] * task.is_generated + ["machine-translated"] * bool(task.translated))


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
        "translated": ",".join(task.translated),
        "trains_on": task.trains_on or (task.name if task.has_train else None),
        "what": task.description,
    }
