"""Places of a sweep: the settings that all its steps share, and the program that does them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.config import Config, to_dict
from toolkit.config.convert import sections

PROGRAM = "toolkit.recipes.sweep.worker"


def places_of(config: Config) -> Mapping[str, Any]:
    """Return the settings that are not part of a step, as plain values: folders, task files and tracker."""
    plain = to_dict(config)
    own = ("zoo", "run_dir")  # every step has its own
    return {key: value for key, value in plain.items() if key == "tracking" or key not in (*sections(), *own)}
