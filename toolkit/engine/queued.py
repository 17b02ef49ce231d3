"""Queueing systems: the name of one, or a YAML file that says what a job of it asks for."""

from __future__ import annotations

import importlib
import inspect
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from toolkit.errors import ToolkitError
from toolkit.files import file_fault
from toolkit.registry import nearest

System = Literal["slurm", "pbs", "lsf", "sge"]
SYSTEMS: tuple[System, ...] = get_args(System)
_CLASSES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}
# What the engine decides itself, or what dask-jobqueue has renamed.
_NOT_OURS = {"self", "scheduler", "name", "security", "protocol", "config_name", "nanny", "worker_command", "kwargs"}
_NOT_OURS |= {"extra", "job_extra", "env_extra", "header_skip", "base_class_kwargs", "job_kwargs"}
_OWN = ("system", "jobs", "minimum")
# What the values of the keys are; dask-jobqueue writes whatever it is given into the job's script.
_TEXTS = {"account", "queue", "project", "job_name", "interface", "host", "memory", "job_mem", "walltime", "python"}
_TEXTS |= {"shebang", "local_directory", "log_directory", "shared_temp_directory", "resource_spec", "lsf_units"}
_LISTS = {"job_extra_directives", "job_directives_skip", "job_script_prologue", "worker_extra_args"}
_NUMBERS = {"cores": 1, "processes": 1, "job_cpu": 1, "ncpus": 1, "death_timeout": 1, "jobs": 1, "minimum": 0}
_ONE_STEP = ["--nthreads", "1", "--memory-limit", "0", "--no-dashboard"]


@dataclass(frozen=True)
class Queue:
    """A queueing system, and what a job of it asks for.

    Attributes:
        system: its kind.
        jobs: at most, at the same time.
        minimum: of jobs, also where there is less to do.
        options: of dask-jobqueue's class; what is not among them is in dask's own configuration (`jobqueue.yaml`).
        where: the file, or the name of the system.
    """

    system: System
    jobs: int = 1
    minimum: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""

    def cluster_class(self) -> Any:
        """Return dask-jobqueue's class.

        Raises:
            ToolkitError: it is not installed.
        """
        return getattr(_library(), _CLASSES[self.system])


def read_queue(text: str) -> Queue:
    """Return the queueing system that a name or a file describes.

    Raises:
        ToolkitError: there is none of that name, the file cannot be read, or says what is not known.
    """
    system = next((known for known in SYSTEMS if known == text), None)
    if system is not None:
        return Queue(system, options=_options({}), where=text)
    path = Path(text)
    if not text.endswith((".yaml", ".yml")):
        found = nearest(text, SYSTEMS, n=1)
        meant = f" Did you mean '{found[0]}'?" if found else ""
        raise ToolkitError(f"No queueing system named '{text}'.{meant} Known: {', '.join(SYSTEMS)}, or a YAML file.")
    if fault := file_fault(path):
        raise ToolkitError(f"The cluster's file {path} {fault}.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ToolkitError(f"The cluster's file {path} is not YAML ({str(error).splitlines()[0]}).") from None
    if not isinstance(values, dict):
        raise ToolkitError(f"The cluster's file {path} has no keys; it needs at least `system: slurm`.")
    return _queue(path, {str(key): value for key, value in values.items()})


def _queue(path: Path, values: dict[str, Any]) -> Queue:
    system = next((known for known in SYSTEMS if known == values.get("system")), None)
    if system is None:
        raise ToolkitError(f"{path}: `system` is {values.get('system')!r}; expected one of {', '.join(SYSTEMS)}.")
    known = [*_OWN, *_known(system)]
    for key in values:
        if key not in known:
            found = nearest(key, known, n=1)
            meant = f"; did you mean '{found[0]}'?" if found else f"; known: {', '.join(known)}."
            raise ToolkitError(f"{path}: no key '{key}' for {system}{meant}")
    for key, value in values.items():
        if value is not None and (expected := _expected(key, value)):
            raise ToolkitError(f"{path}: `{key}` is {value!r}; expected {expected}.")
    options = {key: value for key, value in values.items() if key not in _OWN}
    jobs, minimum = values.get("jobs") or 1, values.get("minimum") or 0
    return Queue(system, max(jobs, minimum), minimum, _options(options), str(path))


def _expected(key: str, value: object) -> str:
    """Return what the value of a key should be; empty if it is."""
    if key in _NUMBERS:
        is_number = isinstance(value, int) and not isinstance(value, bool) and value >= _NUMBERS[key]
        return "" if is_number else f"a whole number from {_NUMBERS[key]} on"
    if key in _TEXTS and not (isinstance(value, str) and value.strip()):
        # YAML reads 10:00:00 as a number of seconds, and 0123 as 83.
        return 'a text in quotes, such as "10:00:00"' if key == "walltime" else "a text in quotes"
    if key in _LISTS and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        return "a list of texts, each in quotes"
    if key == "scheduler_options" and not isinstance(value, dict):
        return "keys and values, such as {interface: ib0}"
    return ""


def _options(options: dict[str, Any]) -> dict[str, Any]:
    """Return options under which a job does one step at a time with all that it asks for."""
    extra = options.get("worker_extra_args") or []
    scheduler = {"dashboard": False, "dashboard_address": ":0", **(options.get("scheduler_options") or {})}
    return {"processes": 1, **options, "scheduler_options": scheduler, "worker_extra_args": [*extra, *_ONE_STEP]}


def _known(system: System) -> list[str]:
    """Return what dask-jobqueue knows of a system's jobs."""
    kind = getattr(_library(), _CLASSES[system])
    found: dict[str, None] = {}
    for each in (*kind.job_cls.__mro__[:-1], *kind.__mro__[:2]):  # the second is that of all its clusters
        if "__init__" in vars(each):
            found |= dict.fromkeys(inspect.signature(each.__init__).parameters)
    own = {"n_workers", "job_cls", "loop", "silence_logs", "asynchronous", "scheduler_cls", "dashboard_address", "args"}
    return sorted(set(found) - _NOT_OURS - own)


def _library() -> Any:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return importlib.import_module("dask_jobqueue")
    except ImportError:
        raise ToolkitError(
            "Jobs of a queueing system need dask-jobqueue; install it with `pip install 'xstilts[cluster]'`."
        ) from None
    finally:  # dask-jobqueue 0.9.0 takes Ctrl-C away when it is imported (tests/engine/test_elsewhere.py)
        if threading.current_thread() is threading.main_thread():
            for number, handler in kept.items():
                signal.signal(number, handler)
