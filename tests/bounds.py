"""What the tests of bounds share: few random inputs that are the same everywhere, and how close rounding comes."""

from __future__ import annotations

import numpy as np
from hypothesis import settings, strategies

hundred = settings(max_examples=100, derandomize=True, database=None, deadline=None)
thirty = settings(hundred, max_examples=30)
ten = settings(hundred, max_examples=10)
seeds = strategies.integers(0, 2**32 - 1)
ROUNDING = 1e-12

# Few values, so that ties are common; tenths and thirds, because their sums are not exact.
tenths = strategies.integers(-10, 10).map(lambda n: n / 10)
awkward = strategies.sampled_from([0.1, 0.2, 0.3, 1 / 3, 2 / 3, 1e-17, 1e-9, 0.7, 1e9 / 3, 0.0])
reals = strategies.floats(-1e6, 1e6, allow_nan=False).map(lambda x: float(np.float64(x)))
