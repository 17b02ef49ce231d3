"""Grid of a sweep: the rows that its axes ask for, and a cell for each row, target, seed and setting."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from toolkit.composition import parse
from toolkit.errors import ConfigError
from toolkit.registry import unknown
from toolkit.sweeps.values import Axis, Cell, Group, Method, Texts

TARGET = "{target}"
BASELINE = "baseline"
MAX_CELLS = 20_000

ROW_AXES: tuple[Axis, ...] = get_args(Axis)
"""Axes that add rows to the table; every row is combined with every target, seed and point of `settings`."""
AXES = (*ROW_AXES, "targets", "seeds", "settings")

METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class Row:
    """A row of the table: its composition with `{target}` in the target's place."""

    label: str
    group: Group
    method: Method | Literal["given"]
    members: tuple[str, ...]
    template: str


def template(method: Method, members: Sequence[str]) -> str:
    """Return the composition of members under a target.

    Example:
        >>> template("stack", ["a", "b"]), template("seq", ["a", "b"]), template("warm", ["a", "b"])
        ('a/b/{target}', 'seq[a,b]/{target}', 'seq[a,b,{target}]')
        >>> template("fuse", ["a"])
        'a/{target}'
    """
    if method == "warm":
        return f"seq[{','.join((*members, TARGET))}]"
    if method == "stack" or len(members) == 1:
        return "/".join((*members, TARGET))
    return f"{method}[{','.join(members)}]/{TARGET}"


def rows_of(axis: Axis, sets: Mapping[str, Sequence[str]], methods: Sequence[str], *, task: str = "") -> list[Row]:
    """Return the rows of named member sets, put together in each of the methods.

    Args:
        axis: the axis that they come from; the members of `sources` are languages.
        sets: members by label.
        methods: of `METHODS`; with several, a row's label names its method.
        task: the task that `sources` are languages of; empty: the target.

    Example:
        >>> [row.template for row in rows_of("sources", {"en+sw": ["en", "sw"]}, ["mix"])]
        ['mix[{target}.en,{target}.sw]']
    """
    found = []
    for name in methods:
        if name not in METHODS:
            raise unknown("method", name, METHODS, error=ConfigError)
        method = METHODS[METHODS.index(name)]
        for label, members in sets.items():
            shown = f"{label} ({method})" if len(methods) > 1 else label
            if axis == "sources":
                of = [f"{task or TARGET}.{language}" for language in members]
                whole = template(method, of).removesuffix(f"/{TARGET}") if not task else template(method, of)
                found.append(Row(shown, axis, method if len(members) > 1 else "stack", tuple(members), whole))
            else:
                found.append(Row(shown, axis, method, tuple(members), template(method, members)))
    return found


def permutations(members: Sequence[str], lengths: Sequence[int]) -> dict[str, tuple[str, ...]]:
    """Return every order of members, by its label.

    Example:
        >>> list(permutations(["a", "b", "c"], [3]))[:2]
        ['a > b > c', 'a > c > b']
    """
    count = sum(math.perm(len(members), length) for length in lengths)
    if count > MAX_CELLS:
        raise too_large(count, "orders")
    return {" > ".join(order): order for length in lengths for order in itertools.permutations(members, length)}


def combinations(members: Sequence[str], sizes: Sequence[int], joint: str = "+") -> dict[str, tuple[str, ...]]:
    """Return every choice of members of the given sizes, by its label.

    Example:
        >>> list(combinations(["en", "sw", "ko"], [1, 2]))
        ['en', 'sw', 'ko', 'en+sw', 'en+ko', 'sw+ko']
    """
    count = sum(math.comb(len(members), size) for size in sizes)
    if count > MAX_CELLS:
        raise too_large(count, "choices")
    return {joint.join(some): some for size in sizes for some in itertools.combinations(members, size)}


def cells_of(
    rows: Sequence[Row],
    targets: Mapping[str, str],
    seeds: Sequence[int],
    variants: Mapping[str, Texts],
    *,
    baseline: str,
    is_retrieved: Callable[[str], bool],
) -> tuple[list[Cell], list[str]]:
    """Multiply rows by targets, seeds and points of `settings`.

    Args:
        rows: in the table's order.
        targets: languages by task.
        seeds: at least one.
        variants: settings by name; one empty name if the axis is not used.
        baseline: label of the row that others are compared with; empty: none.
        is_retrieved: whether a task is scored by retrieval, with a composition that has no part for the task itself.

    Returns:
        The cells, and sentences about combinations that were left out.

    Raises:
        ConfigError: two rows with the same label, an illegal composition, or too many cells.
    """
    count = len(rows) * len(targets) * len(seeds) * len(variants)
    if count > MAX_CELLS:
        raise too_large(count, "cells")
    seen: set[str] = set()
    for row in rows:
        if row.label in seen:
            raise ConfigError(
                f"Two rows of the grid have the label '{row.label}'; give each its own label (`LABEL: [...]`)."
            )
        seen.add(row.label)
    cells: list[Cell] = []
    left_out: dict[str, None] = {}
    for variant, texts in variants.items():
        for seed in seeds:
            for row in rows:
                for target, languages in targets.items():
                    text = _at(row, target, is_retrieved(target))
                    if text is None:
                        left_out[f"'{row.label}' on {target}: a task is not stacked on itself."] = None
                        continue
                    name = " | ".join([row.label, target, f"seed {seed}", *([variant] if variant else [])])
                    cells.append(
                        Cell(
                            name=name,
                            row=row.label,
                            group=row.group,
                            method=row.method,
                            members=row.members,
                            composition=str(parse(text)),
                            task=target,
                            languages=languages,
                            seed=seed,
                            variant=variant,
                            is_baseline=row.label == baseline,
                            settings=dict(texts),
                        )
                    )
    return cells, list(left_out)


def too_large(count: int, what: str) -> ConfigError:
    """Return the error for a grid that is too large."""
    return ConfigError(f"The grid has {count:,} {what}; at most {MAX_CELLS:,} are taken; name fewer members.")


def _at(row: Row, target: str, is_retrieved: bool) -> str | None:
    """Return a row's composition for a target; None if it would stack the target on itself."""
    if is_retrieved:
        if row.template == TARGET:
            return "backbone"
        # Sentence vectors come from the parts below the target: no part is trained for the retrieval itself.
        without = row.template.removesuffix(f"/{TARGET}").replace(f",{TARGET}]", "]")
        if TARGET in without:
            raise ConfigError(
                f"'{row.template}' learns from the rows of {target}, which has none: it is scored by retrieval; leave "
                f"'{target}' out of the targets, or the row '{row.label}' out."
            )
        return _without_single_blocks(without)
    if row.method in ("stack", "seq", "warm") and row.group != "sources" and target in row.members:
        return None
    return row.template.replace(TARGET, target)


def _without_single_blocks(text: str) -> str:
    """Return `a` for `seq[a]`, which is `seq[a,{target}]` without its target."""
    inside = text.removeprefix("seq[").removesuffix("]")
    return inside if text.startswith("seq[") and "," not in inside else text
