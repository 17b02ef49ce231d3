"""Card of a dataset: what the front matter of its README says of configs, splits, files and names of labels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import DataError

if TYPE_CHECKING:
    import pyarrow

# Config -> split -> patterns of its files.
Configs = Mapping[str, Mapping[str, tuple[str, ...]]]
# Config -> column -> names of its labels.
Names = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Card:
    """What a dataset's README says.

    Attributes:
        configs: config -> split -> patterns of its files.
        names: config -> column -> names of its labels, in the order of their numbers.
    """

    configs: Configs = field(default_factory=dict)
    names: Names = field(default_factory=dict)


def parse_card(text: str, where: str) -> Card:
    """Return what the front matter of a dataset's README says; an empty card if it names no configs.

    Args:
        text: of the card.
        where: names the card in a message.

    Raises:
        DataError: the front matter is damaged, or names a path outside the dataset's folder.
    """
    import yaml

    parts = text.replace("\r\n", "\n").split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        return Card()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        front: Any = yaml.load(parts[1], Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 2}" if mark else ""
        raise DataError(
            f"{where}{line}: the front matter is not YAML; expected `configs:` there: fetch it again."
        ) from error
    configs: dict[str, dict[str, tuple[str, ...]]] = {}
    try:
        for each in (front or {}).get("configs") or []:
            splits: dict[str, tuple[str, ...]] = {}
            entries = each.get("data_files") or []
            for entry in [entries] if isinstance(entries, str | dict) else entries:
                split, pattern = (entry["split"], entry["path"]) if isinstance(entry, dict) else ("train", entry)
                splits[split] = splits.get(split, ()) + ((pattern,) if isinstance(pattern, str) else tuple(pattern))
            configs[str(each["config_name"])] = splits
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{where}: `configs:` is not a list of config_name and data_files (split, path); fetch the file again."
        ) from error
    for pattern in (pattern for splits in configs.values() for patterns in splits.values() for pattern in patterns):
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise DataError(f"{where}: the path '{pattern}' leads out of the dataset's folder; expected one inside it.")
    return Card(configs, _names_in(front))


def _names_in(front: Any) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the names of labels in `dataset_info`, as the hub's library writes them; what is written otherwise is passed over."""
    told = front.get("dataset_info") if isinstance(front, dict) else None
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for each in told if isinstance(told, list) else [told]:
        features = each.get("features") if isinstance(each, dict) else None
        named = {
            str(one.get("name")): names
            for one in (features if isinstance(features, list) else [])
            if isinstance(one, dict)
            for names in _class_names(one)
        }
        if named and isinstance(each, dict):
            found[str(each.get("config_name", "default"))] = named
    return found


def _class_names(feature: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the names of a column's labels, or of those in its lists."""
    for key in ("dtype", "list", "sequence"):
        inner = feature.get(key)
        if not isinstance(inner, dict):
            continue
        if isinstance(label := inner.get("class_label"), dict):
            names = label.get("names")
            yield tuple(map(str, names.values() if isinstance(names, dict) else names or ()))
        else:
            yield from _class_names(inner)


def with_names(schema: pyarrow.Schema, names: Mapping[str, tuple[str, ...]]) -> pyarrow.Schema:
    """Return a schema that carries names of labels as the hub's library writes them; those that a file carries itself stay."""
    try:
        told = json.loads((schema.metadata or {})[b"huggingface"])
        features = told["info"]["features"]
    except (KeyError, TypeError, ValueError):
        told, features = {"info": {"features": {}}}, {}
    added = {
        column: {"names": list(each), "_type": "ClassLabel"}
        for column, each in names.items()
        if each and column in schema.names and column not in features
    }
    if not added or not isinstance(features, dict):
        return schema
    told["info"]["features"] = {**features, **added}
    return schema.with_metadata({**(schema.metadata or {}), b"huggingface": json.dumps(told).encode()})
