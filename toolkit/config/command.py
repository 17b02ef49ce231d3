"""Commands as they are printed: quoted for a shell, with every option that they need to mean the same as here."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

from toolkit.config.convert import as_set, declared
from toolkit.config.keys import is_default, value_of
from toolkit.config.schema import Config

PROGRAM = "xstilts"
_FLAGS = {
    "backbone.name": "--backbone",
    "data_root": "--data-root",
    "zoo": "--zoo",
    "backbone.precision": "--precision",
    "train.seed": "--seed",
}
_OWN = {"tracking.experiment", "tracking.parent"}  # of a run, not of the user


def shell(*words: str | Path) -> str:
    """Return a command of this program, quoted for a shell.

    Example:
        >>> shell("train", "fuse[mnli,squad]/xquad", "--zoo", "my zoo")
        "xstilts train 'fuse[mnli,squad]/xquad' --zoo 'my zoo'"
    """
    return shlex.join([PROGRAM, *map(str, words)])


def command(*words: str | Path, config: Config, sections: Collection[str] = ("train", "merge")) -> str:
    """Return a command of this program with the options that a configuration stands for.

    The backbone is always named; other settings where they are not the default: those of the backbone, of adapters, of places
    and of the tracker, and those of some sections.

    Args:
        words: the command without options of the configuration.
        config: resolved configuration.
        sections: those whose settings the command reads.

    Example:
        >>> config = Config(data_root=Path("/the mirror"))
        >>> command("train", "mnli/squad", config=config)
        "xstilts train mnli/squad --backbone xlm-roberta-large --data-root '/the mirror'"
    """
    wanted = {"backbone", "adapter", "tracking", "", *sections}
    flags: list[str] = []
    sets: list[str] = []
    for key in declared():
        value = value_of(config, key)
        section = key.rpartition(".")[0]
        if section not in wanted or key in _OWN or (is_default(key, value) and key != "backbone.name"):
            continue
        if key == "task_files":
            flags += [word for file in value for word in ("--task-file", str(file))]
        elif key == "tracking.enabled":
            flags.append("--no-track")
        elif key in _FLAGS:
            flags += [_FLAGS[key], str(value)]
        else:
            sets += ["--set", f"{key}={as_set(value)}"]
    return shell(*words, *flags, *sets)
