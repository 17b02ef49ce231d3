#!/usr/bin/env bash
# scipy 1.17.1: the distribution function of the noncentral t is not monotonic in its far left tail, and becomes NaN there.
#
# With 3 degrees of freedom and a shift of 10, P(T <= 0) is 7.6e-24, the normal probability of -10, and P(T <= -60) comes
# out as 9.1e-18, a million times as much, although it is a part of the first. With 2 degrees of freedom and a shift of 33
# P(T <= -60) is NaN. Both ends of a two-sided test are asked for when its power is computed, so that the power of a large
# effect, which is 1, becomes NaN. `scipy.special.nctdtr` gives the same numbers. `sf` on that side is 1.0, as it should be.
#
# Seen:
#   P(T <= 0) 7.6e-24, P(T <= -60) 9.1e-18 | shift 33: P(T <= 0) 4.1e-239, P(T <= -60) nan
# Exit code 1 if this has changed; then `toolkit/statistics/power.py` may ask for both tails as they are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
from scipy.stats import nct

three = f"P(T <= 0) {nct.cdf(0, 3, 10):.1e}, P(T <= -60) {nct.cdf(-60, 3, 10):.1e}"
two = f"P(T <= 0) {nct.cdf(0, 2, 33):.1e}, P(T <= -60) {nct.cdf(-60, 2, 33):.1e}"
seen = f"{three} | shift 33: {two}"
print(seen)
wanted = "P(T <= 0) 7.6e-24, P(T <= -60) 9.1e-18 | shift 33: P(T <= 0) 4.1e-239, P(T <= -60) nan"
raise SystemExit(seen != wanted)
PYTHON
