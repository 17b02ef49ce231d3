#!/usr/bin/env bash
# dask-jobqueue 0.9.0: a submission that the queue refuses once is counted as a job for ever, and is not made again.
#
# `scale(jobs=1)` returns None where `sbatch` failed (a time-out of the controller is enough); the error is only logged, the
# cluster stays "running", and the job is held as "created". When the queue accepts jobs again, `scale(jobs=1)` submits
# nothing, `scale(jobs=2)` submits one, and `adapt(minimum_jobs=1)` nothing either: `wait_for_workers` without a limit
# waits for a job that was never submitted.
#
# Seen, with the calls of `sbatch` so far:
#   refused: None, 1 call, running | accepted, the same number: 1 call | one more: 2 calls | adapt: 2 calls
# Exit code 1 if this has changed; then `toolkit/engine/elsewhere.py` could leave the first jobs to `adapt`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dask-jobqueue==0.9.0 distributed==2026.8.0
mkdir "$folder/queue"
cat > "$folder/queue/sbatch" <<'SBATCH'
#!/bin/sh
here=$(dirname "$0")
echo call >> "$here/calls"
test -e "$here/accepts" && echo "Submitted batch job 7" && exit 0
echo "sbatch: error: Socket timed out on send/recv operation" >&2
exit 1
SBATCH
chmod +x "$folder/queue/sbatch"
cat > "$folder/look.py" <<'PYTHON'
import logging
import os
import sys
import time
from pathlib import Path

from dask_jobqueue import SLURMCluster


def calls(folder: Path) -> int:
    file = folder / "calls"
    return len(file.read_text().split()) if file.exists() else 0


def main(folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    cluster = SLURMCluster(cores=1, memory="1GB", scheduler_options={"dashboard_address": ":0"})
    answer = cluster.scale(jobs=1)
    until = time.monotonic() + 60
    while not calls(folder) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(3)
    seen = [f"refused: {answer}, {calls(folder)} call, {cluster.status.name}"]
    (folder / "accepts").touch()
    cluster.scale(jobs=1)
    time.sleep(3)
    seen.append(f"accepted, the same number: {calls(folder)} call")
    cluster.scale(jobs=2)
    time.sleep(3)
    seen.append(f"one more: {calls(folder)} calls")
    cluster.adapt(minimum_jobs=1, maximum_jobs=1, interval="200ms")
    time.sleep(5)
    seen.append(f"adapt: {calls(folder)} calls")
    line = " | ".join(seen)
    print(line, flush=True)
    wanted = "refused: None, 1 call, running | accepted, the same number: 1 call | one more: 2 calls | adapt: 2 calls"
    os._exit(line != wanted)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
PYTHON
PATH="$folder/queue:$PATH" "$folder/venv/bin/python" "$folder/look.py" "$folder/queue"
