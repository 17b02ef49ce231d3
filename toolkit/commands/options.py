"""Options that commands share, and how they become one configuration."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

from toolkit.commands.screen import be_quiet
from toolkit.commands.signals import hear_requeue_signal
from toolkit.config import Config

F = TypeVar("F", bound=Callable[..., Any])


class _Place(click.Path):
    """Path of at most so many folders: the standard library walks up a path one call inside the other."""

    name = "path"
    _DEEPEST = 200

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        found = Path(os.fsdecode(super().convert(value, param, ctx)))
        if (depth := len(found.parts)) > self._DEEPEST:
            self.fail(f"the path has {depth} folders; expected at most {self._DEEPEST}.", param, ctx)
        return found


PATH = _Place(path_type=Path)

DATA_ROOT = click.option(
    "--data-root",
    envvar="XSTILTS_DATA",
    type=PATH,
    metavar="DIR",
    help="Mirror of hub data sets, looked at before the hub (DIR/<org>/<name>).",
)
PRECISION = click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
    help="auto: bf16 where the processor has it, else fp16 on a GPU that is fast in it.",
)
NO_TRACK = click.option("--no-track", is_flag=True, help="Record nothing in MLflow.")
QUIET = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=be_quiet,
    help="Print results and errors only: no progress, no notes.",
)
LOCK = click.option(
    "--lock", type=PATH, metavar="FILE", help="Refuse all weights but those that a lock pins (`zoo lock`)."
)
OUT = click.option(
    "--out", type=PATH, metavar="PATH", help="Folder to write the results to. Default: a folder of their own in runs/."
)
LANGUAGES = click.option(
    "--languages", default="all", show_default=True, metavar="CODES", help="`all`, or codes with commas."
)
WITHOUT = click.option(
    "--without",
    type=click.Choice(["skip", "english", "none"]),
    help="`text.*` in a language without an adapter: leave the language out, take the training language's, or none. Default: refuse.",
)
REPLACE = click.option("--replace", is_flag=True, help="Put it in place of other weights under the same name.")
AS_NAME = click.option(
    "--as",
    "new_name",
    metavar="NAME",
    help="Name of its own for the last stage's entry, so that several seeds or settings exist together.",
)
FORCE = click.option("--force", is_flag=True, help="Replace an entry although others were trained on it.")
BASELINE = click.option(
    "--baseline", metavar="EXPR", help="What the others are compared with. Default: the first EXPR."
)
BY = click.option(
    "--by",
    default="all",
    show_default=True,
    metavar="NAMES",
    help="`all`, or predictors with commas (docs/similarity.md).",
)
TRAIN_FIRST = click.option(
    "--train", is_flag=True, help="Train the adapters that are missing first, each on its task alone."
)
RESAMPLES = click.option(
    "--resamples",
    type=click.IntRange(100, 1_000_000),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Test sets drawn by the paired bootstrap.",
)
TASK_FILE = click.option(
    "--task-file",
    "task_files",
    multiple=True,
    type=PATH,
    metavar="YAML",
    help="A task of your own (docs/add_a_task.md). Repeatable; configs/task/NAME.yaml is found by its name.",
)
ZOO = click.option(
    "--zoo",
    type=PATH,
    default=Path("adapter_zoo"),
    show_default=True,
    metavar="DIR",
    help="Folder of trained adapters.",
)
SHELF = click.option(
    "--backbone", envvar="XSTILTS_BACKBONE", metavar="NAME", help="Only what belongs to this backbone."
)

_SETTINGS = (
    click.option(
        "--backbone",
        envvar="XSTILTS_BACKBONE",
        metavar="NAME",
        help="Encoder: `xstilts backbones` lists them; a hub id; a folder. Default: xlm-roberta-large.",
    ),
    DATA_ROOT,
    click.option("--zoo", type=PATH, metavar="DIR", help="Folder of trained adapters. Default: adapter_zoo."),
    PRECISION,
    click.option("--seed", type=int, metavar="N", help="Seeds order, initialisation and dropout. Default: 0."),
    click.option(
        "--config",
        "config_file",
        type=PATH,
        metavar="YAML",
        help="Configuration file, or the name of a ready one (`xstilts configs`).",
    ),
    click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="KEY=VALUE",
        help="One setting, e.g. train.lr=1e-4. Repeatable; wins over the file.",
    ),
    TASK_FILE,
    NO_TRACK,
    QUIET,
)


def _requeue(_: click.Context, __: click.Parameter, is_given: bool) -> None:
    if is_given:
        hear_requeue_signal()


REQUEUE = click.option(
    "--requeue-signal",
    is_flag=True,
    expose_value=False,
    callback=_requeue,
    help="Stop on SIGUSR1 as on SIGTERM: with a checkpoint, and exit code 143 (Slurm: `#SBATCH --signal=USR1@120`).",
)


class Settings(TypedDict):
    """The options that every journey shares."""

    backbone: str | None
    data_root: Path | None
    zoo: Path | None
    precision: str | None
    seed: int | None
    config_file: Path | None
    sets: tuple[str, ...]
    task_files: tuple[Path, ...]
    no_track: bool


class Results(Settings):
    """The options of a journey that leaves files."""

    out: Path | None


def settings(command: F) -> F:
    """Add the options of `Settings`; `resolve` turns them into one configuration."""
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


def resolve(options: Settings, **more: str | int | float | None) -> Config:
    """Turn the shared options into one frozen configuration.

    Args:
        options: as click gives them.
        more: settings that a command has options of its own for, `train__total_examples` for `train.total_examples`; None:
            not given.
    """
    from toolkit.config import load

    own = (f"{key.replace('__', '.')}={value}" for key, value in more.items() if value is not None)
    overrides = {
        "backbone.name": options["backbone"],
        "data_root": options["data_root"],
        "zoo": options["zoo"],
        "backbone.precision": options["precision"],
        "train.seed": options["seed"],
        "task_files": options["task_files"] or None,
        "tracking.enabled": False if options["no_track"] else None,
    }
    given = {key: value for key, value in overrides.items() if value is not None}
    return load(options["config_file"], (*options["sets"], *own), given)
