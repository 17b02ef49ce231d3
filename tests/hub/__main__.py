"""Serve the catalogue's datasets and some language adapters: `python -m tests.hub [--port N] [--slow S] [ID=STATE ...]`, until it is stopped."""

from __future__ import annotations

import argparse
import time
from typing import Any, cast, get_args

from tests.hub.adapters import adapter_repositories
from tests.hub.catalogue import LAYOUT, State, catalogue_hub
from tests.hub.server import serve


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.hub", description="Serve the catalogue's datasets and some language adapters."
    )
    parser.add_argument("states", nargs="*", metavar="ID=STATE", help=f"one of {', '.join(get_args(State))}")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--slow", type=float, default=0.0, metavar="SECONDS", help="what each answer takes")
    parser.add_argument("--rows", type=int, default=24, help="rows of a split and language")
    asked = parser.parse_args()
    states: dict[str, Any] = dict(each.split("=") for each in asked.states)
    hub = catalogue_hub(cast("dict[str, State]", {**LAYOUT, **states}), n=asked.rows)
    hub.models = adapter_repositories()
    hub.slow_s = asked.slow
    with serve(hub, asked.port) as address:
        print(f"export HF_ENDPOINT={address}", flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
