"""Verbs that look round: `doctor`, `demo` and `track_sync`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from toolkit.face.shared import Listing, Telling, listing
from toolkit.results.result import Record

if TYPE_CHECKING:
    from toolkit.config import Config


def doctor(config: Config) -> Listing:
    """Return what is installed and which backbones and data can be reached, with the fix for what cannot."""
    from toolkit.recipes.look.doctor import examine

    findings = list(examine(config))

    def lines() -> Iterator[str]:
        for one in findings:
            yield f"{'ok  ' if one.is_well else 'FIX '}  {one.what}"
            if not one.is_well:
                yield f"      {one.fix}"

    rows: list[Record] = [{"what": one.what, "is_well": one.is_well, "fix": one.fix or None} for one in findings]
    return listing(rows, lines=list(lines()))


def demo(*, out: Path = Path("demo"), backbone: str = "embedded", **tell: Unpack[Telling]) -> Listing:
    """Train, stack, fuse, evaluate and retrieve on the embedded backbone and the micro-world, offline, in minutes.

    Args:
        out: folder of the demo's zoo, runs and MLflow store.
        backbone: the encoder.
        tell: `report` and `say`.
    """
    from toolkit.recipes.look.demo import demo as run

    text = run(Path(out), backbone=backbone, **tell)
    return listing([], lines=[text])


def track_sync(folder: Path = Path()) -> Listing:
    """Upload the runs in the spool of a folder: of killed commands, and of a tracking server that was away."""
    from toolkit.tracking import sync

    n = sync(Path(folder))
    return listing([{"runs": n}], lines=[f"{n} run{'' if n == 1 else 's'} uploaded."])
