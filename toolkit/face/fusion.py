"""Journeys into a fusion: `attention`, `prune` and `collapse`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from toolkit.face.shared import Telling, open_session

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.fusion.attention import Attention
    from toolkit.recipes.fusion.cost import Cheaper


def attention(
    expr: str,
    config: Config,
    *,
    task: str,
    languages: str | Sequence[str] = "all",
    lock: Path | None = None,
    **tell: Unpack[Telling],
) -> Attention:
    """Measure how the fusions of a composition divide their attention: by member, language, layer and class of token.

    Args:
        expr: composition with a fusion, whose entries the zoo holds.
        config: resolved configuration; `eval.limit` rows a language.
        task: task whose rows are read.
        languages: as for `evaluate`.
        lock: a lock file; anything but the weights that it pins is refused.
        tell: `report` and `say`.
    """
    from toolkit.recipes.fusion.attention import attention as run

    return run(expr, open_session(config, tell), task=task, languages=languages, lock=lock)


def prune(
    expr: str,
    config: Config,
    *,
    keep: int,
    task: str | None = None,
    languages: str | Sequence[str] = "all",
    replace: bool = False,
    **tell: Unpack[Telling],
) -> Cheaper:
    """Drop the members of a fusion that get the least attention, one at a time; the result is a new entry of the zoo.

    Args:
        expr: composition that ends in a fusion, or in a fusion and the leaf trained with it.
        config: resolved configuration.
        keep: members that stay, at least two.
        task: task whose rows are scored; None: the head's.
        languages: as for `evaluate`.
        replace: put the result in place of an entry of the new name.
        tell: `report` and `say`.
    """
    from toolkit.recipes.fusion.prune import prune as run

    return run(expr, open_session(config, tell), keep=keep, task=task, languages=languages, replace_entry=replace)


def collapse(
    expr: str,
    config: Config,
    *,
    name: str | None = None,
    text: Path | None = None,
    task: str | None = None,
    languages: str | Sequence[str] = "all",
    replace: bool = False,
    **tell: Unpack[Telling],
) -> Cheaper:
    """Distil a composition into one ordinary adapter on rows whose labels are not read.

    Args:
        expr: composition whose entries the zoo holds; a fusion, an average or a stack.
        config: resolved configuration; `train` says how long and how fast.
        name: name of the new adapter; None: the head's with `-collapsed`.
        text: a file with a sentence a line, in place of the task's training rows.
        task, languages, replace, tell: as for `prune`.
    """
    from toolkit.recipes.fusion.collapse import collapse as run

    return run(
        expr,
        open_session(config, tell),
        name=name,
        text_file=text,
        task=task,
        languages=languages,
        replace_entry=replace,
    )
