"""Content of the rows in no language yet: a scene, a claim about it, a question with its answer.

Everything here is drawn from a `random.Random` seeded with a text, which gives the same numbers in every process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from toolkit.tasks.micro.facts import FRUIT, HYPERNYMS, PLACED, UNPLACED, exclude_each_other, facts, fillers, pick
from toolkit.tasks.micro.grammar import Fact, fact

ENTAILMENT, NEUTRAL, CONTRADICTION = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Claim:
    """A hypothesis, and for each relation (0, 1, 2) a premise it has this relation to."""

    hypothesis: Fact
    premises: tuple[tuple[Fact, ...], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a scene: its answer is what fills `slot` in the scene's fact `base`."""

    scene: tuple[Fact, ...]
    question: Fact
    base: Fact
    slot: str


def claim(rng: Random, split: str) -> Claim:
    """Draw a hypothesis and one premise for each of the three relations.

    All three premises share the hypothesis, so that it alone says nothing about the label. Each premise has two
    sentences about two people, and what kinds of sentence they are says little about the label either:

    | | somebody else does another kind of thing | somebody else does the same kind of thing |
    |---|---|---|
    | entailment | x does it; y is a cook | x does it; y does something like it |
    | neutral | x is a cook; y does it | z does something like it; y does it |
    | contradiction | x does otherwise; y is a cook | x does otherwise; y does it |
    """
    while True:
        found = _try_claim(rng, split)
        if found is not None:
            return found


def _try_claim(rng: Random, split: str) -> Claim | None:
    """Draw a claim, or None if the split lacks a fact that it would need."""
    drawn = rng.choice(_CLAIMS)(rng, split)
    if drawn is None:
        return None
    hypothesis, base, against, other = drawn
    x, y = hypothesis["x"], other["x"]
    frames: tuple[str, ...]
    if rng.random() < 0.5:
        frames = ("when", "job") if hypothesis.frame in ("have", "none", "count", "colour") else UNPLACED
        asides = (
            pick(rng, split, frames, lambda each: each["x"] != x),
            pick(rng, split, frames, x=x),
            pick(rng, split, frames, lambda each: each["x"] != x),
        )
    else:
        frames = _KINDS[base.frame]
        asides = (
            pick(rng, split, frames, lambda each: each["x"] != x),
            pick(rng, split, frames, lambda each: each["x"] not in (x, y)),
            other,
        )
    if None in asides:
        return None
    premises = [[main, aside] for main, aside in zip((base, other, against), asides, strict=True) if aside]
    for premise in premises:
        rng.shuffle(premise)
    return Claim(hypothesis, tuple(map(tuple, premises)))


# Frames that say the same kind of thing.
_KINDS: dict[str, tuple[str, ...]] = {
    "do_at": PLACED,
    "eat_at": PLACED,
    "drink_at": PLACED,
    "have": ("have", "count"),
    "none": ("have", "count"),
    "count": ("have", "count"),
    "own": ("own",),
}


# Each draws (hypothesis, fact that entails it, fact that contradicts it, a fact that would entail it were it not about
# somebody else), or None if the split lacks one of them.
_Drawn = tuple[Fact, Fact, Fact, Fact] | None


def _claim_place(rng: Random, split: str) -> _Drawn:
    base = _need(pick(rng, split, PLACED))
    x, p = base["x"], base["p"]
    against = pick(rng, split, PLACED, lambda each: each["p"] != p, x=x)
    other = pick(rng, split, PLACED, lambda each: each["x"] != x and each["p"] == p, patience=200)
    return (fact("at", x=x, p=p), base, against, other) if against and other else None


def _claim_action(rng: Random, split: str) -> _Drawn:
    base = _need(pick(rng, split, ("do_at",)))
    x, v = base["x"], base["v"]
    against = pick(rng, split, ("do_at",), lambda each: exclude_each_other(v, each["v"]), x=x)
    other = pick(rng, split, ("do_at",), lambda each: each["x"] != x and each["v"] == v, patience=200)
    return (fact("do", x=x, v=v), base, against, other) if against and other else None


def _claim_food(rng: Random, split: str) -> _Drawn:
    base = _need(pick(rng, split, ("eat_at",)))
    x, f = base["x"], base["f"]
    said = HYPERNYMS["f"] if f in FRUIT and rng.random() < 0.7 else f
    same = FRUIT if said != f else (f,)
    against = pick(rng, split, ("eat_at",), lambda each: each["f"] not in same, x=x)
    other = pick(rng, split, ("eat_at",), lambda each: each["x"] != x and each["f"] in same, patience=200)
    return (fact("eat", x=x, f=said), base, against, other) if against and other else None


def _claim_drink(rng: Random, split: str) -> _Drawn:
    base = _need(pick(rng, split, ("drink_at",)))
    x, d = base["x"], base["d"]
    against = pick(rng, split, ("drink_at",), lambda each: each["d"] != d, x=x)
    other = pick(rng, split, ("drink_at",), lambda each: each["x"] != x and each["d"] == d, patience=200)
    return (fact("drink", x=x, d=d), base, against, other) if against and other else None


def _claim_animal(rng: Random, split: str) -> _Drawn:
    base = _need(pick(rng, split, ("have", "count")))
    x = base["x"]
    other = pick(rng, split, ("have", "count"), lambda each: each["x"] != x)
    if other is None:
        return None
    some, none = fact("have", x=x, a=HYPERNYMS["a"]), fact("none", x=x)
    if rng.random() < 0.5:  # claimed the other way round, so that "no" in a premise gives no hint either
        return none, none, base, fact("none", x=other["x"])
    return some, base, none, other


