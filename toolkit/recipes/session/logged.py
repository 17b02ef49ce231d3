"""Folder of a logged model of MLflow: an entry with all that it needs to answer, and how MLflow loads and calls it.

The folder holds `MLmodel` and an input example for MLflow, a page for people, and below `model/` the composition in words and
a zoo of its own: the entry and what it runs on. The backbone is named, with its digest. Nothing in it is pickled: MLflow calls
`toolkit.recipes.answer.served`.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from toolkit.composition import parse
from toolkit.config import Config
from toolkit.errors import ToolkitError
from toolkit.recipes.session.names import task_of
from toolkit.recipes.session.session import Session
from toolkit.recipes.session.weights import places
from toolkit.tasks import BUILT_IN, Task
from toolkit.tasks.kinds import Kind
from toolkit.tasks.own.fields import PLAIN, declared_columns, own_fields
from toolkit.tasks.sources.checks import parts_of
from toolkit.version import __version__
from toolkit.zoo import AdapterCard
from toolkit.zoo.lineage import lineages
from toolkit.zoo.readme import page

MODEL, ABOUT, ZOO, TASK = "model", "composition.json", "zoo", "task.yaml"
EXAMPLE = "input_example.json"
LOADER = "toolkit.recipes.answer.served"
_MIB = 2**20
# Settings of an evaluation that decide how a row is answered; how many rows are scored is not among them.
ANSWERING = ("max_length", "stride", "label_piece", "null_threshold", "fold")


def write_model(card: AdapterCard, session: Session, folder: Path) -> None:
    """Write the folder of an entry's logged model.

    Weights are left out where they are more than `tracking.weights_mib` together; the cards are always there.

    Args:
        folder: empty.

    Raises:
        ToolkitError: the zoo cannot be read.
    """
    (folder / "README.md").write_text(page(card), encoding="utf-8")
    inside = folder / MODEL
    try:
        _copy_entries(card, session, inside / ZOO)
    except OSError as error:
        raise ToolkitError(f"The zoo's entry '{card.name}' cannot be read ({error.strerror}).") from None
    shutil.copyfile(
        inside / ZOO / session.zoo.folder(card).relative_to(session.zoo.root) / "card.yaml", folder / "card.yaml"
    )
    _write_json(inside / ABOUT, _about(card, session))
    task = _task_of(card, session)
    if task is not None and task.name not in BUILT_IN.held:
        (inside / TASK).write_text(yaml.safe_dump(_declaration(task), allow_unicode=True), encoding="utf-8")
    example = _example(task)
    _write_json(folder / EXAMPLE, {"columns": list(example), "data": [list(example.values())]})
    described = _described(task, session.config)
    (folder / "MLmodel").write_text(yaml.safe_dump(described, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _copy_entries(card: AdapterCard, session: Session, zoo: Path) -> None:
    """Copy cards of an entry and of all that it was trained on, with the weights that it runs on."""
    composition = parse(card.name)
    order, faults = lineages([card], lambda _, parent: session.zoo.get(parent.name, session.shelf))
    for fault in faults.values():
        raise fault
    cards = {each.name: each for each in order}
    held_at = places(composition, {name: cards[name] for name in composition.entries if name in cards})
    used = {entry for entry, _ in held_at.values()}  # whole, because an entry is checked whole
    size = sum(file.bytes for entry in used & cards.keys() for file in cards[entry].files.values())
    for each in order:
        source = session.zoo.folder(each)
        target = zoo / source.relative_to(session.zoo.root)
        target.mkdir(parents=True)
        shutil.copyfile(source / "card.yaml", target / "card.yaml")
        if each.name in used and size <= session.config.tracking.weights_mib * _MIB:
            for file in each.files:
                shutil.copyfile(source / file, target / file)


def _about(card: AdapterCard, session: Session) -> dict[str, Any]:
    config = session.config
    evaluation = asdict(config.eval)
    return {
        "format": 1,
        "xstilts": __version__,
        "composition": card.name,
        "digest": card.digest,
        "backbone": {
            "name": config.backbone.name,
            "revision": config.backbone.revision,
            "precision": config.backbone.precision,
            "digest": card.backbone.digest,
        },
        "shelf": card.shelf,
        "adapter": config.adapter.kind,
        "settings": {"fusion": config.fusion, **{f"eval.{key}": evaluation[key] for key in ANSWERING}},
    }


def _task_of(card: AdapterCard, session: Session) -> Task | None:
    """Return the task whose rows an entry answers; None where it gives vectors."""
    composition = parse(card.name)
    heads = [head for name, head in card.heads.items() if name == composition.head_name.name]
    if composition.is_parallel or not heads or heads[0].kind not in EXAMPLES:
        return None
    return session.catalogue.get(task_of(composition, session))


def _declaration(task: Task) -> dict[str, Any]:
    """Return a task as a task file says it, as far as an answer needs it; it has no rows."""
    columns = {
        name: column if isinstance(column, str) else list(column) for name, column in declared_columns(task).items()
    }
    return {
        "name": task.name,
        "kind": task.kind,
        "languages": [task.train_language],
        "metric": task.metric,
        "files": {"train": "none.jsonl", "dev": "none.jsonl"},
        **({"labels": list(task.labels)} if task.labels else {}),
        **({"columns": columns} if columns else {}),
        **({"may_be_unanswerable": True} if task.may_be_unanswerable else {}),
    }


# -- for MLflow -----------------------------------------------------------------------------------------------------

_TEXT = {"type": "string"}
_NUMBER = {"type": "double"}
_WHOLE = {"type": "long"}
_TEXTS = {"type": "array", "items": _TEXT}
_LISTS = ("tokens", "choices")

EXAMPLES: Mapping[Kind, Mapping[str, Any]] = {
    "pair": {"first": "A man is sleeping.", "second": "A man is awake."},
    "choice": {"context": "It rained.", "question": "What happened?", "choices": ["The street got wet.", "It snowed."]},
    "span": {"question": "Where is the river?", "context": "The river is in the valley."},
    "tags": {"tokens": ["The", "river", "is", "long", "."]},
    "text": {"text": "The river is <mask>."},
}
"""A row by field, without gold, for each kind that a head answers."""

_ANSWERS: Mapping[Kind, Mapping[str, Mapping[str, Any]]] = {
    "pair": {"prediction": _TEXT, "probability": _NUMBER, "probabilities": {"type": "map", "values": _NUMBER}},
    "choice": {
        "prediction": _WHOLE,
        "text": _TEXT,
        "probability": _NUMBER,
        "probabilities": {"type": "array", "items": _NUMBER},
    },
    "span": {"prediction": _TEXT, "start": _WHOLE, "end": _WHOLE, "score": _NUMBER, "no_answer": _NUMBER},
    "tags": {"prediction": _TEXTS, "tokens": _TEXTS, "starts": {"type": "array", "items": _WHOLE}},
    "text": {
        "prediction": _TEXT,
        "pieces": {"type": "array", "items": _TEXTS},
        "probabilities": {"type": "array", "items": {"type": "array", "items": _NUMBER}},
    },
}
_VECTORS: Mapping[str, Mapping[str, Any]] = {"vector": {"type": "array", "items": {"type": "float"}}}
_NOT_ALWAYS = ("start", "end", "score", "no_answer", "tokens", "starts")


def _columns(task: Task | None) -> dict[str, tuple[str, int | None]]:
    """Return the columns that are read, each with its field, and which of the field's values it holds (None: all of them).

    `text` is a plain text where one is a row.
    """
    if task is None:
        return {PLAIN: ("source", None)}
    fields = own_fields(task, task.train_language)
    found: dict[str, tuple[str, int | None]] = {}
    for field in fields:
        is_whole = isinstance(field.columns[0], str)
        for number, column in enumerate(parts_of(field.columns[0])):
            found[column] = (field.name, None if is_whole else number)
    if sum(field.is_needed for field in fields) == 1 and any(PLAIN in field.columns for field in fields):
        found.setdefault(PLAIN, ("", None))
    return found


def _example(task: Task | None) -> dict[str, Any]:
    if task is None:
        return {PLAIN: "A man is sleeping."}
    texts = EXAMPLES[task.kind]
    return {
        column: texts[field] if number is None else texts[field][number % len(texts[field])]
        for column, (field, number) in _columns(task).items()
        if field in texts
    }


def _described(task: Task | None, config: Config) -> dict[str, Any]:
    """Return what MLflow's `MLmodel` says: how it is loaded, and what goes in and comes out.

    No column is required there, so that a row that lacks one gets the sentence of the toolkit.
    """
    inputs = [
        {**(_TEXTS if field in _LISTS and number is None else _TEXT), "name": column, "required": False}
        for column, (field, number) in _columns(task).items()
    ]
    answers = _VECTORS if task is None else _ANSWERS[task.kind]
    outputs = [{**kind, "name": name, "required": name not in _NOT_ALWAYS} for name, kind in answers.items()]
    language = "en" if task is None else task.train_language
    params = [{"name": "language", "type": "string", "default": language, "shape": None}]
    return {
        "flavors": {
            "python_function": {
                "loader_module": LOADER,
                "data": MODEL,
                "python_version": ".".join(map(str, sys.version_info[:3])),
                "config": {"backbone": config.backbone.name},
            }
        },
        "saved_input_example_info": {"artifact_path": EXAMPLE, "type": "dataframe", "pandas_orient": "split"},
        "signature": {
            "inputs": json.dumps(inputs),
            "outputs": json.dumps(outputs),
            "params": json.dumps(params),
        },
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }


def _write_json(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
