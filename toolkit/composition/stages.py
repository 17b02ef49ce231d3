"""Stages of a composition that a zoo still lacks.

A composition says what flows; a stage says what learns. A zoo entry is itself a composition, so a plan is found from
the top down: the entries a circuit takes parts from, then the entries those were trained on, until the zoo holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from toolkit.composition import Chain, Composition, Merge, Mix, Name, Parallel, Part, Seq
from toolkit.errors import ToolkitError


@dataclass(frozen=True)
class Stage:
    """One thing to learn, or to compute from what was learnt: it becomes one zoo entry and one tracked run.

    Args:
        entry: canonical composition; the zoo entry's name and the run's name.
        circuit: what is wired.
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
    c: Composition, *, holds: Callable[[str], bool], retrain: bool = False, learn_all: bool = False
) -> tuple[Stage, ...]:
    """Return the stages that `c` still lacks, each after the stages it builds on.

    Args:
        c: a legal composition.
        holds: whether the zoo holds an entry; asked at most once for each.
        retrain: list every stage, as though the zoo were empty.
        learn_all: whether the adapters and fusions below a stage's own learn along (`train.learn: all`).

    Returns:
        The stages in the order to train them, none twice; nothing for the bare backbone.

    Raises:
        ToolkitError: for a head on top of a `par`.

    Example:
        >>> from toolkit.composition import parse
        >>> [stage.entry for stage in plan(parse("fuse[mnli,squad]/xquad"), holds=lambda entry: entry == "mnli")]
        ['squad', 'fuse[mnli,squad]/xquad']
    """
    _has_heads_that_learn(c)
    known: dict[str, Composition] = {}
    held: dict[str, bool] = {}
    stages: dict[str, Stage] = {}

    def lacks(entry: str) -> bool:
        if entry not in held:
            held[entry] = not retrain and holds(entry)
        return not held[entry] and entry not in stages

    # An explicit stack, not recursion: a `seq` of a thousand names is a thousand stages deep.
    known.update(c.entries)
    waiting = [entry for entry in reversed(known) if lacks(entry)]
    while waiting:
        entry = waiting[-1]
        if entry in stages:
            waiting.pop()
            continue
        stage, below = _stage(known[entry])
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


def describe(
    stages: Sequence[Stage], *, rows: Callable[[Name], str] | None = None, backbone_learns: bool = False
) -> str:
    """Return a plan as numbered text: what is trained on which rows, what learns, what stays frozen.

    Args:
        stages: as `plan` returns them.
        rows: what to call a task's training rows, for example `squad (xquad has no training rows)`; default the
            task's own name.
        backbone_learns: whether the backbone learns along, as in the full fine-tuning reference run.

    Returns:
        Lines without a newline at the end.

    Example:
        >>> from toolkit.composition import parse
        >>> print(describe(plan(parse("mnli/squad"), holds=lambda entry: False)))
        2 stages to train:
        1. mnli
             trains on    mnli
             learns       adapter mnli, head mnli
             frozen       the backbone
        2. mnli/squad
             trains on    squad
             learns       adapter mnli/squad, head squad
             frozen       the backbone, adapter mnli
    """
    if not stages:
        return "Nothing to train: the zoo holds every part."
    name_rows = rows or str
    lines = [f"{len(stages)} stage{'s' if len(stages) > 1 else ''} to train:"]
    for number, stage in enumerate(stages, 1):
        if stage.merge is not None:
            facts = {
                "merges": ", ".join(stage.member(name) for name in stage.merge.leaves()) + " (computed, no rows)",
                "makes": _listed(stage, stage.learn, False),
            }
        else:
            facts = {
                "trains on": " + ".join(name_rows(task) for task in stage.tasks),
                "learns": _listed(stage, stage.learn, backbone_learns),
            }
        if stage.warm_start is not None:
            facts["starts from"] = stage.warm_start
        facts["frozen"] = _listed(stage, stage.frozen, not backbone_learns) or "nothing"
        indent = " " * (len(str(number)) + 4)
        lines.append(f"{number}. {stage.entry}")
        lines += [f"{indent}{label:<13}{fact}" for label, fact in facts.items()]
    return "\n".join(lines)


def _listed(stage: Stage, listed: Iterable[Part], with_backbone: bool) -> str:
    known = stage.circuit.entries
    learnt = set(stage.learn)
    titles = [
        f"{part.kind} {_title(part, known[part.entry].chain)}"
        + (" (a copy)" if part in learnt and part.entry != stage.entry else "")
        for part in listed
    ]
    return ", ".join((["the backbone"] if with_backbone else []) + titles)


def _title(part: Part, chain: Chain) -> str:
    """Return what a reader calls a part; a fusion is the circuit up to its block, whatever it was trained under."""
    if part.kind == "head":
        return part.name
    return str(Chain(chain.units[:-1]) if part.kind == "fusion" and chain.units[-1].is_leaf else chain)
