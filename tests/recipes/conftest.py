"""Workers of a sweep are forked with everything imported; those of a command that is started as a process are not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests import zygote


@pytest.fixture(scope="session", autouse=True)
def _forked_workers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        forked = SimpleNamespace(PIPE=subprocess.PIPE, Popen=zygote.Popen)
        patch.setattr("toolkit.recipes.sweep.pool.subprocess", forked)
        yield
