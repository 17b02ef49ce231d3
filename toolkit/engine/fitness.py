"""Fitness of a worker on another machine: its packages, and the folders that it has to see.

`look_around` is sent to workers by its code, so that it runs where no xstilts is installed: it imports the standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Asked:
    """What every worker has to see.

    Attributes:
        folder: that is written to, and holds `token`.
        token: name of a file or folder.
        work: working folder of the command.
        read: folders and files that the work reads.
        noun: of the folder, for sentences.
        versions: of the command's packages.
        only_host: the machine of the file that runs are written to; empty: a server has them, or nobody.
    """

    folder: str
    token: str
    work: str
    read: tuple[str, ...]
    noun: str
    versions: Mapping[str, str] = field(default_factory=dict)
    only_host: str = ""

    @classmethod
    def of_this_process(cls, folder: str, token: str, read: Sequence[str], noun: str) -> Asked:
        """Return what workers have to see, with the versions and the working folder of this process."""
        asked = cls(folder, token, os.getcwd(), tuple(read), noun)
        return replace(asked, versions=look_around(asdict(asked))["versions"])


def look_around(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return where this process is, what is installed there, and what of the folders it cannot use; empty if nothing.

    Args:
        asked: the attributes of `Asked`.
    """
    import os
    import platform
    import secrets
    import socket
    from importlib import metadata

    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in ("xstilts", "torch", "transformers", "adapters", "numpy", "dask", "distributed"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    try:  # a clone that is not installed
        from toolkit.version import __version__

        versions["xstilts"] = __version__
    except ImportError:
        versions["xstilts"] = ""
    fault = ""
    if asked["only_host"] and asked["only_host"] != socket.gethostname():
        fault = (
            f"cannot write to the file of runs on {asked['only_host']} together with that machine: start an `mlflow server` "
            "and name it with --set tracking.uri=http://HOST:5000, or give --no-track"
        )
    elif not os.path.isdir(asked["work"]):
        fault = f"does not see the working folder {asked['work']}: every machine needs it at the same path"
    elif not os.path.exists(os.path.join(asked["folder"], asked["token"])):
        fault = (
            f"does not see {asked['noun']} {asked['folder']}: every machine needs it at the same path, on a shared disk"
        )
    else:
        for place in asked["read"]:
            if not os.path.exists(place) and not fault:
                fault = f"does not see {place}, which the work reads: every machine needs it at the same path"
        probe = os.path.join(asked["folder"], f".{secrets.token_hex(6)}.probe")
        try:
            with open(probe, "x"):
                pass
            os.unlink(probe)
        except OSError as error:
            fault = fault or f"cannot write to {asked['noun']} {asked['folder']} ({error.strerror})"
    return {"host": socket.gethostname(), "pid": os.getpid(), "versions": versions, "fault": fault}


def fault_of(where: str, found: Mapping[str, Any], own: Mapping[str, str]) -> str:
    """Return why a worker cannot be used, as a sentence; empty if it can.

    Args:
        where: its address.
        found: what `look_around` returned there.
        own: versions of this process.

    Example:
        >>> fault_of("tcp://a:1", {"host": "a", "versions": {"torch": "2.12.0"}, "fault": ""}, {"torch": "2.13.0"})
        'The worker tcp://a:1 on a has torch 2.12.0, and this command torch 2.13.0; install the same there.'
    """
    versions: Mapping[str, str] = found["versions"]
    theirs, ours = differences(versions, own)
    if theirs:
        return f"The worker {where} on {found['host']} has {theirs}, and this command {ours}; install the same there."
    if found["fault"]:
        return f"The worker {where} on {found['host']} {found['fault']}."
    return ""


def differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> tuple[str, str]:
    """Return the packages whose versions differ, with those of both sides.

    Example:
        >>> differences({"torch": "2.12.0", "dask": ""}, {"torch": "2.13.0", "dask": "2026.8.0"})
        ('torch 2.12.0 and no dask', 'torch 2.13.0 and dask 2026.8.0')
    """
    unlike = [name for name, version in ours.items() if theirs.get(name, "") != version]
    return _listed(unlike, theirs), _listed(unlike, ours)


def _listed(names: Sequence[str], versions: Mapping[str, str]) -> str:
    return " and ".join(f"{name} {versions[name]}" if versions.get(name) else f"no {name}" for name in names)
