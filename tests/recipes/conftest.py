"""What makes journeys cheap: workers of a sweep are forked, and pictures of a kind drawn once."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from tests import zygote


@pytest.fixture(scope="session", autouse=True)
def _forked_workers() -> Iterator[None]:
    """Fork the workers of a sweep with everything imported; those of a command that is started as a process are not."""
    with pytest.MonkeyPatch.context() as patch:
        forked = SimpleNamespace(PIPE=subprocess.PIPE, Popen=zygote.Popen)
        patch.setattr("toolkit.recipes.sweep.pool.subprocess", forked)
        yield


@pytest.fixture(scope="session", autouse=True)
def _pictures_drawn_once() -> Iterator[None]:
    """Draw the first picture that a function of `toolkit/report` makes, and give it for its others.

    Drawing takes as long as the whole evaluation of the tiny backbone; what pictures show is tested in `tests/report`.
    """
    from matplotlib.figure import Figure

    draw, drawn = Figure.savefig, dict[tuple[object, str], bytes]()

    def savefig(figure: Figure, file: BinaryIO, *, format: str, **options: Any) -> None:
        kind = sys._getframe(2).f_code, format  # who called `plots.save`
        if not os.environ.get("PYTEST_CURRENT_TEST", "").startswith("tests/recipes/"):
            draw(figure, file, format=format, **options)  # the fixture outlives this folder's tests
            return
        if kind not in drawn:
            picture = io.BytesIO()
            draw(figure, picture, format=format, **options)
            drawn[kind] = picture.getvalue()
        file.write(drawn[kind])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", savefig)
        yield
