"""All journeys are cheap."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _cheap(cheap_journeys: None) -> None:
    """Use `cheap_journeys` in every file of this folder."""
