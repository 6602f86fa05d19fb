"""Estimators compared on real tables: `python -m benchmarks.tables`."""
