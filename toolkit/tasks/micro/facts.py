"""Facts of the micro-world, and the split that each belongs to.

Every fact belongs to exactly one of train, dev and score, by a checksum over what it says; so no sentence that
states a fact of one split is met in another. The assignment does not depend on the seed.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from random import Random

from toolkit.tasks.micro.grammar import Fact, grammar

SLOTS = {
    "at": "xp",
    "do": "xv",
    "do_at": "xvp",
    "eat": "xf",
    "eat_at": "xfp",
    "drink": "xd",
    "drink_at": "xdp",
    "have": "xa",
    "count": "xna",
    "own": "xct",
    "colour": "xct",
    "when": "xvw",
    "job": "xj",
}
PLACED = ("do_at", "eat_at", "drink_at")
UNPLACED = ("have", "count", "own", "colour", "when", "job")

FRUIT = ("apple", "banana", "orange")
HYPERNYMS = {"f": "fruit", "a": "animal"}
HABITS = ("sleep", "sing", "work", "dance", "read")

# Facts that exclude or restate each other stay in one split: what an owner's bag looks like, however it is said.
_KEY_SLOTS = {"have": "xa", "count": "xa", "own": "xt", "colour": "xt"}
_KEY_NAMES = {"count": "have", "colour": "own"}


def split_of(fact: Fact) -> str:
    """Return the split a fact belongs to: `train` (8 of 10), `dev` or `score`."""
    name = _KEY_NAMES.get(fact.frame, fact.frame)
    slots = _KEY_SLOTS.get(fact.frame, SLOTS[fact.frame])
    tenth = zlib.crc32("/".join([name, *(fact[slot] for slot in slots)]).encode()) % 10
    return "train" if tenth < 8 else "dev" if tenth == 8 else "score"


@cache
def fillers(slot: str) -> tuple[str, ...]:
    """Return what can fill a slot in a scene: everything but the hypernyms."""
    return tuple(key for key in grammar("en").keys(slot) if key != HYPERNYMS.get(slot))


@cache
def facts(split: str, frame: str, *, x: str | None = None) -> tuple[Fact, ...]:
    """Return the facts of a split and frame, about everyone or about person `x`, in a fixed order."""
    if x is not None:
        return tuple(fact for fact in facts(split, frame) if fact["x"] == x)
    choices = [HABITS if (frame, slot) == ("when", "v") else fillers(slot) for slot in SLOTS[frame]]
    every = (Fact(frame, tuple(zip(SLOTS[frame], keys, strict=True))) for keys in itertools.product(*choices))
    return tuple(fact for fact in every if split_of(fact) == split)


def pick(
    rng: Random,
    split: str,
    frames: Iterable[str],
    keep: Callable[[Fact], bool] = lambda fact: True,
    *,
    x: str | None = None,
    patience: int = 40,
) -> Fact | None:
    """Return a random fact of one of the frames that `keep` accepts, or None if none was met in `patience` tries."""
    pools = [pool for frame in frames if (pool := facts(split, frame, x=x))]
    if not pools:
        return None
    for _ in range(patience):
        found = rng.choice(rng.choice(pools))
        if keep(found):
            return found
    return None


def exclude_each_other(one: str, other: str) -> bool:
    """Whether nobody can do both at once: sleep and anything else, laugh and cry.

    Example:
        >>> exclude_each_other("sleep", "dance"), exclude_each_other("sing", "dance")
        (True, False)
    """
    return one != other and ("sleep" in (one, other) or {one, other} == {"laugh", "cry"})
