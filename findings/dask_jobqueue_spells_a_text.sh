#!/usr/bin/env bash
# dask-jobqueue 0.9.0: a text where a list is expected is written into the job's script letter by letter, without an error.
#
# `job_extra_directives: --gres=gpu:1` in a YAML file becomes twelve lines `#SBATCH -`, `#SBATCH g` ...; a prologue
# `module load x` becomes one command per letter. Numbers are written as they are: `walltime: 10:00:00` without quotes is
# 36000 in YAML 1.1, which Slurm reads as minutes: 25 days. `cores: 0` is written as well.
#
# Seen:
#   #SBATCH -t 36000 | #SBATCH - | #SBATCH - | #SBATCH x
# Exit code 1 if this has changed; then `_expected` in `toolkit/engine/queued.py` could become shorter.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dask-jobqueue==0.9.0 distributed==2026.8.0
"$folder/venv/bin/python" - <<'PYTHON'
import yaml
from dask_jobqueue.slurm import SLURMJob

text = "cores: 1\nmemory: 1GB\nwalltime: 10:00:00\njob_extra_directives: --x\n"
script = SLURMJob(scheduler="tcp://a:1", name="job", **yaml.safe_load(text)).job_script()
lines = [line for line in script.splitlines() if line.startswith("#SBATCH")]
seen = " | ".join(lines[lines.index("#SBATCH -t 36000") :]) if "#SBATCH -t 36000" in lines else "\n".join(lines)
print(seen)
raise SystemExit(seen != "#SBATCH -t 36000 | #SBATCH - | #SBATCH - | #SBATCH x")
PYTHON
