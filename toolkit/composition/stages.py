"""Stages of a composition that a zoo still lacks.

A composition says what flows; a stage says what learns. A zoo entry is itself a composition, so a plan is found from
the top down: the entries a circuit takes parts from, then the entries those were trained on, until the zoo holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from toolkit.composition import Chain, Composition, Merge, Mix, Name, Parallel, Part, Seq, parse
from toolkit.composition.variants import named, own_entry
from toolkit.errors import ToolkitError

Retrain = Literal["last", "all"]
"""What is trained again although the zoo holds it: the last stage, or every stage."""


@dataclass(frozen=True)
class Stage:
    """One thing to learn, or to compute from what was learnt: it becomes one zoo entry and one tracked run.

    Args:
        entry: canonical composition; the zoo entry's name and the run's name. A variant's is another than its circuit's.
        circuit: what is wired; the composition that the entry is trained as.
        tasks: whose training rows are learnt from; several for `mix`, none for a merge, which is computed.
        learn: exactly what learns, or is computed; all other parts of the circuit are frozen. A part of another entry learns as
            a copy, which this entry holds; the other entry stays as it is.
        parents: the entries that must exist first: those of the frozen parts, and the warm start.
        warm_start: for `seq`, the entry whose adapter (and fusion, where one is right below) the new one starts from.
    """

    entry: str
    circuit: Composition
    tasks: tuple[Name, ...]
    learn: tuple[Part, ...]
    parents: tuple[str, ...]
    warm_start: str | None = None

    @property
    def trained_as(self) -> str:
        """What the entry is trained as: its own name, or for a variant the composition that it varies."""
        return str(self.circuit)

    @property
    def heads(self) -> dict[str, tuple[str, str]]:
        """Where each head that the stage makes is stored, by its name in the circuit: an entry, and its name there.

        A variant of several tasks (`mix`, merges) holds the default head under its own name, and each other one in an entry
        of that head alone.

        Example:
            >>> plan(parse("mix[a,b]"), holds=lambda entry: False, name="calm")[-1].heads
            {'a': ('calm@a', 'a'), 'b': ('calm', 'calm')}
        """
        names = [part.name for part in self.learn if part.kind == "head"]
        if self.entry == self.trained_as:
            return {name: (self.entry, name) for name in names}
        own, default = parse(self.entry), self.circuit.head_name.name
        others = {name: (str(Composition(own.chain, Name(name))), name) for name in names}
        return others | {default: (self.entry, own.head_name.name)}

    @property
    def makes(self) -> tuple[str, ...]:
        """Every zoo entry that the stage makes, its own first."""
        return tuple(dict.fromkeys((self.entry, *(entry for entry, _ in self.heads.values()))))

    @property
    def merge(self) -> Merge | None:
        """The block that this stage computes from its members' weights, without rows; None where it learns."""
        last = self.circuit.chain.units[-1]
        return last if isinstance(last, Merge) and self.circuit.head is None else None

    def member(self, name: Name) -> str:
        """Return the entry of a member of `merge`, read on top of what is below the block."""
        return str(Composition(Chain(self.circuit.chain.units[:-1]) / name))

    @property
    def frozen(self) -> tuple[Part, ...]:
        """The parts of the circuit that stay as their own stages left them, from the backbone up."""
        return tuple(part for part in self.circuit.parts if part not in self.learn)


