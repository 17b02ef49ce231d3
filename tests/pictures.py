"""Pictures drawn once: drawing takes as long as an evaluation of the tiny backbone, and `tests/report` tests what they show."""

from __future__ import annotations

import io
import sys
from typing import Any, BinaryIO

import pytest

_drawn: dict[tuple[object, str], bytes] = {}


def drawn_once(patch: pytest.MonkeyPatch) -> None:
    """Draw the first picture that a function of `toolkit/report` makes, and write the same one for its others."""
    from matplotlib.figure import Figure

    draw = Figure.savefig

    def savefig(figure: Figure, file: BinaryIO, *, format: str, **options: Any) -> None:
        kind = sys._getframe(2).f_code, format  # who called `plots.save`
        if kind not in _drawn:
            picture = io.BytesIO()
            draw(figure, picture, format=format, **options)
            _drawn[kind] = picture.getvalue()
        file.write(_drawn[kind])

    patch.setattr(Figure, "savefig", savefig)


def never_drawn() -> None:
    """Write empty files for all pictures of this process: a sweep's worker, whose pictures nobody looks at."""
    from matplotlib.figure import Figure

    Figure.savefig = lambda *_, **__: None
