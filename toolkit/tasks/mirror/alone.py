"""One process at a time fills a dataset of a mirror; the others wait for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from toolkit.errors import SourceError
from toolkit.files import held_alone
from toolkit.progress import Progress, Report

_LOCK = ".parts.lock"
_LOOK_S = 0.2


@contextmanager
def filled_alone(folder: Path, name: str, report: Report) -> Iterator[None]:
    """Wait until no other process fills a folder, and keep others out of it inside the block.

    Args:
        folder: of the dataset; made if it is not there.
        name: of the dataset, for the progress.
        report: progress callback.

    Raises:
        SourceError: the folder cannot be written.
    """
    what = f"wait for another fetch of {name}"
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            has_waited = False
            while not held.enter_context(held_alone(folder / _LOCK)):
                held.close()
                has_waited = True
                report(Progress(what, 0, 1))
                time.sleep(_LOOK_S)
        except OSError as error:
            raise SourceError(
                f"{folder} cannot be written ({error.strerror}); free space or choose another --out."
            ) from error
        if has_waited:
            report(Progress(what, 1, 1))
        yield
