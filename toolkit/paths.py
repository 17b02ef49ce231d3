"""Paths as users write them: `~` is the user's folder."""

from __future__ import annotations

from pathlib import Path


def at_home(path: str | Path) -> Path:
    """Return a path with the user's folder in place of `~`; a name that begins with `~` without such a user stays as it is.

    Example:
        >>> at_home("~nobody-of-this-name/rows.csv").as_posix()
        '~nobody-of-this-name/rows.csv'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
