"""Settings that can change how a composition answers a task, for the keys of kept answers and of a sweep's steps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from toolkit.composition import Composition
from toolkit.config import Config
from toolkit.config.about import Case
from toolkit.config.keys import by_section, settings_that_change
from toolkit.tasks import Task
from toolkit.tasks.kinds import Kind

# Cases that scoring a kind brings: who answers, and settings of the kind's own.
CASES: Mapping[Kind, tuple[Case, ...]] = {
    "pair": ("head",),
    "choice": ("head",),
    "span": ("head", "span"),
    "tags": ("head", "tags"),
    "bitext": ("search",),
    "mining": ("search",),
    "retrieval": ("search",),
    "text": ("head",),
}


def scoring_settings(task: Task, entries: Collection[Composition], config: Config) -> dict[str, Any]:
    """Return the settings that can change how a composition answers a task's rows, by section.

    Keys of kept answers and of a sweep's steps read them here.

    Args:
        task: what is scored.
        entries: of the composition, or itself.
        config: resolved configuration.
    """
    found: dict[Case, bool] = {
        "fused": any(part.kind == "fusion" for entry in entries for part in entry.parts),
        "noise": config.noise.apply is not None,
        "exchanged": any(entry.follows_rows for entry in entries),
    }
    cases = {case for case, holds in found.items() if holds} | set(CASES[task.kind])
    return by_section(settings_that_change("scores", config, cases=cases))
