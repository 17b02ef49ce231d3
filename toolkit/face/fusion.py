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
    from toolkit.recipes.fusion.storing import Storing


class Placing(Telling, total=False):
    """Where the new entry goes: `name` is its own; `replace` puts it in place of an entry of that name, `force` even where
    others were trained on that one. `report` and `say` as everywhere.
    """

    name: str | None
    replace: bool
    force: bool


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

    session = open_session(config, tell)
    return run(session.spelled(expr), session, task=task, languages=languages, lock=lock)


def prune(
    expr: str,
    config: Config,
    *,
    keep: int,
    task: str | None = None,
    languages: str | Sequence[str] = "all",
    **options: Unpack[Placing],
) -> Cheaper:
    """Drop the members of a fusion that get the least attention, one at a time; the result is a new entry of the zoo.

    Args:
        expr: composition that ends in a fusion, or in a fusion and the leaf trained with it.
        config: resolved configuration.
        keep: members that stay, at least two.
        task: task whose rows are scored; None: the head's.
        languages: as for `evaluate`.
        options: `name` (None: the leaf's or head's with `-pruned`), `replace`, `force`, `report` and `say`, see `Placing`.
    """
    from toolkit.recipes.fusion.prune import prune as run

    session = open_session(config, options)
    return run(session.spelled(expr), session, keep=keep, task=task, languages=languages, storing=_storing(options))


def collapse(
    expr: str,
    config: Config,
    *,
    text: Path | None = None,
    task: str | None = None,
    languages: str | Sequence[str] = "all",
    **options: Unpack[Placing],
) -> Cheaper:
    """Distil a composition into one ordinary adapter on rows whose labels are not read.

    Args:
        expr: composition whose entries the zoo holds; a fusion, an average or a stack.
        config: resolved configuration; `train` says how long and how fast.
        text: a file with a sentence a line, in place of the task's training rows.
        task, languages: as for `prune`.
        options: `name` (None: the head's with `-collapsed`), `replace`, `force`, `report` and `say`, see `Placing`.
    """
    from toolkit.recipes.fusion.collapse import collapse as run

    session = open_session(config, options)
    return run(
        session.spelled(expr),
        session,
        text_file=text,
        task=task,
        languages=languages,
        storing=_storing(options),
    )


def _storing(options: Placing) -> Storing:
    from toolkit.recipes.fusion.storing import Storing

    return Storing(options.get("name"), options.get("replace", False), options.get("force", False))
