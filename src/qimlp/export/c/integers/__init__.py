"""The integer code of a network: quantised, simulated, and written as C."""

from qimlp.export.c.integers.body import integer_body

__all__ = ["integer_body"]
