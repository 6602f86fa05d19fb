"""`python -m benchmarks.gpu`."""

from benchmarks.gpu.layers import main

raise SystemExit(main())
