"""xstilts: intermediate tasks as stackable adapters on a frozen multilingual encoder.

The journeys of the command line from Python, each one call:

    import toolkit
    config = toolkit.configure(backbone="embedded", data_root="path/to/mirror")
    toolkit.train("mnli/squad", config)
    print(toolkit.evaluate("mnli/squad", config, task="xquad", languages="all").text)
    print(toolkit.retrieve("mnli", config, task="tatoeba", languages="de,fr").text)

Importing this package imports no torch: the recipes are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from toolkit.version import __version__

_HOMES = {
    "parse": "toolkit.composition",
    "get_task": "toolkit.tasks",
    "load_task": "toolkit.tasks",
    "train": "toolkit.face",
    "evaluate": "toolkit.face",
    "evaluate_suite": "toolkit.face",
    "retrieve": "toolkit.face",
    "compare": "toolkit.face",
    "compare_tasks": "toolkit.face",
    "predict": "toolkit.face",
    "suggest": "toolkit.face",
    "attention": "toolkit.face",
    "prune": "toolkit.face",
    "collapse": "toolkit.face",
    "Zoo": "toolkit.zoo",
    "ToolkitError": "toolkit.errors",
}

if TYPE_CHECKING:
    from toolkit.composition import parse
    from toolkit.errors import ToolkitError
    from toolkit.face import (
        attention,
        collapse,
        compare,
        compare_tasks,
        evaluate,
        evaluate_suite,
        predict,
        prune,
        retrieve,
        suggest,
        train,
    )
    from toolkit.tasks import get_task, load_task
    from toolkit.zoo import Zoo

__all__ = [
    "ToolkitError",
    "Zoo",
    "__version__",
    "attention",
    "collapse",
    "compare",
    "compare_tasks",
    "configure",
    "evaluate",
    "evaluate_suite",
    "get_task",
    "load_task",
    "parse",
    "predict",
    "prune",
    "retrieve",
    "suggest",
    "train",
]


def configure(*sets: str, backbone: str | None = None, config: str | None = None, **overrides: Any) -> Any:
    """Return a frozen configuration.

    Args:
        sets: texts `section.key=value`, as with `--set`.
        backbone: name of the backbone.
        config: a YAML file.
        overrides: top-level settings such as `data_root`, `zoo`, `run_dir`.

    Example:
        >>> configure("train.limit=500", backbone="embedded").train.limit
        500
    """
    from toolkit.config import load

    given = {"backbone.name": backbone, **overrides}
    return load(config, sets, {key: value for key, value in given.items() if value is not None})


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'toolkit' has no attribute '{name}'")
