"""Site of work: where it is done, as the user names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """Where jobs are done.

    Attributes:
        workers: processes on this machine; jobs at most, where a queueing system starts them; None: 1, or what the file says.
        cluster: address of a dask scheduler that runs, a queueing system, or a file that describes one; empty for none.

    Example:
        >>> Site(cluster="tcp://node1:8786").is_joined, Site(cluster="slurm").is_joined, Site(4).is_here
        (True, False, True)
        >>> Site().is_alone, Site(1).is_alone, Site(2).is_alone, Site(cluster="slurm").is_alone
        (True, True, False, False)
    """

    workers: int | None = None
    cluster: str = ""

    @property
    def is_here(self) -> bool:
        """Whether every process is one of this machine that the command itself starts."""
        return not self.cluster

    @property
    def is_joined(self) -> bool:
        """Whether the cluster runs already."""
        return "://" in self.cluster

    @property
    def is_alone(self) -> bool:
        """Whether one process does all."""
        return self.is_here and (self.workers or 1) == 1
