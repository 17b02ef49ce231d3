"""Cache folder: converted checkpoints and tokenised rows, which can be made again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """Return the cache folder: `XSTILTS_CACHE`, else `~/.cache/xstilts`."""
    return Path(os.environ.get("XSTILTS_CACHE") or Path.home() / ".cache" / "xstilts").expanduser()
