"""Names of labels: from what a file calls its labels to the labels of the task, in whatever order the file has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.errors import ConfigError, DataError
from toolkit.files import json_of
from toolkit.tasks.task import Task

if TYPE_CHECKING:
    import pyarrow

_WHOLE = re.compile(r"-?\d+\.0+")  # a whole number as fractions are written


def check_label_map(task: Task, label_map: Mapping[str, str]) -> None:
    """Raise a ConfigError if a value is not a label of the task (of a task without labels: the number of a choice)."""
    for name, label in label_map.items():
        if task.labels and label not in task.labels:
            raise ConfigError(
                f"Task '{task.name}': `label_map` maps '{name}' to '{label}'; expected one of {', '.join(task.labels)}."
            )
        if not task.labels and not label.isdecimal():
            raise ConfigError(
                f"Task '{task.name}': `label_map` maps '{name}' to '{label}'; without `labels`, expected the number of a "
                "choice, from 0."
            )


def known_words(task: Task, label_map: Mapping[str, str], names: Sequence[str], where: str) -> dict[str, int]:
    """Return the index of the task's label for each word that a file may hold; empty: words and indices are the task's.

    Args:
        task: has the labels.
        label_map: other words -> labels of the task.
        names: the names that the file itself declares in the order of its indices; empty if it declares none.
        where: names file and column in a message.

    Raises:
        DataError: the file's names are not those of the task, or `label_map` contradicts them.

    Example:
        >>> from toolkit.tasks import BUILT_IN
        >>> known_words(BUILT_IN.get("xnli"), {}, ("neutral", "entailment", "contradiction"), "")["0"]
        1
    """
    labels = {label: index for index, label in enumerate(task.labels)}
    mapped = {word_of(word) or word: labels[label] if labels else int(label) for word, label in label_map.items()}
    for word in [each for each in mapped if each.lower() in ("true", "false")]:
        mapped |= {each: mapped[word] for each in (word.lower(), word.capitalize()) if each not in mapped}
    if not names or not labels:
        return {**labels, **mapped} if mapped else {}
    if not mapped and tuple(names) == task.labels:
        return {}
    folded = {label.casefold(): index for label, index in labels.items()}
    by_name = [mapped.get(name, labels.get(name, folded.get(name.strip().casefold()))) for name in names]
    for number, (name, index) in enumerate(zip(names, by_name, strict=True)):
        said = mapped.get(str(number))
        if said is not None and index is not None and said != index:
            raise DataError(
                f"{where} calls label {number} '{name}', and the task file '{task.labels[said]}'; expected the same: "
                "correct `labels` or `label_map`."
            )
    found = [mapped.get(str(number), index) for number, index in enumerate(by_name)]
    # A name without a letter (SNLI's `-`: no majority) is of no class: the fault of the rows that have it, if any.
    beyond = [name for name, index in zip(names, found, strict=True) if index is None]
    is_of_no_class = not any(map(str.isalnum, "".join(beyond))) and set(found) >= set(labels.values())
    if not beyond or task.may_have_other_tags or is_of_no_class:
        indices = {str(number): index for number, index in enumerate(found) if index is not None}
        return {**labels, **mapped, **indices}
    if not mapped and len(names) == len(labels) and found == [None] * len(names):
        return {}  # names of another kind, `0` or `LABEL_0`: their order is all there is
    raise DataError(
        f"{where} has the labels {', '.join(names)}; task '{task.name}' expected {', '.join(task.labels)}, in any order: "
        f"name the others, which are {_listed(beyond)}, in `label_map:` of a task file, or of tags allow "
        "them with `may_have_other_tags: true`."
    )


def check_same_names(
    task: Task,
    label_map: Mapping[str, str],
    files: Sequence[tuple[str, Sequence[str]]],
    others: Callable[[], Iterable[tuple[str, Sequence[str]]]],
) -> None:
    """Raise a DataError if files that are read as one have their labels in different orders.

    Names that are the task's own may be in any order in another split; names of another kind (`0`, `LABEL_0`) are taken by
    their order, which must then be the same in every split and language.

    Args:
        task: has the labels.
        label_map: other words -> labels of the task.
        files: the files of one split, with the names that each declares.
        others: yields those of the other splits and languages; read only where they matter.
    """
    (first, names), *rest = files
    meant = _meaning(task, label_map, names, first)
    for file, said in rest:
        if _meaning(task, label_map, said, file) != meant:
            raise DataError(
                f"The labels of {first} are {_listed(names)}, and those of {file} {_listed(said)}; expected the same order in "
                "both: fetch them again, or write the labels as text."
            )
    is_by_order = bool(names) and tuple(names) != task.labels and not any(isinstance(each, int) for each in meant)
    for file, said in others() if is_by_order else ():
        if said and tuple(said) != tuple(names):
            raise DataError(
                f"The labels of {first} are {_listed(names)}, and those of {file} {_listed(said)}: names that are not the "
                "task's are taken by their order; expected the same order in both, or `label_map:` in a task file."
            )


def _meaning(
    task: Task, label_map: Mapping[str, str], names: Sequence[str], where: str
) -> tuple[int | str | None, ...]:
    """Return what each index of a file stands for: the index of the task's label, or the name where the order is all there is."""
    words = known_words(task, label_map, names, where)
    if words:
        return tuple(words.get(str(number)) for number in range(max(len(names), len(task.labels))))
    if names and tuple(names) != task.labels:
        return tuple(names)
    return tuple(range(len(task.labels)))


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:17])}{', ...' if len(names) > 17 else ''}" if names else "without names"


def names_in(schema: pyarrow.Schema, column: str) -> tuple[str, ...]:
    """Return the label names a parquet file carries for a column (hub convention), or nothing."""
    try:
        told: Any = json_of((schema.metadata or {})[b"huggingface"])
        features = told["info"]["features"]
        feature = features[column]
        feature = feature.get("feature", feature) if isinstance(feature, dict) else feature[0]
        names = feature.get("names") or ()
        return tuple(names) if all(isinstance(name, str) for name in names) else ()
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return ()


def word_of(value: Any) -> str | None:
    """Return a raw label as the word that names it: `1`, 1.0 and 1 are one word; None for what is not a label."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    return text.partition(".")[0] if _WHOLE.fullmatch(text) else text
