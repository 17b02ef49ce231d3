"""Pins: the commit of each hub dataset that is read in a working folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from toolkit.errors import ConfigError
from toolkit.files import file_fault, replace_text
from toolkit.outputs import require_replaceable
from toolkit.paths import at_home
from toolkit.tasks.mirror.manifest import SHA

PINS = Path("configs") / "pins.yaml"  # in the working folder
ENVIRONMENT = "XSTILTS_PINS"
_PINNED = re.compile(rf"([\w.-]+/[\w.-]+@)?{SHA.pattern}")
_OPENING = """# xstilts tasks pin xnli xquad && xstilts backbones pin xlm-roberta-large
# Datasets and models of the hub and the commits that are read: `tasks pin` and `backbones pin` write this file, and every
# command obeys it.
"""


def pins_file() -> Path:
    """Return the file of pins: the one that `XSTILTS_PINS` names, else `configs/pins.yaml`."""
    return at_home(os.environ.get(ENVIRONMENT) or PINS)


@dataclass(frozen=True)
class Pin:
    """The dataset whose rows are read, which may be another id that holds the same ones, and its commit."""

    repo: str
    commit: str


def pinned(path: str) -> Pin | None:
    """Return what a hub dataset is pinned to, or None.

    Raises:
        ConfigError: the pins cannot be read, or one is not a commit.
    """
    file = pins_file()
    try:
        changed = file.stat().st_mtime_ns
    except FileNotFoundError:
        if os.environ.get(ENVIRONMENT):
            raise ConfigError(
                f"{ENVIRONMENT} names {file}, which is not there; expected the file that `xstilts tasks pin` writes."
            ) from None
        return None
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read ({error.strerror}); expected the file that `xstilts tasks pin` writes."
        ) from None
    found = read_pins(file, changed).get(path)
    if found is None:
        return None
    other, _, commit = found.rpartition("@")
    return Pin(other or path, commit)


@lru_cache(maxsize=4)  # asked for once per language; a changed file has another time
def read_pins(file: Path, changed: int = 0) -> Mapping[str, str]:
    """Return by hub id the commit, or `org/name@commit` of another dataset that holds the same rows."""
    from toolkit.config.safe_yaml import YamlFault, build, compose

    expected = "expected lines of `org/name: <40 hexadecimal digits>` (or `org/name: other/name@<digits>`), as `xstilts tasks pin` writes them"
    if fault := file_fault(file):
        raise ConfigError(f"{file} {fault}; {expected}.")
    try:
        node = compose(file.read_bytes().decode("utf-8-sig"))
        found = build(node) if node is not None else {}
    except (OSError, UnicodeDecodeError, YamlFault) as error:
        raise ConfigError(f"{file} cannot be read ({error}); {expected}.") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{file} holds no mapping; {expected}.")
    for path, commit in found.items():
        if not isinstance(commit, str) or not _PINNED.fullmatch(commit):
            raise ConfigError(f"{file} pins {path} to {commit!r}; {expected}.")
    return found


def write_pins(found: Mapping[str, str], file: Path) -> None:
    """Add pins to those that a file holds, in place of earlier ones of the same datasets."""
    require_replaceable(file)
    held = dict(read_pins(file, file.stat().st_mtime_ns)) if file.is_file() else {}
    # Quoted: forty digits without a letter would be a number in YAML.
    lines = [f"{path}: '{commit}'\n" for path, commit in sorted({**held, **found}.items())]
    replace_text(file, _OPENING + "".join(lines))
