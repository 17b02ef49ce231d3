#!/usr/bin/env bash
# Runs pytest as on a processor without AVX-512 and with two threads: `tests/narrow.sh tests/modeling -q`.
# An assertion that rests on the rounding of one processor fails on the other.
set -euo pipefail
python=${PYTHON:-python}
# numpy refuses names that it has no code for, so it is asked for its own; the wider ones come after AVX2's.
features=$("$python" - <<'END'
from numpy._core._multiarray_umath import __cpu_dispatch__ as names

print(*[name for name in names if name == "X86_V4" or name.startswith("AVX512")])
END
)
export ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 OPENBLAS_CORETYPE=Haswell FAISS_OPT_LEVEL=avx2
export NPY_DISABLE_CPU_FEATURES="$features" OMP_NUM_THREADS=2
exec "$python" -m pytest "$@"
