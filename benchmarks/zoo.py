"""Benchmark of large zoos: processor time of listing, of checking a large card, and of the gallery of a chain.

    python benchmarks/zoo.py --quick --json OUT    # a tenth of the entries, within a minute
    python benchmarks/zoo.py --json OUT            # 10,000 entries

`list`: seconds of processor time of `xstilts zoo list` with 10,000 entries whose cards were checked before, the start of Python
included, over the target of 2 (below 1: faster). `list_first` is the same command when no card was checked before.
`large_card`: seconds for checking a zoo with a card of 1.4 MB that names 15,000 missing parents, over the target of 5.
`gallery`: seconds an entry for the gallery of a chain of three times the entries, over the seconds an entry (1: linear).
`gallery_bytes`: the same of the bytes written.

The entries are made by `tests/zoo/large.py`; all times are processor time, because the disk is not what is measured.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import write

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.zoo.cards import resealed  # noqa: E402
from tests.zoo.large import make  # noqa: E402

LIST_S, CARD_S, PARENTS = 2.0, 5.0, 15_000


def processor_s(*words: str, cache: Path) -> float:
    """Return the processor time of a command of the zoo."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "XSTILTS_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(PROJECT / "cli.py"), "zoo", *words]
    subprocess.run(command, env=environment, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def listing(root: Path, number: int) -> dict[str, float]:
    """Return the times of the first and of later lists of so many entries."""
    make(root / "zoo", number)
    words = ("list", "--zoo", str(root / "zoo"))
    first = processor_s(*words, cache=root / "cache")
    processor_s(*words, cache=root / "cache")  # keeps what was too young
    return {"first_s": first, "later_s": min(processor_s(*words, cache=root / "cache") for _ in range(3))}


def large_card(root: Path) -> dict[str, float]:
    """Return the time of checking a card with thousands of parents that the zoo lacks."""
    make(root / "zoo", 3)
    parents = [{"name": f"p{n}", "digest": f"{n:064x}"} for n in range(PARENTS)]
    resealed(root / "zoo" / "tiny" / "task1", lambda values: values.update(parents=parents))
    size = (root / "zoo" / "tiny" / "task1" / "card.yaml").stat().st_size
    return {"megabytes": size / 1e6, "s": processor_s("verify", "--zoo", str(root / "zoo"), cache=root / "cache")}


def gallery(root: Path, number: int) -> dict[str, float]:
    """Return time and bytes of the gallery of a chain of so many entries."""
    make(root / "zoo", number, is_chain=True)
    out = root / "out"
    seconds = processor_s("site", "--out", str(out), "--zoo", str(root / "zoo"), cache=root / "cache")
    return {"entries": number, "s": seconds, "bytes": sum(path.stat().st_size for path in out.iterdir())}


def main() -> None:
    """Measure, and write the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, required=True)
    asked = parser.parse_args()
    number = 1000 if asked.quick else 10_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        listed = listing(root / "list", number)
        card = large_card(root / "card")
        short = gallery(root / "short", 300 if asked.quick else 712)
        long = gallery(root / "long", 3 * int(short["entries"]))
    per_entry = {key: (long[key] / long["entries"]) / (short[key] / short["entries"]) for key in ("s", "bytes")}
    ratios = {
        "list": listed["later_s"] / LIST_S,
        "list_first": listed["first_s"] / LIST_S,
        "large_card": card["s"] / CARD_S,
        "gallery": per_entry["s"],
        "gallery_bytes": per_entry["bytes"],
    }
    details = {"entries": number, "list_s": listed, "card": card, "chains": [short, long]}
    write(asked.json, ratios=ratios, details=details)
    print({name: round(ratio, 3) for name, ratio in ratios.items()}, details)


if __name__ == "__main__":
    main()
