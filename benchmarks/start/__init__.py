"""The start of fresh processes: `python -m benchmarks.start`."""