def plan(
    c: Composition,
    *,
    holds: Callable[[str], bool],
    retrain: Retrain | None = None,
    learn_all: bool = False,
    name: str | None = None,
    trained_as: Callable[[str], str] = str,
) -> tuple[Stage, ...]:
    """Return the stages that `c` still lacks, each after the stages it builds on.

    Args:
        c: a legal composition.
        holds: whether the zoo holds an entry; asked at most once for each.
        retrain: list the last stage, or every stage, although the zoo holds it.
        learn_all: whether the adapters and fusions below a stage's own learn along (`train.learn: all`).
        name: the last stage makes a variant of this name (`named`).
        trained_as: what an entry that the zoo holds was trained as; asked of those that are trained again or varied.

    Returns:
        The stages in the order to train them, none twice; nothing for the bare backbone.

    Raises:
        ToolkitError: for a head on top of a `par`, and a name for what makes no entry of its own.

    Example:
        >>> from toolkit.composition import parse
        >>> [stage.entry for stage in plan(parse("fuse[mnli,squad]/xquad"), holds=lambda entry: entry == "mnli")]
        ['squad', 'fuse[mnli,squad]/xquad']
        >>> [stage.entry for stage in plan(parse("mnli/squad"), holds=lambda entry: entry == "mnli", name="calm")]
        ['mnli/calm']
    """
    _has_heads_that_learn(c)
    own = own_entry(c)
    variant = {} if name is None or own is None else {own: str(named(c, name))}
    if name is not None and not variant:
        named(c, name)  # raises
    again = {own} if own is not None else _tops(c)
    known: dict[str, Composition] = {}
    held: dict[str, bool] = {}
    stages: dict[str, Stage] = {}

    def has(entry: str) -> bool:
        if entry not in held:
            held[entry] = holds(entry)
        return held[entry]

    def lacks(entry: str) -> bool:
        is_again = retrain == "all" or (retrain == "last" and entry in again)
        return entry not in stages and (is_again or not has(variant.get(entry, entry)))

    # An explicit stack, not recursion: a `seq` of a thousand names is a thousand stages deep.
    known.update(c.entries)
    waiting = [entry for entry in reversed(known) if lacks(entry)]
    while waiting:
        entry = waiting[-1]
        if entry in stages:
            waiting.pop()
            continue
        stored = variant.get(entry, entry)
        stage, below = _stage(parse(trained_as(entry)) if has(entry) else known[entry])
        stage = replace(stage, entry=stored)
        if learn_all and stage.merge is None:
            stage = replace(stage, learn=(*stage.learn, *(part for part in stage.frozen if part.kind != "head")))
        known.update(below)
        missing = [parent for parent in stage.parents if lacks(parent)]
        if missing:
            waiting.extend(reversed(missing))
        else:
            stages[entry] = stage
            waiting.pop()
    return tuple(stages.values())


def stage_of(entry: Composition) -> Stage:
    """Return the stage that makes an entry, whatever a zoo holds."""
    return _stage(entry)[0]


def _tops(c: Composition) -> set[str]:
    """Return the entries that no other entry of a composition builds on."""
    below = {parent for entry in c.entries.values() for parent in stage_of(entry).parents}
    return set(c.entries) - below


def _stage(entry: Composition) -> tuple[Stage, dict[str, Composition]]:
    """Return the stage that makes `entry`, and the compositions of the entries it builds on."""
    name = str(entry)
    last = entry.chain.units[-1]
    known = dict(entry.entries)
    learn = list(entry.own_parts)
    warm_start: str | None = None
    tasks: tuple[Name, ...] = (entry.head_name,)
    if entry.head is None and isinstance(last, Mix):
        tasks = last.names
        heads = dict.fromkeys(task.name for task in tasks)  # languages of one task share its head
        learn = [part for part in learn if part.kind != "head"] + [Part("head", name, head) for head in heads]
    members: dict[str, Composition] = {}
    if entry.head is None and isinstance(last, Merge):
        tasks = ()
        made = dict.fromkeys(name.name for name in last.leaves())
        learn = [part for part in learn if part.kind != "head"] + [Part("head", name, head) for head in made]
        members = {str(c): c for c in (Composition(Chain(entry.chain.units[:-1]) / task) for task in last.leaves())}
        known |= members
    if entry.head is None and isinstance(last, Seq):
        before = Composition(Chain(entry.chain.units[:-1]) / _all_but_last(last))
        warm_start = str(before)
        known[warm_start] = before
    parents = dict.fromkeys(part.entry for part in entry.parts if part.entry != name)
    parents |= dict.fromkeys(members)
    if warm_start is not None:
        parents[warm_start] = None
    return Stage(name, entry, tasks, tuple(learn), tuple(parents), warm_start), known


def _all_but_last(seq: Seq) -> Name | Seq:
    return seq.names[0] if len(seq.names) == 2 else Seq(seq.names[:-1])


def _has_heads_that_learn(c: Composition) -> None:
    block = c.chain.units[0]
    if c.head is not None and isinstance(block, Parallel):
        member = Composition(block.members[0], c.head)
        raise ToolkitError(
            f"'{c}' parses, but no head learns on several members at once; train one for each, as in '{member}', or leave "
            f"'@{c.head}' out: the members' own heads answer."
        )
