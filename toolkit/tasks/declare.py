"""Task files: from a few lines of YAML to a Task."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.composition import Name, parse
from toolkit.config.ready import names_of
from toolkit.config.safe_yaml import YamlFault, as_text, build, compose
from toolkit.errors import ConfigError, ToolkitError
from toolkit.files import file_fault
from toolkit.languages import get_language
from toolkit.registry import did_you_mean, each_once
from toolkit.tasks.declared_sides import faults_of_sides, has_sides
from toolkit.tasks.declared_source import source_of, usual_columns
from toolkit.tasks.declared_words import check_labels, lines_of, texts_of
from toolkit.tasks.kinds import FIELDS, KINDS, LABELLED, MASKED, METRICS, SPLITS, Metric
from toolkit.tasks.task import Task

_TEXTS = ("name", "kind", "level", "description", "metric", "trains_on", "train_language", "citation", "licence")
_SWITCHES = ("parallel", "may_be_unanswerable", "may_have_other_tags", "crosses_languages")
_NUMBERS = ("query_tokens", "passage_tokens")
_SOURCE = (
    "hub",
    "config",
    "revision",
    "splits",
    "share_seed",
    "files",
    "format",
    "columns",
    "where",
    "label_map",
    "names",
    "join",
    "links",
)
_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
KEYS = (
    *_TEXTS,
    "languages",
    "labels",
    "labels_file",
    "overlaps",
    "translated",
    *_SWITCHES,
    *_NUMBERS,
    "base",
    *_SOURCE,
)


def read_task(file: Path, find: Callable[[str], Task | None], names: Iterable[str]) -> Task:
    """Return the task that a YAML file declares.

    Args:
        file: the YAML file; paths in it are relative to its folder.
        find: returns the task that `base` or `trains_on` names, or None if there is none.
        names: names to offer if there is none.

    Raises:
        ConfigError: the file is not YAML, or declares no task; all faults at once unless one hides another.
    """
    missing = file_fault(file)
    if missing == "is not there":
        hint = did_you_mean(file.as_posix(), names_of("task")) or "`xstilts configs list task` lists the ready ones."
        raise ConfigError(f"There is no task file {file}; expected a YAML file that declares a task. {hint}")
    if missing:
        raise ConfigError(f"The task file {file} {missing}; expected a YAML file that declares a task.")
    try:
        text = file.read_bytes().decode("utf-8-sig")
        node = compose(text)
        said = build(_with_texts(node)) if node is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read ({error}); expected UTF-8 text.") from None
    except YamlFault as fault:
        line = f", line {fault.line}" if fault.line else ""
        raise ConfigError(f"{file}{line}: {fault}; expected a mapping that declares a task.") from None
    if not isinstance(said, dict):
        raise ConfigError(f"{file}: no mapping; expected a task's `name`, `kind` and where its rows are.")
    known: dict[str, Task] = {}
    wanted = [name for key in ("base", "trains_on") if isinstance(name := said.get(key), str)]
    for name in wanted:
        if name not in known and (found := find(name)) is not None:
            known[name] = found
            wanted += [found.trains_on] if found.trains_on else []  # a slice inherits it
    faults = _faults(said, known, names)
    if faults:
        raise ConfigError("\n".join(f"{file}: {fault}" for fault in faults))
    try:
        return _task(said, file.parent, known)
    except ToolkitError as error:
        raise ConfigError(f"{file}: {error}") from None


def _with_texts(node: Any) -> Any:
    """Return a document's node with the words of `label_map`, `names` and the columns in `where` as the texts that were
    written: YAML takes `yes` for true and `0` for a number.
    """
    for key, value in node.value if node.id == "mapping" else ():
        if key.value in ("label_map", "names", "where"):
            _as_texts(value, has_values=key.value != "where")
    return node


def _as_texts(node: Any, *, has_values: bool) -> None:
    for name, meant in node.value if node.id == "mapping" else ():
        as_text(name)
        if has_values:
            as_text(meant)
        _as_texts(meant, has_values=has_values)


def _by_name(
    given: dict[str, Any], said: Mapping[str, Any], base: Task | None
) -> tuple[dict[str, Any], dict[str, str] | None]:
    """Return a task's fields and its `label_map`; the base's labels in another order are the order of the file's indices."""
    labels, label_map = given.get("labels"), dict(said["label_map"]) if "label_map" in said else None
    if base is None or labels is None or sorted(labels) != sorted(base.labels):
        return given, label_map
    if labels != base.labels and not ("hub" in said or "files" in said):
        raise ConfigError(
            f"`labels` has the labels of '{base.name}' in another order, which is that of a file; expected `hub` or `files` "
            "with it."
        )
    order = {str(number): label for number, label in enumerate(labels)}
    kept = {name: value for name, value in given.items() if name != "labels"}
    return kept, label_map if labels == base.labels else {**order, **(label_map or {})}


