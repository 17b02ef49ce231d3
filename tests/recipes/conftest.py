"""What makes journeys cheap: workers of a sweep are forked, and pictures of a kind are drawn once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace

import pytest

from tests import zygote
from tests.recipes.pictures import drawn_once


@pytest.fixture(scope="module", autouse=True)
def _cheap_journeys() -> Iterator[None]:
    """Fork the workers of a sweep with everything imported; those of a command that is started as a process are not."""
    worker = partial(zygote.Popen, first="tests.recipes.pictures:never_drawn")
    with pytest.MonkeyPatch.context() as patch:
        drawn_once(patch)
        patch.setattr("toolkit.recipes.sweep.pool.subprocess", SimpleNamespace(PIPE=subprocess.PIPE, Popen=worker))
        yield
