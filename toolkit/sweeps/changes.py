"""What differs between the sweep that a folder holds and the one that is asked for now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.sweeps.folder import Planned
from toolkit.sweeps.values import Step

_SHOWN = 3


@dataclass(frozen=True)
class Changes:
    """What a change of configuration, rows or weights does to a folder's results.

    Attributes:
        why: what differs, at most three of it.
        again: how many finished steps would be done anew, or are no longer asked for.
        kept: how many hold.
    """

    why: tuple[str, ...]
    again: int
    kept: int


def changes(old: Planned, new: Planned, *, done: Collection[str]) -> Changes | None:
    """Return what a new plan makes of an old one's finished steps; None where all of them hold (a grid may grow).

    Args:
        old: what the folder holds.
        new: what is asked for.
        done: keys of the finished steps; what failed or never began is no loss.
    """
    wanted = {step.key for step in new.steps}
    gone = [step for step in old.steps if step.key in done and step.key not in wanted]
    if not gone:
        return None
    heirs: dict[tuple, list[Step]] = {}
    for step in new.steps:
        heirs.setdefault(_place(step), []).append(step)
    why: dict[str, None] = {}
    for step in gone:
        same = heirs.get(_place(step), [])
        if not same:
            why[f"'{step.composition}'{' on ' + step.task if step.task else ''} is no longer in the grid"] = None
        elif len(same) == 1:
            why |= dict.fromkeys(_differences(step.settings, same[0].settings, ""))
    for what in ("backbones", "rows"):
        before, now = old.facts.get(what, {}), new.facts.get(what, {})
        for name in before:
            if name in now and before[name] != now[name]:
                why[f"the {'weights' if what == 'backbones' else 'rows'} of {name} changed"] = None
    told = list(why) or ["its settings"]
    shown = (*told[:_SHOWN], f"{len(told) - _SHOWN} more") if len(told) > _SHOWN else tuple(told)
    return Changes(shown, len(gone), len(done) - len(gone))


def _place(step: Step) -> tuple:
    return step.kind, step.composition, step.seed, step.task, step.languages


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key in before:
        if isinstance(before[key], Mapping) and isinstance(now.get(key), Mapping):
            yield from _differences(before[key], now[key], f"{prefix}{key}.")
        elif before[key] != now.get(key):
            yield f"{prefix}{key} {before[key]} -> {now.get(key)}"
