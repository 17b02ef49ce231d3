"""The long soak: `python -m tests.soak --signals 200 --seed 0`; its figures are in `docs/reliability.md`."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def main() -> int:
    """Run the soak, print what was done, and return 1 where something was not as promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--signals", type=int, default=0, metavar="N", help="signals to send")
    parser.add_argument(
        "--files", type=int, default=0, metavar="N", help="damaged files to give; -1: each for each door"
    )
    parser.add_argument(
        "--options", type=int, default=0, metavar="N", help="hostile values to give; -1: all that are drawn"
    )
    parser.add_argument("--each", type=int, default=3, metavar="N", help="values drawn for each option")
    parser.add_argument("--disks", type=int, default=0, metavar="N", help="times to fill each folder")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="file of the figures")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="journeys with this in their name")
    parser.add_argument("--seed", type=int, default=None, help="of everything that is drawn; default: a new one")
    parser.add_argument("--no-server", action="store_true", help="every run goes to the database of its folder")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 20)
    print(f"seed {seed}", flush=True)
    # Before any library reads them.
    os.environ.update(HF_HUB_OFFLINE="1", MLFLOW_DISABLE_TELEMETRY="true", TOKENIZERS_PARALLELISM="false")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    root = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        return _soak(root, seed, given)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _soak(root: Path, seed: int, given: argparse.Namespace) -> int:
    from contextlib import ExitStack

    from tests import zygote
    from tests.hub.catalogue import LAYOUT, catalogue_hub
    from tests.hub.server import serve
    from tests.soak.disks import PLACES, Disks
    from tests.soak.inputs.give import Inputs
    from tests.soak.journeys import JOURNEYS
    from tests.soak.proxy import mlflow_server, proxied
    from tests.soak.signals import Soak, Tracking
    from tests.soak.world import worlds

    zygote.live_in(root)
    zygote.start()
    began = time.monotonic()
    with ExitStack() as stack:
        tracking = None
        if given.signals and not given.no_server:
            at = stack.enter_context(mlflow_server(root / "server"))
            tracking = Tracking(root / "server" / "server.db", stack.enter_context(proxied(at)), at)
        world = stack.enter_context(worlds(root / "world"))
        hub = stack.enter_context(serve(catalogue_hub(LAYOUT, n=8))) if given.signals else ""
        soak = Soak(world, tracking, seed=seed, journeys=_chosen(JOURNEYS, given.only), hub=hub)
        for line in soak.rounds(given.signals):
            print(line, flush=True)
        inputs, disks = Inputs(world, seed=seed), Disks(world, seed=seed)
        for line in chain(
            inputs.files(_count(given.files)),
            inputs.options(_count(given.options), each=given.each) if given.options else (),
            disks.fill(_chosen(PLACES, given.only), times=given.disks) if given.disks else (),
        ):
            print(line, flush=True)
    figures = {
        "seconds": round(time.monotonic() - began),
        "signals": soak.report,
        "inputs": inputs.told,
        "disks": disks.filled,
    }
    text = json.dumps({"seed": seed, **figures}, indent=1, default=vars)
    if given.json:
        given.json.write_text(text)
    print(text)
    return int(any(one.faults for one in (soak.report, inputs.told, disks.filled)))


def _count(asked: int) -> int | None:
    return None if asked < 0 else asked


def _chosen(all_of: Sequence[N], only: Sequence[str]) -> list[N]:
    return [one for one in all_of if not only or any(text in one.name for text in only)]


if __name__ == "__main__":
    sys.exit(main())
