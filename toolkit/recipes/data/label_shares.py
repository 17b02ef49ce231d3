"""Labels that the training rows and the rows scored in a language do not share: two annotations of one thing, mostly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from toolkit.recipes.data.kinds import label_counts
from toolkit.recipes.data.leaks import Held
from toolkit.tasks.rows import OTHER_TAG

SHARE = 0.05
"""A label that makes up as much of one side should occur on the other, whatever its rows are about."""
TIMES = 50  # rarer than this it counts as absent
FEWEST = 200  # labels of each side: by chance all of them are others with a probability of 0.95 ** 200 = 0.00004
_SHOWN = 3


def label_shares(held: Held) -> dict[str, float] | None:
    """Return the share of each label of some rows by its name; None if they are of no kind with labels, or too few to tell."""
    names = held.task.labels
    found = label_counts(held.rows) if names else Counter[int]()
    del found[OTHER_TAG]
    total = found.total()
    return {names[label]: n / total for label, n in found.items()} if total >= FEWEST else None


def unshared_labels(trained: Held, scored: Held) -> Iterator[str]:
    """Yield a sentence where labels are common in the training rows and hardly there where is scored, or the other way round.

    A model that learnt from the one hardly gives the labels of the other, so its score falls by their share. An annotation that
    differs by language looks like a fault of transfer then.
    """
    learnt, asked = label_shares(trained), label_shares(scored)
    if learnt is None or asked is None:
        return
    found = [name for name in dict.fromkeys((*asked, *learnt)) if _is_unshared(asked.get(name, 0), learnt.get(name, 0))]
    found.sort(key=lambda name: -max(asked.get(name, 0), learnt.get(name, 0)))
    if found:
        shown = ", ".join(f"'{name}' {asked.get(name, 0):.1%} ({learnt.get(name, 0):.1%})" for name in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield (
            f"score {scored.language}: {shown}{more} of the labels, in brackets those of the training rows of {trained.task.name} "
            f"{trained.language}; do both mean the same by their labels?"
        )


def _is_unshared(one: float, other: float) -> bool:
    return max(one, other) >= SHARE and min(one, other) < max(one, other) / TIMES
