"""Settings that can change how a composition answers a task, for the keys of kept answers and of a sweep's steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from toolkit.composition import Composition
from toolkit.config import Config
from toolkit.config.about import Case
from toolkit.config.keys import by_section, settings_that_change
from toolkit.tasks import Task
from toolkit.tasks.kinds import RETRIEVED

# Kinds whose answers have settings of their own.
_KINDS: dict[str, Case] = {"span": "span", "tags": "tags"}


def scoring_settings(task: Task, entries: Iterable[Composition], config: Config) -> dict[str, Any]:
    """Return the settings that can change how a composition answers a task's rows, by section.

    Keys of kept answers and of a sweep's steps read them here.

    Args:
        task: what is scored.
        entries: of the composition, or itself.
        config: resolved configuration.
    """
    found: dict[Case, bool] = {
        "head": task.kind not in RETRIEVED,
        "search": task.kind in RETRIEVED,
        "fused": any(part.kind == "fusion" for entry in entries for part in entry.parts),
        "noise": config.noise.apply is not None,
    }
    cases = {case for case, holds in found.items() if holds}
    if task.kind in _KINDS:
        cases.add(_KINDS[task.kind])
    return by_section(settings_that_change("scores", config, cases=cases))
