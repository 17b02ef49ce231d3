"""Benchmark of fetching: `python benchmarks/fetch.py [--quick] [--slow SECONDS] --json OUT`.

`fetch_xtreme`: seconds of `tasks fetch --suite xtreme` into an empty mirror from the imitation of the hub in the tests, over those of the
same fetch with one request after another. Each answer of the hub takes 0.2 s. The two take turns; below 1 is faster. Every file
is checked in both.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from measure import interleaved, median, write

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.hub import serve
from tests.hub.catalogue import catalogue_hub
from toolkit.face.fetch import suite_tasks
from toolkit.tasks import BUILT_IN
from toolkit.tasks.fetch import fetch
from toolkit.tasks.mirror.stream import AT_ONCE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one repetition, two languages")
    parser.add_argument("--slow", type=float, default=0.2, metavar="SECONDS", help="what each answer takes")
    parser.add_argument("--json", type=Path, required=True)
    asked = parser.parse_args()
    languages = ["de", "sw"] if asked.quick else None
    tasks = [BUILT_IN.get(name) for name in suite_tasks("xtreme", BUILT_IN)[0]]
    hub = catalogue_hub()
    counts: dict[str, int] = {}
    with serve(hub) as address, tempfile.TemporaryDirectory() as cache:
        os.environ["XSTILTS_CACHE"] = cache

        def run(at_once: int) -> None:
            with tempfile.TemporaryDirectory() as folder:
                found = list(fetch(tasks, Path(folder), languages=languages, endpoint=address, at_once=at_once))
                counts.update(files=sum(one.downloaded for one in found), datasets=len(found))

        run(AT_ONCE)  # the hub makes its repositories when they are asked for first
        hub.slow_s = asked.slow
        ways = {"one_by_one": lambda: run(1), "together": lambda: run(AT_ONCE)}
        seconds = interleaved(ways, 1 if asked.quick else 3)
    medians = {name: median(each) for name, each in seconds.items()}
    ratio = medians["together"] / medians["one_by_one"]
    print(
        f"{counts['files']} files of {counts['datasets']} datasets: "
        + ", ".join(f"{k} {v:.1f} s" for k, v in medians.items())
    )
    print(f"fetch_xtreme {ratio:.3f}")
    write(asked.json, ratios={"fetch_xtreme": ratio}, details={"seconds": seconds, **counts, "slow_s": asked.slow})


if __name__ == "__main__":
    main()
