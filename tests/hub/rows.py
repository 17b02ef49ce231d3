"""Made-up rows in the columns that a task declares: enough of them to train, of every label, and none twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.tasks import Task
from toolkit.tasks.kinds import Kind
from toolkit.tasks.sources.fill import fill
from toolkit.tasks.sources.hub import HubSource

N_ROWS = 24
_SUBJECTS = ["The river", "A child", "My teacher", "The old ship", "A letter", "The market"]
_VERBS = ["waits", "opens", "returns", "sinks", "burns", "grows", "falls"]


@dataclass
class Table:
    """A split of a config: blocks of rows, one for each condition by which tasks pick rows of it; names of labels by column."""

    blocks: dict[tuple[Any, ...], list[dict[str, Any]]] = field(default_factory=dict)
    names: dict[str, Sequence[str]] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        return [row for block in self.blocks.values() for row in block]


def add_rows(table: Table, task: Task, source: HubSource, language: str, split: str, n: int) -> None:
    """Add the columns of a task in a language to a table, in rows that the task keeps."""
    kept = {
        column: [fill(each, language, source.names) if isinstance(each, str) else each for each in allowed]
        for column, allowed in source.where.items()
    }
    fields = {root for one in source.columns.values() for root in ([one] if isinstance(one, str) else one)}
    apart = tuple(
        (column, str(allowed)) for column, allowed in kept.items() if column not in fields or _is_text(allowed)
    )
    block = table.blocks.setdefault(apart, [{} for _ in range(n)])
    for i, row in enumerate(block):
        values = MAKERS[task.kind](task, source, f"{language} {split}", i)
        for name, column in source.columns.items():
            _put(row, column, values[name], language, source)
        for column, allowed in kept.items():
            if row.get(column) not in allowed:
                chosen = allowed[i % len(allowed)]
                row[column] = (
                    f"{chosen[:-1]}{split}-{i}" if isinstance(chosen, str) and chosen.endswith("*") else chosen
                )
    for name in ("label", "tags"):
        column = source.columns.get(name)
        if isinstance(column, str) and task.labels and not source.label_map and _is_number(block[0].get(column)):
            table.names[column] = task.labels


def _is_text(allowed: Sequence[object]) -> bool:
    return any(isinstance(each, str) for each in allowed)


def _is_number(value: object) -> bool:
    return isinstance(value[0] if isinstance(value, list) and value else value, int)


def _put(row: dict[str, Any], column: object, value: Any, language: str, source: HubSource) -> None:
    if not isinstance(column, str):
        parts = [f"{value} {number}" for number, _ in enumerate(column)] if isinstance(value, str) else value  # type: ignore[arg-type,var-annotated]
        for each, one in zip(column, parts, strict=True):  # type: ignore[call-overload]
            _put(row, each, one, language, source)
        return
    *folders, name = fill(column, language, source.names).split(".")
    for each in folders:
        row = row.setdefault(each, {})
    row[name] = value


def _sentence(where: str, i: int, shift: int = 0) -> str:
    return f"{_SUBJECTS[(i + shift) % len(_SUBJECTS)]} {_VERBS[(i + 3 * shift) % len(_VERBS)]} ({where} {i}{'abcdef'[shift]})."


def _pair(task: Task, source: HubSource, where: str, i: int) -> dict[str, Any]:
    label = i % len(task.labels)
    return {
        "id": f"{where} {i}",
        "first": _sentence(where, i),
        "second": _sentence(where, i, 1 + label % 4),
        "label": label,
    }


def _choice(task: Task, source: HubSource, where: str, i: int) -> dict[str, Any]:
    named = source.columns["choices"]
    n = len(task.labels or (range(4) if isinstance(named, str) else named))
    label: object = task.labels[i % n] if task.labels else i % n
    if isinstance(named, str) and not task.labels:
        label = str(label)  # HellaSwag's are text
    if source.label_map:
        label = next(word for word, choice in source.label_map.items() if choice == str(i % n))
    choices = [_sentence(where, i, each) for each in range(n)]
    facts = {
        "context": f"Before: {_sentence(where, i)}",
        "question": f"What then, {where} {i}?",
        "keys": list(task.labels),
    }
    return {"id": f"{where} {i}", "choices": choices, "label": label, **facts}


def _span(task: Task, source: HubSource, where: str, i: int) -> dict[str, Any]:
    context = f"{_sentence(where, i)} {_sentence(where, i, 1)} {_sentence(where, i, 2)}"
    answer = _SUBJECTS[(i + 1) % len(_SUBJECTS)]
    is_empty = task.may_be_unanswerable and i % 4 == 0
    found = {"texts": [] if is_empty else [answer], "starts": [] if is_empty else [context.index(answer, 1)]}
    return {"id": f"{where} {i}", "question": f"Who {_VERBS[(i + 3) % 7]} in {where} {i}?", "context": context, **found}


def _tags(task: Task, source: HubSource, where: str, i: int) -> dict[str, Any]:
    tokens = _sentence(where, i).split()
    return {"id": f"{where} {i}", "tokens": tokens, "tags": [(i + at) % len(task.labels) for at in range(len(tokens))]}


def _bitext(task: Task, source: HubSource, where: str, i: int) -> dict[str, Any]:
    made = {"source": _sentence(where, i), "target": _sentence(f"English {where}", i), "text": _sentence(where, i)}
    return {"id": str(i), **made}


def _retrieval(task: Task, source: HubSource, where: str, i: int) -> dict[str, Any]:
    return {
        "id": f"{where} {i}",
        "key": f"{where} {i}",
        "query": f"What of {where} {i}?",
        "passage": _sentence(where, i),
    }


def _mining(task: Task, source: HubSource, where: str, i: int) -> dict[str, Any]:
    raise NotImplementedError("no task mines a dataset of the hub")


MAKERS: Mapping[Kind, Callable[[Task, HubSource, str, int], dict[str, Any]]] = {
    "pair": _pair,
    "choice": _choice,
    "span": _span,
    "tags": _tags,
    "bitext": _bitext,
    "mining": _mining,
    "retrieval": _retrieval,
}
