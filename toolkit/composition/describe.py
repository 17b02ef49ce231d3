"""A plan as text for a reader: what is trained on which rows, what learns, what stays frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from toolkit.composition import Chain, Name, Part, parse
from toolkit.composition.stages import Stage


def describe(
    stages: Sequence[Stage],
    *,
    rows: Callable[[Name], str] | None = None,
    backbone_learns: bool = False,
    notes: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Return a plan as numbered text: what is trained on which rows, what learns, what stays frozen.

    Args:
        stages: as `plan` returns them.
        rows: what to call a task's training rows, for example `squad (xquad has no training rows)`; default the
            task's own name.
        backbone_learns: whether the backbone learns along, as in the full fine-tuning reference run.
        notes: further facts by entry and label.

    Returns:
        Lines without a newline at the end.

    Example:
        >>> from toolkit.composition import parse
        >>> from toolkit.composition.stages import plan
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
        facts = {} if stage.entry == stage.trained_as else {"trained as": stage.trained_as}
        if stage.merge is not None:
            facts |= {
                "merges": ", ".join(stage.member(name) for name in stage.merge.leaves()) + " (computed, no rows)",
                "makes": _listed(stage, stage.learn, False),
            }
        else:
            facts |= {
                "trains on": " + ".join(name_rows(task) for task in stage.tasks),
                "learns": _listed(stage, stage.learn, backbone_learns),
            }
        if stage.warm_start is not None:
            facts["starts from"] = stage.warm_start
        facts["frozen"] = _listed(stage, stage.frozen, not backbone_learns) or "nothing"
        facts |= (notes or {}).get(stage.entry, {})
        indent = " " * (len(str(number)) + 4)
        lines.append(f"{number}. {stage.entry}")
        lines += [f"{indent}{label:<13}{fact}" for label, fact in facts.items()]
    return "\n".join(lines)


def _listed(stage: Stage, listed: Iterable[Part], with_backbone: bool) -> str:
    learnt = set(stage.learn)
    titles = [
        f"{part.kind} {_title(part, stage)}"
        + (" (a copy)" if part in learnt and part.entry != stage.trained_as else "")
        for part in listed
    ]
    return ", ".join((["the backbone"] if with_backbone else []) + titles)


def _title(part: Part, stage: Stage) -> str:
    """Return what a reader calls a part; a fusion is the circuit up to its block, whatever it was trained under."""
    is_own = part.entry == stage.trained_as
    if part.kind == "head":
        return stage.heads[part.name][1] if is_own else part.name
    chain = parse(stage.entry).chain if is_own else stage.circuit.entries[part.entry].chain
    return str(Chain(chain.units[:-1]) if part.kind == "fusion" and chain.units[-1].is_leaf else chain)