def _faults_of_types(said: Mapping[str, Any]) -> list[str]:
    """Return the keys that do not exist, and the values of another type than theirs."""
    faults = [
        f"no key '{key}'. {did_you_mean(key, KEYS) or 'Known: ' + ', '.join(KEYS) + '.'}"
        for key in said
        if key not in KEYS
    ]
    faults += [
        f"`{key}` is {said[key]!r}; expected text." for key in (*_TEXTS, "base", "hub", "config", "revision", "format", "links")
        if key in said and not isinstance(said[key], str) and not (key == "config" and isinstance(said[key], dict))
    ]  # fmt: skip
    if isinstance(hub := said.get("hub", "org/name"), str) and not _HUB_ID.fullmatch(hub):
        faults.append(f"`hub` is '{hub}'; expected the id of a dataset on the hub, ORG/NAME.")
    faults += [
        f"`{key}` is {said[key]!r}; expected true or false."
        for key in _SWITCHES
        if type(said.get(key, True)) is not bool
    ]
    faults += [
        f"`{key}` is {said[key]!r}; expected a number of tokens, 8 or more."
        for key in _NUMBERS
        if key in said and (type(said[key]) is not int or said[key] < 8)
    ]
    if "share_seed" in said and (type(said["share_seed"]) is not int or said["share_seed"] < 0):
        faults.append(f"`share_seed` is {said['share_seed']!r}; expected a whole number, 0 or more.")
    for key in ("columns", "where", "splits", "files", "label_map", "names"):
        if key in said and (not isinstance(said[key], dict) or not said[key]):
            faults.append(f"`{key}` is {said[key]!r}; expected a mapping, `{key}: {{NAME: VALUE}}`.")
    faults += [] if faults else faults_of_sides(said)
    faults += [
        f"`{key}` gives {value!r} for '{name}'; expected text."
        for key in ("label_map", "names")
        for name, value in (said.get(key, {}).items() if isinstance(said.get(key), dict) else ())
        if not isinstance(value, str)
    ]
    return faults


def _faults(said: Mapping[str, Any], known: Mapping[str, Task], names: Iterable[str]) -> list[str]:
    faults = _faults_of_types(said)
    if faults:
        return faults
    if said.get("metric") == "squad" and said.get("may_be_unanswerable"):
        faults.append("the metric 'squad' knows no questions without answers; expected squad2, mlqa or characters.")
    name = said.get("name")
    if name is None:
        faults.append("no `name`; expected the task's name.")
    elif not _is_name(name):
        faults.append(
            f"the name '{name}' cannot be used in a composition; expected lower-case letters, digits, _ and -."
        )
    for key in ("base", "trains_on"):
        if key in said and said[key] not in known:
            faults.append(f"`{key}` names no task '{said[key]}'. {did_you_mean(said[key], names)}".rstrip())
    if "base" not in said:
        if "kind" not in said:
            faults.append(f"no `kind`; expected one of {', '.join(FIELDS)}.")
        elif said["kind"] not in FIELDS:
            why = "has files of its own and cannot be declared" if said["kind"] in KINDS else "is unknown"
            faults.append(f"the kind '{said['kind']}' {why}; expected one of {', '.join(FIELDS)}.")
        if ("hub" in said) == ("files" in said):
            faults.append("expected either `hub` (a dataset's id) or `files` (paths by split), or `base`.")
        if "columns" not in said and not has_sides(said) and not usual_columns(said):
            faults.append(
                "no `columns`; expected the column of each field, for example `{first: premise, label: gold}`."
            )
    elif "hub" in said and "files" in said:
        faults.append("`hub` and `files` exclude each other; expected one of them.")
    for key in ("splits", "files", "translated"):
        odd = [split for split in said.get(key, {}) if split not in SPLITS]
        if odd:
            faults.append(f"`{key}` names '{odd[0]}'; expected {', '.join(SPLITS)}.")
    if "labels" in said and "labels_file" in said:
        faults.append("`labels` and `labels_file` exclude each other; expected one of them.")
    return faults


