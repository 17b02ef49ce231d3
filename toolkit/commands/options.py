"""What every command shares: options, faults as one sentence, examples in the help."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from toolkit.errors import ToolkitError


class Commands(click.Group):
    """Prints a `ToolkitError` as one sentence with exit code 2; everything else keeps its traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of a user's day, not of the alphabet

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ToolkitError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(2)


def example(*lines: str) -> str:
    """Return worked examples as a help epilogue that click does not rewrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


DATA_ROOT = click.option(
    "--data-root",
    envvar="XSTILTS_DATA",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Mirror of hub data sets, looked at before the hub (DIR/<org>/<name>).",
)

PRECISION = click.option(
    "--precision", type=click.Choice(["auto", "fp32", "bf16"]), help="auto: bf16 where the processor has it."
)

NO_TRACK = click.option("--no-track", is_flag=True, help="Record nothing in MLflow.")

LOCK = click.option(
    "--lock",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Refuse all weights but those that a lock pins (`zoo lock`).",
)

RESAMPLES = click.option(
    "--resamples",
    type=click.IntRange(100, 1_000_000),
    default=10_000,
    show_default=True,
    help="Test sets drawn by the paired bootstrap.",
)

TASK_FILE = click.option(
    "--task-file",
    "task_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="YAML",
    help="A task of your own (docs/add_a_task.md). Repeatable; configs/task/NAME.yaml is found by its name.",
)


def load_tasks(files: Iterable[Path]) -> None:
    """Read the tasks that `--task-file` names."""
    if files:
        from toolkit.tasks import load_task

        for file in files:
            load_task(file)


def settings(command: Callable) -> Callable:
    """Add the options that every journey shares; they arrive as one resolved `config`."""
    options = [
        click.option(
            "--backbone",
            envvar="XSTILTS_BACKBONE",
            metavar="NAME",
            help="Encoder: `xstilts backbones` lists them; a hub id; a folder. Default: xlm-roberta-large.",
        ),
        DATA_ROOT,
        click.option(
            "--zoo",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of trained adapters. Default: adapter_zoo.",
        ),
        PRECISION,
        click.option("--seed", type=int, metavar="N", help="Seeds order, initialisation and dropout. Default: 0."),
        click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            metavar="YAML",
            help="Configuration file; configs/ has ready ones.",
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
    ]
    for option in reversed(options):
        command = option(command)
    return command


def with_sets(options: dict[str, Any], section: str, **values: Any) -> dict[str, Any]:
    """Return the shared options with settings of a section that were given as options of their own; None: not given."""
    given = tuple(f"{section}.{key}={value}" for key, value in values.items() if value is not None)
    return {**options, "sets": (*options["sets"], *given)}


def resolve(
    backbone: str | None,
    data_root: Path | None,
    zoo: Path | None,
    precision: str | None,
    seed: int | None,
    config_file: Path | None,
    sets: tuple[str, ...],
    task_files: tuple[Path, ...],
    no_track: bool,
) -> Any:
    """Turn the shared options into one frozen configuration."""
    from toolkit.config import load

    load_tasks(task_files)
    overrides = {
        "backbone.name": backbone,
        "data_root": data_root,
        "zoo": zoo,
        "backbone.precision": precision,
        "train.seed": seed,
        "task_files": task_files or None,
        "tracking.enabled": False if no_track else None,
    }
    return load(config_file, sets, {key: value for key, value in overrides.items() if value is not None})
