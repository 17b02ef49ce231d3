"""Verbs that look round: `doctor`, `demo`, `try_page` and `track_sync`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from toolkit.face.shared import Listing, Telling, listing, open_session
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


class Page(Telling, total=False):
    """How `try_page` listens and remembers, where not as usual, and where it reports to.

    `host`, `port`: to listen on, port 0 one that is free. `models`: that are open at once, each with a backbone of its own.
    """

    host: str
    port: int
    models: int


def try_page(exprs: Sequence[str] = (), config: Config | None = None, **options: Unpack[Page]) -> Listing:
    """Serve a local page on which trained compositions answer texts of one's own, until Ctrl-C ends it.

    Args:
        exprs: compositions that are chosen at first; none: those that answer the first task.
        config: resolved configuration; None: the defaults.
        options: `host` (127.0.0.1), `port` (8080), `models` (4), `report` and `say`, which gets the address.

    Raises:
        ToolkitError: the optional package of the page is not installed, or the port is taken.
    """
    from toolkit.config import load
    from toolkit.recipes.answer.page.desk import MODELS, Desk
    from toolkit.recipes.answer.page.offers import first_zoo
    from toolkit.recipes.answer.page.serve import require_package, serve

    require_package()
    session = open_session(load(None, (), {}) if config is None else config, options)
    chosen = tuple(session.spelled(each) for each in exprs)
    if found := first_zoo(session):
        session.say(found)
    desk = Desk(session, models=options.get("models", MODELS))
    serve(desk, chosen, host=options.get("host", "127.0.0.1"), port=options.get("port", 8080), tell=session.say)
    what = "1 question was" if desk.asked == 1 else f"{desk.asked:,} questions were"
    return listing([{"questions": desk.asked}], lines=[f"{what} answered."])


def track_sync(folder: Path = Path()) -> Listing:
    """Upload the runs in the spool of a folder: of killed commands, and of a tracking server that was away."""
    from toolkit.tracking import sync

    n = sync(Path(folder))
    return listing([{"runs": n}], lines=[f"{n} run{'' if n == 1 else 's'} uploaded."])
