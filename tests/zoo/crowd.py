"""Many writers of one zoo, and writers that are killed: each run in a process of its own, so that forks are cheap and clean.

python -m tests.zoo.crowd writers 10 60    # ten processes for a minute
python -m tests.zoo.crowd kills 200        # pushes and pulls killed at random moments, folder and object store

Prints a JSON line of figures; exits with 1 where anything was lost or half-visible.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from tests.zoo.cards import card, weights, wide
from toolkit.errors import ZooError
from toolkit.zoo import Parent, Zoo
from toolkit.zoo.share.address import open_place
from toolkit.zoo.share.share import pull, push

# -- many writers ---------------------------------------------------------------------------------------------------------


def write_for(root: Path, number: int, seconds: float) -> dict[str, Any]:
    """Put, replace, pull, push, update, remove and list in one zoo until the time is over; return what must be there."""
    chance, zoo, other = random.Random(number), Zoo(root / "zoo"), Zoo(root / f"own{number}")
    must: dict[str, str] = {}
    done = {"put": 0, "replace": 0, "pull": 0, "push": 0, "update": 0, "remove": 0, "list": 0}
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end or not all(done.values()):
        n += 1
        name, what = f"w{number}-n{n}", chance.choice(list(done))
        if what == "put":
            must[name] = zoo.put(card(name), weights(n)).digest
        elif what == "replace":
            zoo.put(card("shared"), weights(chance.randrange(10**6)), replace=True)
        elif what in ("pull", "push"):
            # The same parent comes with the adapters of all ten.
            parent = other.put(card("parent"), weights(0))
            held = other.put(card(f"parent/{name}", parents=(Parent("parent", parent.digest),)), weights(n))
            if what == "pull":
                pull(zoo, str(other.root), held.name)
            else:
                push(other, held, str(zoo.root))
            must |= {held.name: held.digest, "parent": parent.digest}
        elif what == "update" and must:
            held = zoo.get(chance.choice(sorted(must)), "tiny")
            zoo.update(held)
        elif what == "remove" and (own := [one for one in must if one.startswith("w")]):
            zoo.remove(own[0], "tiny")
            del must[own[0]]
        elif what == "list":
            damaged: list[str] = []
            found = {one.name: one.digest for one in zoo.list(damaged=damaged)}
            assert not damaged, damaged[0]
            assert must.items() <= found.items(), set(must) - set(found)
        else:
            continue
        done[what] += 1
    return {"must": must, "done": done}


def writers(number: int, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        Zoo(root / "zoo").put(card("shared"), weights(1))
        children = []
        for one in range(number):
            child = os.fork()
            if child == 0:
                try:
                    (root / f"log{one}.json").write_text(json.dumps(write_for(root, one, seconds)))
                    os._exit(0)
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
            children.append(child)
        failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
        zoo = Zoo(root / "zoo")
        damaged: list[str] = []
        found = {one.name: one.digest for one in zoo.list(damaged=damaged)}
        lost, done = 0, dict.fromkeys(("put", "replace", "pull", "push", "update", "remove", "list"), 0)
        for one in range(number):
            if (log := root / f"log{one}.json").exists():
                told = json.loads(log.read_text())
                lost += sum(found.get(name) != digest for name, digest in told["must"].items())
                done = {what: done[what] + told["done"][what] for what in done}
        strays = [path.name for path in (root / "zoo" / "tiny").iterdir() if path.name.startswith((".new", ".old"))]
        return {
            "writers": number,
            "seconds": seconds,
            "operations": sum(done.values()),
            **done,
            "entries": len(found),
            "failed": failed,
            "lost": lost,
            "faults": len(zoo.faults()) + len(damaged) + len(strays),
        }


# -- writers that are killed ----------------------------------------------------------------------------------------------


def forked(work: Any, kill_after_s: float | None = None) -> int:
    """Run `work` in a fork; kill it after so many seconds; return its exit status, or minus the signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def whole(place: str, folder: Path) -> int:
    """Pull everything that is visible at a place into a new zoo, which checks it all; return how many entries there are."""
    there = open_place(place)
    if there.local is not None:
        assert Zoo(there.local).faults() == []
    if there.local is not None and not there.local.is_dir():
        return 0
    names = [found.name for found, _ in there.cards()]
    seen = Zoo(folder)
    for name in names:
        pull(seen, place, name)
    assert seen.faults() == [] and len(seen.list()) == len(names)
    return len(names)


def kills(number: int) -> dict[str, Any]:
    from tests.zoo.share.test_share_kill import STORE

    exec(STORE, {})
    chance = random.Random(0)
    found = {"kills": 0, "ran_through": 0, "invisible": 0, "partly": 0, "all": 0}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        zoo = Zoo(root / "zoo")
        mnli = zoo.put(*wide("mnli", reduction_factor=5))  # 1.6 MB: room to be killed in
        zoo.put(*wide("mnli/squad", 1, reduction_factor=5, parents=(Parent("mnli", mnli.digest),)))
        round_ = 0
        while found["kills"] < number:
            round_ += 1
            verb, kind = chance.choice(["push", "pull"]), chance.choice(["folder", "store"])
            here = root / f"round{round_}"
            here.mkdir()
            place = str(here / "place") if kind == "folder" else f"store://{here}/place"
            taker = Zoo(here / "taker")
            if verb == "pull":
                push(zoo, zoo.get("mnli/squad", "tiny"), place)

            def work(verb: str = verb, place: str = place, taker: Zoo = taker) -> None:
                if verb == "push":
                    push(zoo, zoo.get("mnli/squad", "tiny"), place)
                else:
                    pull(taker, place, "mnli/squad")

            for attempt in range(4):  # on what the ones before left
                ended = forked(work, kill_after_s=chance.uniform(0.0, 0.05))
                found["kills" if ended == -signal.SIGKILL else "ran_through"] += 1
                assert ended in (0, -signal.SIGKILL), "a writer failed on what a killed one had left"
                assert zoo.faults() == [] and taker.faults() == []
                held = whole(place, here / f"seen{attempt}") if verb == "push" else len(taker.list())
                found[["invisible", "partly", "all"][held]] += 1
                if held == 2 and ended == 0:
                    break
            assert forked(work) == 0
            if verb == "push":
                pull(taker, place, "mnli/squad")
            assert taker.faults() == [] and [one.digest for one in taker.list()] == [one.digest for one in zoo.list()]
            assert not list((taker.root / "tiny").glob(".new*")), (
                "what was left half done is cleared by the next writer"
            )
    return found


def main(arguments: list[str]) -> int:
    try:
        found = (
            writers(int(arguments[1]), float(arguments[2])) if arguments[0] == "writers" else kills(int(arguments[1]))
        )
    except (AssertionError, ZooError):
        traceback.print_exc()
        return 1
    print(json.dumps(found))
    return int(bool(found.get("lost") or found.get("faults") or found.get("failed")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
