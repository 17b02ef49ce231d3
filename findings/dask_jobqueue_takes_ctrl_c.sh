#!/usr/bin/env bash
# dask-jobqueue 0.9.0: importing it takes Ctrl-C away from the program: SIGINT ends it by `sys.exit()`, whatever handled it.
#
# `dask_jobqueue/runner.py` sets a handler at its top, "close gracefully when receiving a SIGINT", which is meant for
# programs that are started by its runners. `import dask_jobqueue` imports it. KeyboardInterrupt is never raised from then
# on, so that what a program does at Ctrl-C (a checkpoint, a message, exit code 130) is not done; the exit code is 0.
#
# Seen:
#   handler before: default_int_handler, after: <lambda>
#   exit code of Ctrl-C: 0
# Exit code 1 if this has changed; then `toolkit/engine/queued.py` need not put the handlers back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dask-jobqueue==0.9.0 distributed==2026.8.0
"$folder/venv/bin/python" - <<'PYTHON'
import signal
import subprocess
import sys

code = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
before = signal.getsignal(signal.SIGINT).__name__
import dask_jobqueue
print(f"handler before: {before}, after: {signal.getsignal(signal.SIGINT).__name__}", flush=True)
signal.raise_signal(signal.SIGINT)
"""
done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
seen = [*done.stdout.splitlines(), f"exit code of Ctrl-C: {done.returncode}"]
print("\n".join(seen))
raise SystemExit(seen != ["handler before: default_int_handler, after: <lambda>", "exit code of Ctrl-C: 0"])
PYTHON
