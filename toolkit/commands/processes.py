"""Commands in several processes, which `torchrun` starts: which can, and how they end together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from toolkit.errors import ToolkitError
from toolkit.ranks import Ranks, is_first_to_end, part

SHARED = ("train", "fuse", "eval", "retrieve", "mine")
_OF_FUSE = ("prune", "--suggest")


def require_shared(words: Sequence[str]) -> None:
    """Raise where several processes were started for a command that works in one.

    Args:
        words: of the command line, without the program's name.
    """
    count = Ranks.told().count
    if count == 1:
        return
    name = next((word for word in words if not word.startswith("-")), "")
    also = next((word for word in words if name == "fuse" and word.partition("=")[0] in _OF_FUSE), "")
    if name not in SHARED or also:
        raise ToolkitError(
            f"`{f'{name} {also}'.strip()}` works in one process, and {count} were started; leave `torchrun` out (several "
            f"processes share the work of {', '.join(SHARED[:-1])} and {SHARED[-1]})."
        )


@contextmanager
def one_of_several() -> Iterator[None]:
    """Let the others know how this process ends; alone, do nothing.

    A fault of ours keeps its traceback in the process where it happened, and the others add none.
    """
    if Ranks.told().count == 1:
        yield
        return
    # The library's own words about connections that close; it reads this when it is imported.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        yield
    except (click.exceptions.Exit, click.ClickException, click.Abort):
        raise
    except Exception:
        if is_first_to_end():
            raise
        raise SystemExit(1) from None
    finally:
        part()
