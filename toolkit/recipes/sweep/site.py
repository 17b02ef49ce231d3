"""Site of a sweep: where its steps are done, as the user names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.config import Config, to_dict
from toolkit.config.convert import sections


@dataclass(frozen=True)
class Site:
    """Where the steps of a sweep are done.

    Attributes:
        workers: processes on this machine; jobs at most, where a queueing system starts them; None: 1, or what the file says.
        cluster: address of a dask scheduler that runs, a queueing system, or a file that describes one; empty for none.

    Example:
        >>> Site(cluster="tcp://node1:8786").is_joined, Site(cluster="slurm").is_joined, Site(4).is_here
        (True, False, True)
    """

    workers: int | None = None
    cluster: str = ""

    @property
    def is_here(self) -> bool:
        """Whether every process is one of this machine that the sweep itself starts."""
        return not self.cluster

    @property
    def is_joined(self) -> bool:
        """Whether the cluster runs already."""
        return "://" in self.cluster


def places_of(config: Config) -> Mapping[str, Any]:
    """Return the settings that are not part of a step, as plain values: folders, task files and tracker."""
    plain = to_dict(config)
    own = ("zoo", "run_dir")  # every step has its own
    return {key: value for key, value in plain.items() if key == "tracking" or key not in (*sections(), *own)}
