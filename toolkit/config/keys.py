"""Settings that can change a result, as the keys of kept results read them from `schema.py`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from toolkit.config.about import Case, Change
from toolkit.config.convert import declared
from toolkit.config.load import plain
from toolkit.config.schema import Config

# Keys of 0.1.0 had these in the named cases alone. In others they enter where they are not the default, so that what
# 0.1.0 kept is found again.
_EARLIER: Mapping[tuple[Change, str], frozenset[Case]] = {
    ("weights", "adapter.dropout"): frozenset({"adapter"}),
    ("weights", "fusion"): frozenset(),
    ("scores", "eval.fold"): frozenset({"head"}),
    ("scores", "fusion"): frozenset(),
    ("scores", "store.dtype"): frozenset(),
    ("weights", "eval.seed"): frozenset(),
    ("scores", "eval.seed"): frozenset(),
    ("scores", "retrieve.seed"): frozenset(),
    ("scores", "retrieve.pool_limit"): frozenset(),
    ("weights", "train.text_bytes"): frozenset(),
    ("weights", "train.text_share"): frozenset(),
    ("weights", "train.text_languages"): frozenset(),
    ("weights", "train.text_exponent"): frozenset(),
}


def settings_that_change(what: Change, config: Config, *, cases: Collection[Case]) -> dict[str, Any]:
    """Return every setting that can change a kind of result, by dotted key, with its value.

    The settings of the backbone are left out: a key holds the digest and the precision of the one that was loaded.

    Args:
        what: the kind of result.
        config: resolved configuration.
        cases: the cases that hold; settings that matter in other cases only are left out.

    Example:
        >>> list(settings_that_change("merges", Config(), cases=["dropped"]))
        ['adapter.kind', 'train.seed', 'merge.density']
    """
    held = frozenset(cases)
    found: dict[str, Any] = {}
    for key in keys_that_change(what, cases=held):
        value = value_of(config, key)
        earlier = _EARLIER.get((what, key))
        if earlier is None or held & earlier or value != value_of(_DEFAULTS, key):
            found[key] = value
    return found


def keys_that_change(what: Change, *, cases: Collection[Case]) -> list[str]:
    """Return the dotted key of every setting that can change a kind of result, except those of the backbone.

    Args:
        what: the kind of result.
        cases: the cases that hold.
    """
    held = frozenset(cases)
    return [
        key
        for key, setting in declared().items()
        if what in setting.about.changes
        and not key.startswith("backbone.")
        and (not setting.about.only or held & set(setting.about.only))
    ]


def is_default(key: str, value: Any) -> bool:
    """Return whether a setting has its default value."""
    return bool(value == value_of(_DEFAULTS, key))


def by_section(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by section and name; one without a section by its name.

    Example:
        >>> by_section({"train.lr": 0.1, "train.seed": 0, "fusion": "fast"})
        {'train': {'lr': 0.1, 'seed': 0}, 'fusion': 'fast'}
    """
    nested: dict[str, Any] = {}
    for key, value in found.items():
        section, dot, name = key.partition(".")
        if dot:
            nested.setdefault(section, {})[name] = value
        else:
            nested[key] = value
    return nested


def value_of(config: Config, key: str) -> Any:
    """Return the value of a dotted key as plain data.

    Example:
        >>> value_of(Config(), "train.batch_size"), value_of(Config(), "zoo")
        (32, 'adapter_zoo')
    """
    found: Any = config
    for name in key.split("."):
        found = getattr(found, name)
    return plain(found)


_DEFAULTS = Config()