def _claim_number(rng: Random, split: str) -> _Drawn:
    base = _need(pick(rng, split, ("count",)))
    x, n, a = base["x"], base["n"], base["a"]
    against = base.replace("n", rng.choice([each for each in fillers("n") if each != n]))
    other = pick(rng, split, ("count",), lambda each: each["x"] != x and each["a"] == a)
    return (base, base, against, other.replace("n", n)) if other else None


def _claim_colour(rng: Random, split: str) -> _Drawn:
    base = _need(pick(rng, split, ("own",)))
    x, c, t = base["x"], base["c"], base["t"]
    against = base.replace("c", rng.choice([each for each in fillers("c") if each != c]))
    other = pick(rng, split, ("own",), lambda each: each["x"] != x and each["t"] == t)
    return (fact("colour", x=x, c=c, t=t), base, against, other.replace("c", c)) if other else None


_CLAIMS: tuple[Callable[[Random, str], _Drawn], ...] = (
    _claim_place,
    _claim_action,
    _claim_food,
    _claim_drink,
    _claim_animal,
    _claim_number,
    _claim_colour,
)

# question frame: (slots it names, slot that answers it, frames whose facts answer it)
QUESTIONS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "q_where": ("x", "p", ("at", *PLACED)),
    "q_eat": ("x", "f", ("eat", "eat_at")),
    "q_drink": ("x", "d", ("drink", "drink_at")),
    "q_colour": ("xt", "c", ("own", "colour")),
    "q_count": ("xa", "n", ("count",)),
    "q_who_at": ("p", "x", ("at", *PLACED)),
    "q_who_eat": ("f", "x", ("eat", "eat_at")),
    "q_who_drink": ("d", "x", ("drink", "drink_at")),
}

_ANY = ("at", "do", "eat", "drink", *PLACED, *UNPLACED)


def question(rng: Random, split: str) -> Question:
    """Draw a scene of 3 to 5 facts about as many people, and a question that exactly one of them answers.

    At least one other fact is of the answering kind, so that the kind of word alone does not give the answer away.
    """
    name = rng.choice(tuple(QUESTIONS))
    asked, slot, frames = QUESTIONS[name]
    length = rng.randint(3, 5)
    base = _need(pick(rng, split, frames))
    scene = [base]
    taken = _shared(base)
    rivals = rng.randint(1, 2)
    while len(scene) < length:
        wanted = frames if len(scene) <= rivals else _ANY
        # If no more facts of this kind differ from all others, any other kind will do.
        found = _pick_apart(rng, split, wanted, taken) or _need(_pick_apart(rng, split, PLACED, taken, patience=400))
        scene.append(found)
        taken |= _shared(found)
    rng.shuffle(scene)
    return Question(tuple(scene), fact(name, **{each: base[each] for each in asked}), base, slot)


def _pick_apart(
    rng: Random, split: str, frames: tuple[str, ...], taken: set[tuple[str, str]], *, patience: int = 40
) -> Fact | None:
    return pick(rng, split, frames, lambda each: taken.isdisjoint(each.slots), patience=patience)


def _shared(known: Fact) -> set[tuple[str, str]]:
    """The person, place, food and drink of a fact: no other fact of a scene may have one of them."""
    return {(slot, key) for slot, key in known.slots if slot in "xpfd"}


def choices(rng: Random, drawn: Question, *, count: int = 4) -> tuple[tuple[Fact, ...], int]:
    """Return the question's fact with each of `count` fillers for the answer, and which of them is right.

    Fillers that the scene names come first, so that a wrong choice usually occurs in the context too.
    """
    right = drawn.base[drawn.slot]
    named = [key for each in drawn.scene if (key := each.get(drawn.slot)) and key != right]
    rng.shuffle(named)
    rest = [key for key in fillers(drawn.slot) if key != right and key not in named]
    rng.shuffle(rest)
    # One filler at least from outside the scene where it can be had, or "is named" would be a hint by itself.
    wrong = list(dict.fromkeys(named))[: count - 2]
    wrong += rest[: count - 1 - len(wrong)]
    place = rng.randrange(count)
    keys = [*wrong[:place], right, *wrong[place:]]
    # Colours are offered as they follow "is": an owner's "rotes Auto" is rot.
    base = drawn.base if drawn.slot != "c" else Fact("colour", drawn.base.slots)
    return tuple(base.replace(drawn.slot, key) for key in keys), place


def statements(split: str, seed: int) -> tuple[Fact, ...]:
    """Return every fact of a split in a fixed order that takes the frames in turns; no two mean the same."""
    frames = ("at", "do", "do_at", "eat", "eat_at", "drink", "drink_at", "have", "count", "own", "when", "job")
    queues = []
    for frame in frames:
        queue = list(facts(split, frame))
        Random(f"micro-world/{seed}/statements/{split}/{frame}").shuffle(queue)
        queues.append(queue[::-1])
    ordered = []
    while any(queues):
        ordered += [queue.pop() for queue in queues if queue]
    return tuple(ordered)


def _need(found: Fact | None) -> Fact:
    if found is None:
        raise LookupError("the split holds no such fact")
    return found
