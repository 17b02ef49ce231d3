"""Dataclass defaults <- one YAML file <- `--set section.key=value` <- flags -> one frozen `Config`.

YAML's own guesses are not used: to it `1e-4` is text and `no` is False. Every scalar is read as written and converted by
the type that `schema.py` declares. All faults are collected and reported together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from toolkit.config.convert import Quoted, convert, declared, describe, expectation, is_null, sections
from toolkit.config.ready import config_file, names_of
from toolkit.config.safe_yaml import YamlFault, compose
from toolkit.config.schema import Config
from toolkit.errors import ConfigError
from toolkit.registry import did_you_mean, nearest

MAX_BYTES = 1_000_000  # a config is a page of text: anything larger is another file by mistake


@dataclass(frozen=True)
class _Setting:
    """One value somebody gave: where it goes, what it is, where it came from."""

    key: str
    value: Any
    origin: str = ""


def load(
    path: str | Path | None = None, sets: Sequence[str] = (), overrides: Mapping[str, Any] | None = None
) -> Config:
    """Resolve a configuration.

    Args:
        path: a YAML file, the name of a ready one (`train/jiant`), or None for the defaults.
        sets: texts `section.key=value`, split at the first `=`; a later one wins.
        overrides: typed values by dotted key (the command line's flags); they win over all else. None means "not given".

    Returns:
        The frozen configuration.

    Raises:
        ConfigError: with every fault of every source, each with the nearest legal names.

    Example:
        >>> load(sets=["train.lr=1e-4", "tracking.enabled=no"]).train.lr
        0.0001
        >>> load(sets=["train.lrr=1e-4"])
        Traceback (most recent call last):
        ...
        toolkit.errors.ConfigError: --set train.lrr=1e-4: no setting 'train.lrr'. Did you mean 'train.lr'?
    """
    faults: list[str] = []
    given: list[_Setting] = []
    if path is not None:
        given += _from_yaml(config_file(path), faults)
    for text in sets:
        key, equals, value = text.partition("=")
        if equals:
            given.append(_Setting(key.strip(), value.strip(), f"--set {text}"))
        else:
            faults.append(f"--set {text}: no '=', expected section.key=value, for example train.lr=1e-4")
    for key, value in (overrides or {}).items():
        given += [item for item in _flatten(key, value) if item.value is not None]
    return _resolve(given, faults)


def load_texts(layers: Iterable[tuple[str, Mapping[str, str]]]) -> Config:
    """Resolve settings that are given as text, layer by layer.

    Args:
        layers: pairs of where a layer comes from (the first words of a fault) and its settings by dotted key, each as
            written in YAML; a later layer wins.

    Raises:
        ConfigError: with every fault, as `load` does.

    Example:
        >>> load_texts([("a.yaml", {"train.lr": "1e-4"}), ("--set", {"train.limit": "null"})]).train.lr
        0.0001
    """
    return _resolve([_Setting(key, text, origin) for origin, texts in layers for key, text in texts.items()], [])


def from_dict(values: Mapping[str, Any]) -> Config:
    """Rebuild a configuration from what `to_dict` returned; a missing key takes its default.

    Raises:
        ConfigError: with every fault, as `load` does.

    Example:
        >>> from_dict(to_dict(Config())) == Config()
        True
    """
    return _resolve([item for key, value in values.items() for item in _flatten(str(key), value)], [])


def to_dict(config: Config) -> dict[str, Any]:
    """Return nested plain values (paths as text): what YAML, JSON, MLflow and an adapter's card take.

    Example:
        >>> to_dict(Config())["adapter"]["reduction_factor"]
        16
    """

    return {each.name: plain(getattr(config, each.name)) for each in fields(config)}


def plain(value: Any) -> Any:
    """Return one setting, or a section, as `to_dict` has it.

    Example:
        >>> plain((Path("a"), Path("b")))
        ['a', 'b']
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return str(value) if isinstance(value, Path) else value


def to_yaml(config: Config) -> str:
    """Return the configuration as YAML that `load` reads back to an equal one.

    Example:
        >>> print(to_yaml(Config())[:70])
        backbone:
          name: xlm-roberta-large
          precision: auto
          revision: null
    """
    return yaml.safe_dump(to_dict(config), sort_keys=False, allow_unicode=True, width=10_000)


def settings() -> dict[str, str]:
    """Return every dotted key with the line about it, in the schema's order: what documentation and completion list.

    Example:
        >>> settings()["train.limit"]
        'training rows of each task, drawn by `seed` in proportion to their labels; null: all'
    """
    return {key: item.about.text for key, item in declared().items()}


def _from_yaml(path: Path, faults: list[str]) -> list[_Setting]:
    """Return the settings of one YAML file with their lines; what is wrong with the file itself goes to `faults`."""
    given: list[_Setting] = []
    try:
        if not path.exists():
            names = sorted(item.name for item in path.parent.iterdir()) if path.parent.is_dir() else []
            names = [*names_of(), *(name for name in names if name.endswith((".yaml", ".yml")))]
            hint = did_you_mean(path.as_posix(), names) or did_you_mean(path.name, names)
            hint = hint or "Give the path of a YAML file, or a name of `xstilts configs`."
            faults.append(f"No config file '{path}'. {hint}")
            return given
        if not path.is_file():
            faults.append(f"{path}: not a file, expected a YAML file")
            return given
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            faults.append(f"{path}: more than {MAX_BYTES:,} bytes, expected a page of YAML")
            return given
        node = compose(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        faults.append(f"{path}: not UTF-8 text, expected a YAML file")
        return given
    except OSError as error:
        faults.append(f"{path}: cannot be read ({error.strerror or error}), expected a readable YAML file")
        return given
    except YamlFault as fault:
        faults.append(f"{path}{f', line {fault.line}' if fault.line else ''}: {fault}")
        return given
    if isinstance(node, yaml.MappingNode):
        _walk(node, "", path, given, faults)
    elif node is not None and not is_null(_read(node)):
        faults.append(f"{path}: {describe(_read(node))}, expected sections such as `train:`")
    return given


def _walk(node: yaml.MappingNode, prefix: str, path: Path, given: list[_Setting], faults: list[str]) -> None:
    """Append the settings below `node`; descends into known sections only, so an unknown one is one fault."""
    seen: set[str] = set()
    for key_node, value_node in node.value:
        origin = f"{path}, line {key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            faults.append(f"{origin}: a key that is not text, expected a name")
            continue
        key = prefix + key_node.value
        if key in seen or any(item.key == key for item in given):
            faults.append(f"{origin}: '{key}' is given twice, expected once")
        elif key in sections() and isinstance(value_node, yaml.MappingNode):
            _walk(value_node, f"{key}.", path, given, faults)
        elif key not in sections() or not is_null(_read(value_node)):  # a bare `train:` keeps the section's defaults
            given.append(_Setting(key, _read(value_node), origin))
        seen.add(key)


def _read(node: yaml.Node) -> Any:
    """Return a scalar as it is written, a list of them, or an empty dict that stands for a mapping."""
    if isinstance(node, yaml.ScalarNode):
        return Quoted(node.value) if node.style else node.value
    return [_read(item) for item in node.value] if isinstance(node, yaml.SequenceNode) else {}


def _flatten(key: str, value: Any) -> Iterator[_Setting]:
    """Yield the settings of a nested mapping, descending into known sections only."""
    if key in sections() and isinstance(value, Mapping):
        for below, item in value.items():
            yield from _flatten(f"{key}.{below}", item)
    else:
        yield _Setting(key, Quoted(value) if isinstance(value, str) else value)


def _resolve(given: Sequence[_Setting], faults: list[str]) -> Config:
    """Convert every setting, collect every fault, and build the frozen configuration."""
    values: dict[str, Any] = {}
    for item in given:
        origin = f"{item.origin}: " if item.origin else ""
        if item.key not in declared():
            faults.append(origin + _no_such(item.key, item.value))
            continue
        to = declared()[item.key]
        try:
            values[item.key] = convert(item.value, to)
        except ValueError:
            hint = did_you_mean(item.value, to.choices) if isinstance(item.value, str) else ""
            fault = f"{item.key} is {describe(item.value)}, expected {expectation(to)}"
            faults.append(f"{origin}{fault}{'. ' + hint if hint else ''}")
    parts: dict[str, Any] = {key: value for key, value in values.items() if "." not in key}
    for name, section in sections().items():
        below = {key.partition(".")[2]: value for key, value in values.items() if key.startswith(f"{name}.")}
        parts[name] = section(**below)
    if faults:
        lines = "".join(f"\n  - {fault}" for fault in faults)
        raise ConfigError(faults[0] if len(faults) == 1 else f"{len(faults)} faults in the configuration:{lines}")
    return Config(**parts)


def _no_such(key: str, value: Any) -> str:
    """Return the fault for a key that is not in the schema, with the nearest legal ones."""
    if key in sections():
        below = [item.partition(".")[2] for item in declared() if item.startswith(f"{key}.")]
        return f"'{key}' is {describe(value)}, expected a section with the keys {', '.join(below)}"
    if "." not in key and isinstance(value, Mapping):
        return f"no section '{key}'. {did_you_mean(key, sections()) or 'Known: ' + ', '.join(sections()) + '.'}"
    near = _near(key)
    if near:
        return f"no setting '{key}'. Did you mean {' or '.join(repr(item) for item in near)}?"
    section = key.partition(".")[0]
    known = [item for item in declared() if item.startswith(f"{section}.")] if section in sections() else []
    known = known or [*sections(), *(item for item in declared() if "." not in item)]
    return f"no setting '{key}'. Known: {', '.join(known)}."


def _near(key: str) -> list[str]:
    """Return the legal keys that were probably meant, surest first.

    Example:
        >>> _near("batch_size"), _near("train.learning_rate"), _near("trian.lr")
        (['train.batch_size', 'eval.batch_size'], ['train.lr'], ['train.lr'])
    """
    section, _, leaf = key.rpartition(".")
    named = [item for item, to in declared().items() if leaf == item.rpartition(".")[2] or leaf in to.about.also]
    if section:
        named = [item for item in named if item.startswith(f"{section}.")] or nearest(key, named, n=1) or named
    if named:
        return named
    if section not in sections():
        return nearest(key, declared(), n=1)
    # Within a section the shared prefix would make everything look near: compare the last parts only.
    leaves = {item.rpartition(".")[2]: item for item in declared() if item.startswith(f"{section}.")}
    return [leaves[item] for item in nearest(leaf, leaves, n=1)]
