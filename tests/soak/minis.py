"""Ready mini sweeps once by processes of this machine and once by two workers that were started by hand: `python -m tests.soak.minis`.

Each sweep has few rows and the tiny backbone, so that it takes minutes. Its tables of scores have to be the same to the byte. Those
that need a mirror take that of `--data-root`, and are left out without one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from tests import PROJECT
from tests.nodes import nodes, tables

SETTINGS = {
    "backbone.name": "tiny",
    "backbone.precision": "fp32",
    "train.limit": "24",
    "train.eval_limit": "24",
    "train.epochs": "1",
    "eval.limit": "24",
    "retrieve.limit": "24",
}


def minis() -> dict[str, bool]:
    """Return the names of the ready mini sweeps, and whether each needs a mirror."""
    found = {}
    for path in sorted((PROJECT / "configs" / "sweep").glob("*-mini.yaml")):
        head = path.read_text(encoding="utf-8").partition("\n")[0]
        found[path.stem] = "--data-root" in head
    return found


def same_both_ways(name: str, root: Path, mirror: Path | None) -> list[str]:
    """Run a mini both ways and return the tables that differ, or are there only once, after a line that says how many there are."""
    grid = yaml.safe_load((PROJECT / "configs" / "sweep" / f"{name}.yaml").read_text(encoding="utf-8"))
    # What a grid fixes by its axes, or says in another way, is not given again.
    settings = dict(SETTINGS)
    if "total_examples" in grid.get("settings", {}).get("train", {}):
        settings["train.total_examples"] = settings.pop("train.limit")
    given = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    given += ["--data-root", str(mirror)] if mirror is not None else []
    home = root / name
    home.mkdir()
    command = [sys.executable, str(PROJECT / "cli.py"), "sweep", "run", name, *given, "--no-track"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "XSTILTS_CACHE": str(root / "cache"),
        "OMP_NUM_THREADS": "1",
    }

    def run(out: str, *where: str) -> None:
        done = subprocess.run(
            [*command, "--out", out, *where], cwd=home, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(
                f"{name} {' '.join(where)} ended with {done.returncode}:\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
            )

    run("here", "--workers", "2")
    with nodes(root / f"{name}-nodes", home, environment=environment) as cluster:
        run("by-hand", "--scheduler", cluster.address)
    here, by_hand = tables(home / "here"), tables(home / "by-hand")
    places = sorted(here.keys() | by_hand.keys())
    unlike = [place for place in places if here.get(place) != by_hand.get(place)]
    return [f"{name}: {len(places) - len(unlike)} of {len(places)} tables are the same", *unlike]


def main() -> int:
    """Run the sweeps that are named, or all; return 1 where a table differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.minis", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a ready mini sweep; default: all")
    parser.add_argument("--data-root", type=Path, help="a mirror, for those that need one")
    given = parser.parse_args()
    known = minis()
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"no mini sweep named {', '.join(unknown)}; known: {', '.join(known)}")
    faults = 0
    for name in given.names or list(known):
        if known[name] and given.data_root is None:
            print(f"{name}: left out, since it needs --data-root", flush=True)
            continue
        root, began = Path(tempfile.mkdtemp(prefix="minis-")), time.monotonic()
        try:
            first, *unlike = same_both_ways(name, root, given.data_root.absolute() if known[name] else None)
        finally:
            shutil.rmtree(root, ignore_errors=True)
        print(f"{first}, {time.monotonic() - began:.0f} s", *(f"    {place}" for place in unlike), sep="\n", flush=True)
        faults += bool(unlike)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
