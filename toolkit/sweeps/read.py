"""Reader of a sweep's YAML file: returns a `Sweep`, or raises one sentence with file and line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from toolkit.config import settings as known_settings
from toolkit.config.convert import sections
from toolkit.config.ready import names_of
from toolkit.config.safe_yaml import YamlFault, compose
from toolkit.errors import ConfigError, ToolkitError
from toolkit.files import not_a_file
from toolkit.registry import did_you_mean, unknown
from toolkit.sweeps.expects import read_expects
from toolkit.sweeps.grid import (
    AXES,
    BASELINE,
    ROW_AXES,
    TARGET,
    Row,
    cells_of,
    combinations,
    permutations,
    rows_of,
)
from toolkit.sweeps.values import Axis, Sweep, Texts

MAX_BYTES = 1_000_000
KEYS = ("title", "question", "expects", "axes", "baseline", "languages", "settings", "intermediate", "target", "tasks")
NOISE = "noise.apply"
REST = "rest"  # key of `languages` for the targets that are not named
AXIS_KEYS = ("of", "methods", "sizes", "task", "control")
_METHODS = {"intermediates": "stack", "domains": "stack", "orders": "stack", "mixtures": "mix", "fusions": "fuse"}


def read_sweep(path: Path | str, *, is_retrieved: Callable[[str], bool]) -> Sweep:
    """Read a sweep's file and expand its grid.

    Args:
        path: the file.
        is_retrieved: whether a task is scored by retrieval; raises for an unknown task.

    Raises:
        ConfigError: the file is missing or not YAML, an axis is unknown, the grid is empty, a composition is illegal.
    """
    path = Path(path)
    values = _values(path)
    where = str(path)
    for key in values:
        if key not in KEYS:
            raise _in(where, unknown("key", key, KEYS, error=ConfigError))
    axes = _mapping(values.get("axes", {}), f"{where}: axes", "axes such as `targets: [xnli, udpos]`")
    for axis in axes:
        if axis not in AXES:
            raise _in(where, unknown("axis", axis, AXES, error=ConfigError))
    try:
        targets = _targets(axes.get("targets"), values.get("languages", "all"), where)
        rows, baseline = _rows(axes, values.get("baseline", "yes"), where)
        seeds = [_whole(seed, f"{where}: seeds") for seed in _list(axes.get("seeds", ["0"]), f"{where}: seeds")]
        variants = _variants(axes.get("settings"), where)
        for axis, found in (("targets", targets), ("seeds", seeds), ("settings", variants)):
            if not found:
                raise ConfigError(f"{where}: the grid is empty: `{axis}` names none; name at least one.")
        if not rows:
            raise ConfigError(
                f"{where}: the grid is empty: it has no rows; name members under one of {', '.join(ROW_AXES)}."
            )
        cells, left_out = cells_of(rows, targets, seeds, variants, baseline=baseline, is_retrieved=is_retrieved)
    except ToolkitError as error:
        raise _in(where, error) from None
    if not cells:
        raise ConfigError(f"{where}: the grid is empty: {left_out[0]} Name other members or targets.")
    has_noise = {bool(texts.get(NOISE)) for texts in variants.values()} == {True, False}
    expects = read_expects(
        values.get("expects"),
        f"{where}: expects",
        rows=tuple(dict.fromkeys(cell.row for cell in cells)),
        targets=tuple(targets),
        baseline=baseline,
        has_noise=has_noise,
    )
    return Sweep(
        name=path.stem,
        title=str(values.get("title", path.stem)),
        question=str(values.get("question", "")),
        cells=tuple(cells),
        settings=_texts(values.get("settings", {}), f"{where}: settings"),
        intermediate=_texts(values.get("intermediate", {}), f"{where}: intermediate"),
        target=_texts(values.get("target", {}), f"{where}: target"),
        tasks={
            name: _texts(texts, f"{where}: tasks: {name}")
            for name, texts in _mapping(values.get("tasks", {}), f"{where}: tasks", "settings by task").items()
        },
        left_out=tuple(left_out),
        expects=expects,
    )


# -- axes ---------------------------------------------------------------------------------------------------------


def _rows(axes: Mapping[str, Any], baseline: Any, where: str) -> tuple[list[Row], str]:
    """Return the rows, the baseline's first, and the baseline's label (empty: none)."""
    rows = [row for axis in ROW_AXES if axis in axes for row in _axis_rows(axis, axes[axis], f"{where}: {axis}")]
    text = str(baseline)
    if text in ("no", "none", "false", "null", "~", ""):
        return rows, ""
    labels = [row.label for row in rows]
    if text in labels:
        return rows, text
    if text in ("yes", "true"):
        text = TARGET
    if TARGET not in text:
        hint = did_you_mean(text, labels) or f"It is a row's label, a composition with {TARGET}, `yes` or `no`."
        raise ConfigError(f"There is no row '{text}' for the baseline. {hint}")
    return [Row(BASELINE, "baseline", "given", (), text), *rows], BASELINE


def _axis_rows(axis: Axis, value: Any, where: str) -> list[Row]:
    if axis == "compositions":
        texts = value if isinstance(value, Mapping) else {str(text): text for text in _list(value, where)}
        return [Row(label, axis, "given", (), str(text)) for label, text in texts.items()]
    options = value if isinstance(value, Mapping) and set(value) & set(AXIS_KEYS) else {"of": value}
    for key in options:
        if key not in AXIS_KEYS:
            raise ConfigError(
                f"{where}: no key '{key}'. {did_you_mean(key, AXIS_KEYS) or 'Known: ' + ', '.join(AXIS_KEYS)}"
            )
    of = options.get("of", [])
    methods = _list(options["methods"], f"{where}: methods") if "methods" in options else None
    sizes = [_whole(size, f"{where}: sizes") for size in _list(options["sizes"], where)] if "sizes" in options else None
    is_named = isinstance(of, Mapping) or (isinstance(of, list) and any(isinstance(item, list) for item in of))
    if is_named:
        sets = _named_sets(of, where, joint=" > " if axis == "orders" else "+")
        if sizes is not None:
            raise ConfigError(f"{where}: `sizes` chooses from one list of members; `of` names whole sets.")
    else:
        members = _list(of, where)
        if sizes is not None and members and not all(1 <= size <= len(members) for size in sizes):
            raise ConfigError(
                f"{where}: `sizes` has {max(sizes)}, expected 1 to {len(members)}, the number of members."
            )
        if axis in ("intermediates", "domains"):
            sets = {name: (name,) for name in members}
        elif axis == "orders":
            sets = permutations(members, sizes or [len(members)]) if members else {}
        elif axis == "sources":
            sets = combinations(members, sizes or range(1, len(members) + 1))
        else:
            sets = combinations(members, sizes or [len(members)]) if members else {}
    if not sets:
        raise ConfigError(f"{where}: the grid is empty: the axis names no members; name some or leave it out.")
    if axis == "domains" and "control" in options:
        sets = {**sets, f"{options['control']} (control)": (str(options["control"]),)}
    chosen = methods or ["mix" if axis == "sources" else _METHODS[axis]]
    return rows_of(axis, sets, chosen, task=str(options.get("task", "")))


def _named_sets(of: Any, where: str, *, joint: str) -> dict[str, tuple[str, ...]]:
    if isinstance(of, Mapping):
        return {label: tuple(_list(members, f"{where}: {label}")) for label, members in of.items()}
    sets = [tuple(_list(item, where)) for item in of]
    return {joint.join(members): members for members in sets}


def _targets(value: Any, languages: Any, where: str) -> dict[str, str]:
    """Return languages by target: those given for the target, else for `rest`, else all."""
    if value is None or value == []:
        raise ConfigError("The grid is empty: `axes: targets` names no task; name at least one.")
    chosen = languages if isinstance(languages, Mapping) else {}
    rest = _codes(chosen.get(REST, "all") if isinstance(languages, Mapping) else languages, f"{where}: languages")
    names = _list(value, f"{where}: targets")
    for name in chosen:
        if name not in names and name != REST:
            raise ConfigError(f"`languages` names '{name}', which is not a target. {did_you_mean(name, names)}".strip())
    return {name: _codes(chosen[name], f"{where}: languages") if name in chosen else rest for name in names}


def _variants(value: Any, where: str) -> dict[str, Texts]:
    if value is None:
        return {"": {}}
    named = _mapping(value, f"{where}: axes: settings", "named points, such as `low: {train: {lr: 1e-4}}`")
    return {name: _texts(texts, f"{where}: axes: settings: {name}") for name, texts in named.items()}


# -- plain values -------------------------------------------------------------------------------------------------


def _values(path: Path) -> dict[str, Any]:
    try:
        if fault := not_a_file(path):
            raise ConfigError(f"{path} is {fault}; expected a file of YAML.")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ConfigError(f"{path}: more than {MAX_BYTES:,} bytes, expected a page of YAML.")
        node = compose(data.decode("utf-8-sig"))
        found = None if node is None else _plain(node)
    except FileNotFoundError:
        here = sorted(item.name for item in path.parent.iterdir()) if path.parent.is_dir() else []
        ready = [name for stem in names_of("sweep") for name in (stem, f"sweep/{stem}")]
        near = [*ready, *(name for name in here if name.endswith((".yaml", ".yml")))]
        hint = did_you_mean(path.as_posix(), near) or did_you_mean(path.name, near)
        hint = hint or "`xstilts configs list sweep` lists the ready ones."
        raise ConfigError(f"No sweep file '{path}'. {hint}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}); expected a YAML file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; expected a YAML file.") from None
    except YamlFault as fault:
        raise ConfigError(f"{path}{f', line {fault.line}' if fault.line else ''}: {fault}.") from None
    return _mapping(found or {}, str(path), "keys such as `axes:`")


def _plain(node: yaml.Node) -> Any:
    """Return mappings, lists and texts as they are written; YAML's types (`no` is False) are not used."""
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise YamlFault("a key that is not text", line)
        if key.value in found:
            raise YamlFault(f"'{key.value}' is given twice", line)
        found[key.value] = _plain(value)
    return found


