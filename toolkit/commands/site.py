"""Options of commands whose work can be done by several processes, here or on other machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--workers",
        type=click.IntRange(1, 256),
        metavar="N",
        help="Processes that share the work; each takes a GPU of its own. With --cluster: jobs at most. Default: 1.",
    ),
    click.option("--scheduler", metavar="ADDRESS", help="Work on the dask cluster that runs there: tcp://HOST:8786."),
    click.option(
        "--cluster",
        metavar="QUEUE",
        help="Work in jobs of a queueing system: slurm, pbs, lsf, sge, or a YAML file (docs/cluster.md).",
    ),
)


class SiteOptions(TypedDict):
    """Where the work is done."""

    workers: int | None
    scheduler: str | None
    cluster: str | None


def site(command: F) -> F:
    """Add the options of `SiteOptions`; `cluster_of` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def cluster_of(options: SiteOptions) -> str | None:
    """Return whose workers do the work; None: processes of this machine.

    Raises:
        click.UsageError: the options exclude each other.
    """
    scheduler, cluster = options["scheduler"], options["cluster"]
    if scheduler is None:
        return cluster
    if cluster is not None:
        raise click.UsageError(
            "--scheduler and --cluster exclude each other: name a cluster that runs, or let one be started."
        )
    if options["workers"] is not None:
        raise click.UsageError("--workers is for processes that this command starts; those of --scheduler run already.")
    return scheduler if "://" in scheduler else f"tcp://{scheduler}"
