"""Ready configurations: YAML files in the working folder's `configs/`, then those that are shipped with the toolkit.

A name is a path below `configs/`, with or without the ending: `sweep/order-mini`, `train/jiant`, `task/mnli-government`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import yaml

from toolkit.errors import ConfigError
from toolkit.files import file_fault, replace_text
from toolkit.outputs import require_replaceable
from toolkit.registry import did_you_mean

Kind = Literal["adapter", "backbone", "eval", "retrieve", "sweep", "task", "train"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SETTINGS: tuple[Kind, ...] = ("adapter", "backbone", "eval", "retrieve", "train")  # what `--config` reads
OWN = Path("configs")  # in the working folder


@dataclass(frozen=True)
class Ready:
    """One ready configuration.

    Attributes:
        name: `kind/stem`.
        kind: folder below `configs/`: what it configures.
        path: the file.
        is_own: whether it is in the working folder, not among those that are shipped.
    """

    name: str
    kind: Kind
    path: Path
    is_own: bool

    @property
    def text(self) -> str:
        """The file as it is written."""
        return self.path.read_text(encoding="utf-8")

    @property
    def command(self) -> str:
        """The command that runs it, from its first line."""
        first = self.text.partition("\n")[0]
        return first.removeprefix("#").strip() if first.startswith("# xstilts ") else ""

    @property
    def what(self) -> str:
        """What it is for: its title or description, else the first sentence of its comment."""
        values = yaml.safe_load(self.text)
        for key in ("title", "description"):
            if isinstance(values, dict) and values.get(key):
                return str(values[key])
        lines = [line.removeprefix("#").strip() for line in self.text.split("\n\n")[0].splitlines()[1:]]
        return re.split(r"(?<!\bal)[.:]\s", " ".join(line for line in lines if line) + " ")[0]


def shipped() -> Path:
    """Return the folder of the configurations that are shipped: of a wheel inside the package, of a clone `configs/`."""
    package = Path(__file__).resolve().parent.parent
    return package / "ready" if (package / "ready").is_dir() else package.parent / "configs"


def places(kind: Kind) -> tuple[Path, ...]:
    """Return the folders in which a kind is looked up: the working folder's, then the shipped one."""
    return (OWN / kind, shipped() / kind)


def ready_configs(kind: Kind | None = None) -> list[Ready]:
    """Return every ready configuration by kind and name; one of the working folder hides the shipped one of its name."""
    found: dict[str, Ready] = {}
    for each in KINDS if kind is None else (kind,):
        for place in places(each):
            for path in sorted(place.glob("*.yaml")):
                found.setdefault(f"{each}/{path.stem}", Ready(f"{each}/{path.stem}", each, path, place == OWN / each))
    return [found[name] for name in sorted(found)]


def find_ready(name: str | Path, kind: Kind | None = None) -> Path | None:
    """Return the file of a ready configuration, or None.

    Args:
        name: `train/jiant`, `configs/train/jiant.yaml`; with a kind also `jiant`.
        kind: where a plain name is looked up.
    """
    parts = list(PurePosixPath(name).parts)
    if parts[:1] == ["configs"]:
        parts = parts[1:]
    if kind is not None and len(parts) == 1:
        parts = [kind, *parts]
    if len(parts) != 2 or parts[0] not in KINDS:
        return None
    stem = parts[1].removesuffix(".yaml")
    candidates = (place / parts[0] / f"{stem}.yaml" for place in (OWN, shipped()))
    return next((path for path in candidates if not file_fault(path)), None)


def config_file(path: str | Path, kind: Kind | None = None) -> Path:
    """Return a file as it was named, or, where no such file exists, the ready configuration of that name.

    A folder of the name hides nothing: `order-mini` is also where that sweep was written to. Without a kind a plain stem
    is enough where one configuration of settings has it: `jiant`.
    """
    path = Path(path)
    if not file_fault(path):
        return path
    if found := find_ready(path.as_posix(), kind):
        return found
    stems = [each.path for each in ready_configs() if each.kind in SETTINGS and each.path.stem == path.as_posix()]
    return stems[0] if kind is None and len(stems) == 1 else path


def names_of(kind: Kind | None = None) -> list[str]:
    """Return the names that `config_file` finds, for an error that offers the nearest."""
    if kind is not None:
        return [name.partition("/")[2] for name in (each.name for each in ready_configs(kind))]
    found = [each for each in ready_configs() if each.kind in SETTINGS]
    return [name for each in found for name in (each.name, each.path.stem)]


def get_ready(name: str) -> Ready:
    """Return the ready configuration of a name, which a plain stem gives where it is the only one.

    Raises:
        ToolkitError: no such configuration; the message offers the nearest name.
    """
    every = {each.name: each for each in ready_configs()}
    path = find_ready(name)
    stems = [each for each in every.values() if each.path.stem == name.removesuffix(".yaml")]
    if len(stems) > 1:
        raise ConfigError(f"'{name}' is {' and '.join(each.name for each in stems)}; write one of them.")
    if path is None and not stems:
        hint = did_you_mean(name, [each for one in every.values() for each in (one.name, one.path.stem)])
        known = f"`xstilts configs list` lists all {len(every)}."
        raise ConfigError(" ".join(part for part in (f"No configuration named '{name}'.", hint, known) if part))
    return stems[0] if path is None else every[f"{path.parent.name}/{path.stem}"]


def copy_ready(name: str, out: Path | None = None, *, replace: bool = False) -> Path:
    """Write a ready configuration to a file of the user's own and return its path.

    Args:
        out: the file; None: where the name is looked up first, `configs/KIND/NAME.yaml` in the working folder.

    Raises:
        ToolkitError: no such configuration, or a file that exists and is not to be replaced.
    """
    found = get_ready(name)
    path = OWN / f"{found.name}.yaml" if out is None else Path(out)
    if path.is_dir():
        path = path / found.path.name
    if path.exists() and not replace:
        raise ConfigError(f"{path} exists already; name another file with --out, or give --replace.")
    require_replaceable(path)
    replace_text(path, found.text)
    return path