def _is_name(name: str) -> bool:
    try:
        composition = parse(name)
    except ToolkitError:
        return False
    return composition.leaves() == (Name(name),) and str(composition) == name


def _task(said: Mapping[str, Any], folder: Path, known: Mapping[str, Task]) -> Task:
    given: dict[str, Any] = {key: said[key] for key in (*_TEXTS, *_SWITCHES, *_NUMBERS) if key in said}
    if "languages" in said:
        asked = texts_of(said["languages"], "languages")
        given["languages"] = tuple(each_once([get_language(code).code for code in asked], "language", said=asked))
    if "labels" in said:
        given["labels"] = texts_of(said["labels"], "labels", is_cut=False)
    if "labels_file" in said:
        given["labels"] = lines_of(folder / str(said["labels_file"]))
    check_labels(given.get("labels", ()))
    if "translated" in said:
        given["translated"] = texts_of(said["translated"], "translated")
    if "overlaps" in said:
        given["overlaps"] = texts_of(said["overlaps"], "overlaps")
    base = known[said["base"]] if "base" in said else None
    given["is_metric_chosen"] = _is_metric_chosen(said, given.get("languages"), base)
    given, label_map = _by_name(given, said, base)
    source = source_of(said, folder, base, label_map)
    if base is not None:
        # A slice shares rows with what it is cut from.
        own = tuple(f"{base.name}:{split}" for split in ("dev", "test") if split in base.source.splits)
        overlaps = given.pop("overlaps", base.overlaps + own)
        given.setdefault("description", f"{base.description} (of {base.name})")
        if given.get("may_be_unanswerable") and base.metric == "squad":
            given.setdefault("metric", "squad2")
        if "train" in {**said.get("splits", {}), **said.get("files", {})}:
            given.setdefault("trains_on", None)  # rows of its own to train on
        task = replace(base, **given, source=source, overlaps=overlaps, size=(None, None))
    else:
        given.setdefault("languages", ("en",))
        given.setdefault("metric", _usual_metric(said))
        given.setdefault("description", f"a {said['kind']} task of your own")
        task = Task(**given, source=source)
    _check_training(task, known)
    return task


def _usual_metric(said: Mapping[str, Any]) -> Metric:
    """Return the metric of a task that names none: the kind's first, or SQuAD 2.0's where answers may be missing."""
    known = METRICS[said["kind"]]
    return "squad2" if said.get("may_be_unanswerable") and "squad2" in known else known[0]


def _is_metric_chosen(said: Mapping[str, Any], languages: Sequence[str] | None, base: Task | None) -> bool:
    """Return whether somebody chose the metric for these languages: this file, or the base for its own."""
    if "metric" in said or base is None:
        return "metric" in said
    return base.is_metric_chosen and set(languages or ()) <= set(base.languages)


def _check_training(task: Task, known: Mapping[str, Task]) -> None:
    if task.kind in LABELLED and not task.labels:
        raise ConfigError(f"a {task.kind} task needs `labels`; expected their names in order.")
    if task.kind in MASKED and task.labels:
        raise ConfigError(f"a {task.kind} task has no labels: its own pieces are guessed; leave `labels` out.")
    if task.trains_on is not None:
        lender = known[task.trains_on]
        if (lender.kind, lender.labels) != (task.kind, task.labels):
            raise ConfigError(
                f"`trains_on` names '{lender.name}', which has another kind or other labels; expected the same, and "
                "`label_map` for other words in the file."
            )
    elif task.has_train and "dev" not in task.source.splits:
        raise ConfigError(
            "training rows without dev rows; expected `dev` with `train`: a file or split, or a share such as `dev: 10%`."
        )
    if "score" not in task.source.splits:
        raise ConfigError("no rows to score on; expected `score`, `test` or `dev`.")
