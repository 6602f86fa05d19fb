"""Benchmark programs, run from the repository root: `python -m benchmarks.layers` and so on.

Importing this package pins the numerical libraries to one thread. They read these variables once,
when they are loaded, so this has to happen before anything imports torch.
"""

import os

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"
