"""xstilts: intermediate tasks as stackable adapters on a frozen multilingual encoder.

The journeys of the command line from Python, each one call that returns a `Result`:

    import toolkit
    config = toolkit.configure(backbone="embedded", data_root="path/to/mirror")
    toolkit.train("mnli/squad", config)
    scores = toolkit.evaluate("mnli/squad", config, task="xquad", languages="all")
    print(scores.text)          # the table for people
    frame = scores.table()      # a pandas DataFrame
    scores.save("paper/xquad")  # CSV, JSON, figure

A function is called as its command, words joined by `_`: `xstilts zoo push` is `toolkit.zoo_push`. Five differ: `eval` is
`evaluate`, `similarity` is `compare_tasks`, `results` is `write_results`, `ui --try` is `try_page`, and `status` and `report`
are `sweep_status` and `sweep_report`.

Every function leaves the global state of the process as it was: generators, environment, logging, torch's modes.

Importing this package imports no torch: what a function needs is loaded when it is first used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.face.untouched import untouched
from toolkit.version import __version__

if TYPE_CHECKING:
    from toolkit.composition import parse
    from toolkit.config import Config
    from toolkit.errors import ToolkitError
    from toolkit.face.answer import embed, load, predict
    from toolkit.face.backbones import backbones, backbones_pin, backbones_verify
    from toolkit.face.compare import compare, perturbations, robust
    from toolkit.face.configs import configs_copy, configs_list, configs_show
    from toolkit.face.data import tasks_check, tasks_list, tasks_show
    from toolkit.face.export import export
    from toolkit.face.fetch import tasks_fetch, tasks_pin
    from toolkit.face.fusion import attention, collapse, prune
    from toolkit.face.learn import fuse, plan, train
    from toolkit.face.look import demo, doctor, track_sync, try_page
    from toolkit.face.probe import tasks_probe
    from toolkit.face.publish import write_results
    from toolkit.face.score import compare_layers, evaluate, evaluate_suite, mine, plan_suite, retrieve
    from toolkit.face.share import zoo_export, zoo_import, zoo_lock, zoo_pull, zoo_push, zoo_readme, zoo_sync
    from toolkit.face.store import cache_clear, cache_show, store_list, store_prune, store_verify
    from toolkit.face.sweeps import sweep, sweep_plan, sweep_report, sweep_status
    from toolkit.face.transfer import compare_tasks, rank, suggest
    from toolkit.face.zoo import zoo_diff, zoo_list, zoo_log, zoo_show, zoo_site
    from toolkit.face.zoo_care import zoo_gc, zoo_remove, zoo_verify
    from toolkit.progress import Progress
    from toolkit.results.result import Result
    from toolkit.results.score import Score
    from toolkit.tasks import Task, get_task, load_task
    from toolkit.zoo import AdapterCard, Zoo

Value = str | int | float | bool | Path | None
"""What a setting may be given as."""

_HOMES = {
    "toolkit.composition": "parse",
    "toolkit.config": "Config",
    "toolkit.errors": "ToolkitError",
    "toolkit.face.backbones": "backbones backbones_pin backbones_verify",
    "toolkit.face.answer": "embed load predict",
    "toolkit.face.compare": "compare perturbations robust",
    "toolkit.face.configs": "configs_copy configs_list configs_show",
    "toolkit.face.data": "tasks_check tasks_list tasks_show",
    "toolkit.face.export": "export",
    "toolkit.face.fetch": "tasks_fetch tasks_pin",
    "toolkit.face.probe": "tasks_probe",
    "toolkit.face.publish": "write_results",
    "toolkit.face.fusion": "attention collapse prune",
    "toolkit.face.learn": "fuse plan train",
    "toolkit.face.look": "demo doctor track_sync try_page",
    "toolkit.face.score": "compare_layers evaluate evaluate_suite mine plan_suite retrieve",
    "toolkit.face.share": "zoo_export zoo_import zoo_lock zoo_pull zoo_push zoo_readme zoo_sync",
    "toolkit.face.store": "cache_clear cache_show store_list store_prune store_verify",
    "toolkit.face.sweeps": "sweep sweep_plan sweep_report sweep_status",
    "toolkit.face.transfer": "compare_tasks rank suggest",
    "toolkit.face.zoo": "zoo_diff zoo_list zoo_log zoo_show zoo_site",
    "toolkit.face.zoo_care": "zoo_gc zoo_remove zoo_verify",
    "toolkit.progress": "Progress",
    "toolkit.results.result": "Result",
    "toolkit.results.score": "Score",
    "toolkit.tasks": "Task get_task load_task",
    "toolkit.zoo": "AdapterCard Zoo",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AdapterCard",
    "Config",
    "Progress",
    "Result",
    "Score",
    "Task",
    "ToolkitError",
    "Zoo",
    "__version__",
    "attention",
    "backbones",
    "backbones_pin",
    "backbones_verify",
    "cache_clear",
    "cache_show",
    "collapse",
    "compare",
    "compare_layers",
    "compare_tasks",
    "configs_copy",
    "configs_list",
    "configs_show",
    "configure",
    "demo",
    "doctor",
    "embed",
    "evaluate",
    "evaluate_suite",
    "export",
    "fuse",
    "get_task",
    "load",
    "load_task",
    "mine",
    "parse",
    "perturbations",
    "plan",
    "plan_suite",
    "predict",
    "prune",
    "rank",
    "retrieve",
    "robust",
    "store_list",
    "store_prune",
    "store_verify",
    "suggest",
    "sweep",
    "sweep_plan",
    "sweep_report",
    "sweep_status",
    "tasks_check",
    "tasks_fetch",
    "tasks_list",
    "tasks_pin",
    "tasks_probe",
    "tasks_show",
    "track_sync",
    "train",
    "try_page",
    "write_results",
    "zoo_diff",
    "zoo_export",
    "zoo_gc",
    "zoo_import",
    "zoo_list",
    "zoo_lock",
    "zoo_log",
    "zoo_pull",
    "zoo_push",
    "zoo_readme",
    "zoo_remove",
    "zoo_show",
    "zoo_site",
    "zoo_sync",
    "zoo_verify",
]


def configure(
    *sets: str,
    backbone: str | None = None,
    config: str | Path | None = None,
    **overrides: Value | Sequence[str | Path] | Mapping[str, Value],
) -> Config:
    """Return a frozen configuration.

    Args:
        sets: texts `section.key=value`, as with `--set`.
        backbone: name of the backbone.
        config: a YAML file, or the name of a ready configuration (`train/jiant`).
        overrides: top-level settings such as `data_root`, `zoo`, `run_dir`, or a section: `train={"limit": 500}`.

    Example:
        >>> configure("train.limit=500", backbone="embedded").train.limit
        500
    """
    from toolkit.config import load

    given = {"backbone.name": backbone, **overrides}
    return load(config, sets, {key: value for key, value in given.items() if value is not None})


def __getattr__(name: str) -> object:
    if name in _HOME_OF:
        found = getattr(import_module(_HOME_OF[name]), name)
        return untouched(found) if _HOME_OF[name].startswith("toolkit.face.") else found
    raise AttributeError(f"module 'toolkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
