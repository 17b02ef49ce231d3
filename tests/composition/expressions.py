"""Random legal compositions, built as values and not as text, so that the parser is tested against something else."""

from __future__ import annotations

import random

from hypothesis import settings, strategies

from toolkit.composition import Average, Chain, Composition, Fuse, Leaf, Merge, Mix, Name, Parallel, Seq, Unit

WORDS = (
    "mnli", "squad", "xquad", "xnli", "csqa", "udpos", "tydiqa", "mnli-government", "pmb_ccg", "qqp2", "a", "b", "z9",
    "fusex", "backbones", "average", "seq-", "e5", "micro-nli", "a-rather-long-name-for-a-task-of-ones-own",
)  # fmt: skip
LANGUAGES = (None, None, None, "en", "sw", "ko", "zh-hant", "quy", "zh-hant-hk")

# The same five hundred everywhere; a failure names its seed.
five_hundred = settings(max_examples=500, derandomize=True, database=None, deadline=None)
seeds = strategies.integers(0, 2**64 - 1)


def compositions() -> strategies.SearchStrategy[Composition]:
    """Return a strategy of legal compositions; drawn by seed, because draws one by one repeat short ones."""
    return seeds.map(lambda seed: legal(random.Random(seed)))


def legal(dice: random.Random) -> Composition:
    """Return one legal composition."""
    if dice.random() < 0.01:
        return Composition(Chain((Name("backbone"),)), dice.choice((None, name(dice))))
    head = name(dice) if dice.random() < 0.3 else None
    if dice.random() < 0.1:
        return Composition(Chain((Parallel(distinct(dice, lambda: chain(dice))),)), head)
    return Composition(chain(dice), head)


def name(dice: random.Random) -> Name:
    """Return a name, now and then of one language."""
    return Name(dice.choice(WORDS), dice.choice(LANGUAGES))


def weight(dice: random.Random, *, positive: bool) -> float | None:
    """Return a weight of any size, or none."""
    if dice.random() < 0.4:
        return None
    value = dice.choice((dice.random(), dice.random() * 1e-9, dice.random() * 1e300, 1.0, 5e-324, 0.1 + 0.2)) or 1.0
    return value if positive or dice.random() < 0.5 else -value


def leaf(dice: random.Random, *, merges: bool = True) -> Leaf:
    """Return a leaf; without `merges`, one that may follow a fusion."""
    kind = dice.choice(("name",) * 6 + ("seq", "mix") + (("merge", "ties", "dare") if merges else ()))
    if kind == "name":
        return name(dice)
    names = distinct(dice, lambda: name(dice))
    if kind == "seq":
        return Seq(names)
    if kind == "mix":
        return Mix(names)
    return Merge(kind, tuple((member, weight(dice, positive=False)) for member in names))


def chain(dice: random.Random) -> Chain:
    """Return a chain of leaves, fusions and averages."""
    units: list[Unit] = []
    for _ in range(dice.choice((1, 1, 2, 2, 3, 4))):
        if units and isinstance(units[-1], Fuse):
            units.append(leaf(dice, merges=False))
            continue
        kind = dice.random()
        members = distinct(dice, lambda: Chain(tuple(leaf(dice) for _ in range(dice.choice((1, 1, 1, 2))))))
        if kind < 0.2:
            units.append(Fuse(members))
        elif kind < 0.3:
            units.append(Average(tuple((member, weight(dice, positive=True)) for member in members)))
        else:
            units.append(leaf(dice))
    return Chain(tuple(units))


def distinct(dice: random.Random, make) -> tuple:  # type: ignore[no-untyped-def, type-arg]
    """Return two to four different values."""
    wanted = dice.choice((2, 2, 3, 4))
    found: dict = {}  # type: ignore[type-arg]
    while len(found) < wanted:
        found[make()] = None
    return tuple(found)