def _mapping(value: Any, where: str, expected: str) -> dict[str, Any]:
    if value == "":  # a bare `axes:`
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: found {_described(value)}; expected {expected}.")
    return value


def _list(value: Any, where: str) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if not isinstance(value, Sequence) or not all(isinstance(item, str) and item for item in value):
        raise ConfigError(f"{where}: found {_described(value)}; expected a list of names.")
    if twice := next((item for item in value if value.count(item) > 1), None):
        raise ConfigError(f"{where}: names '{twice}' twice; name each once.")
    return list(value)


def _codes(value: Any, where: str) -> str:
    return ",".join(_list(value, where)) or "all"


def _whole(text: str, where: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"{where}: '{text}' is not a whole number.")
    return int(text)


def _texts(value: Any, where: str) -> dict[str, str]:
    """Return nested settings by dotted key. Names are checked here, values when the settings are resolved."""
    found: dict[str, str] = {}

    def walk(item: Any, prefix: str) -> None:
        if isinstance(item, dict):
            for key, below in item.items():
                walk(below, f"{prefix}.{key}" if prefix else key)
        elif isinstance(item, list):
            raise ConfigError(f"{where}: {prefix} is a list; expected one value.")
        else:
            found[prefix] = item

    walk(_mapping(value, where, "settings such as `train: {epochs: 2}`"), "")
    for key in found:
        if key == "train.seed":
            raise ConfigError(f"{where}: seeds are an axis of the grid; write `axes: seeds: [0, 1, 2]`.")
        if key not in known_settings():
            raise _in(where, unknown("setting", key, known_settings(), see="docs/cli.md", error=ConfigError))
        if key.partition(".")[0] not in sections() or key.startswith("tracking."):
            raise ConfigError(
                f"{where}: '{key}' names a place, which is given on the command line and not in a sweep; leave it out."
            )
    return found


def _described(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else f"'{value}'"


def _in(where: str, error: ToolkitError) -> ConfigError:
    text = str(error)
    return ConfigError(text if text.startswith(where) else f"{where}: {text}")
