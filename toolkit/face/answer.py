"""Answers for rows of one's own: `load`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from toolkit.errors import ConfigError
from toolkit.face.shared import Telling, open_session

if TYPE_CHECKING:
    from toolkit.config import Config
    from toolkit.recipes.answer.model import Model


class Loading(Telling, total=False):
    """Settings that `load` takes in the place of a configuration, and where it reports to.

    `backbone`, `zoo` and `data_root` as in `toolkit.configure`; `sets`: texts `section.key=value`.
    """

    backbone: str
    zoo: str | Path
    data_root: str | Path
    sets: Sequence[str]


def load(
    expr: str,
    config: Config | None = None,
    *,
    task: str | None = None,
    lock: Path | None = None,
    **settings: Unpack[Loading],
) -> Model:
    """Load a trained composition, to answer rows and encode texts of one's own.

    Args:
        expr: composition whose entries the zoo holds, or `backbone` for vectors alone.
        config: resolved configuration, see `toolkit.configure`; None: the defaults with `settings`.
        task: whose rows are answered; None: the task that the composition's head was trained on.
        lock: a lock file; anything but the weights that it pins is refused.
        settings: `backbone`, `zoo`, `data_root` and `sets` in the place of a configuration; `report` and `say`.

    Returns:
        A context manager with `predict`, `logits`, `embed`, `module` and `tokenizer`.
    """
    from toolkit.config import load as resolve
    from toolkit.recipes.answer.load import load_model

    given = {
        "backbone.name": settings.get("backbone"),
        "zoo": settings.get("zoo"),
        "data_root": settings.get("data_root"),
    }
    given = {key: value for key, value in given.items() if value is not None}
    sets = tuple(settings.get("sets", ()))
    if config is None:
        config = resolve(None, sets, given)
    elif given or sets:
        raise ConfigError("Both a configuration and settings were given; give `config`, or the settings alone.")
    session = open_session(config, settings)
    return load_model(session.spelled(expr), session, task=task, lock=lock)
