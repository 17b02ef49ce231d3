"""Differences between the sweep that a folder holds and the sweep that is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.sweeps.folder import Planned
from toolkit.sweeps.values import Step

_SHOWN = 3


@dataclass(frozen=True)
class Changes:
    """Effect of other settings, rows or weights on a folder's results.

    Attributes:
        why: differences, at most three and the number of the others.
        again: how many finished steps would be done again, or are not asked for any more.
        kept: how many remain valid.
    """

    why: tuple[str, ...]
    again: int
    kept: int


def changes(old: Planned, new: Planned, *, done: Collection[str]) -> Changes | None:
    """Return the effect of a new plan on an old one's finished steps; None if all of them remain valid (a grid may grow).

    Args:
        old: the plan that the folder holds.
        new: the plan that is asked for.
        done: keys of the finished steps; steps that failed or never began do not count.
    """
    wanted = {step.key for step in new.steps}
    gone = [step for step in old.steps if step.key in done and step.key not in wanted]
    if not gone:
        return None
    heirs: dict[tuple[object, ...], list[Step]] = {}
    for step in new.steps:
        heirs.setdefault(_place(step), []).append(step)
    why: dict[str, None] = {}
    for step in gone:
        same = heirs.get(_place(step), [])
        if not same:
            why[f"'{step.composition}'{' on ' + step.task if step.task else ''} is no longer in the grid"] = None
        elif len(same) == 1:
            why |= dict.fromkeys(_differences(step.settings, same[0].settings, ""))
    why |= dict.fromkeys(_other_facts(old, new))
    found = list(why) or ["its settings"]
    shown = (*found[:_SHOWN], f"{len(found) - _SHOWN} more") if len(found) > _SHOWN else tuple(found)
    return Changes(shown, len(gone), len(done) - len(gone))


def _other_facts(old: Planned, new: Planned) -> Iterator[str]:
    for what, noun in (("backbones", "weights"), ("rows", "rows")):
        before, now = old.facts.get(what, {}), new.facts.get(what, {})
        for name in before:
            if name not in now or _known_by(before[name]) == _known_by(now[name]):
                continue
            if now[name].get("is_drawn") and not before[name].get("is_drawn"):
                yield f"the {noun} of {name} were the first ones and are drawn by seed now"
            else:
                yield f"the {noun} of {name} changed"


def _known_by(fact: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fact.items() if name not in ("is_drawn", "roads")}


def _place(step: Step) -> tuple[object, ...]:
    return step.kind, step.composition, step.seed, step.task, step.languages


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key in before:
        if isinstance(before[key], Mapping) and isinstance(now.get(key), Mapping):
            yield from _differences(before[key], now[key], f"{prefix}{key}.")
        elif before[key] != now.get(key):
            yield f"{prefix}{key} {before[key]} -> {now.get(key)}"
