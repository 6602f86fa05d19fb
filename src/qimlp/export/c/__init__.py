"""C99 for microcontrollers: no allocation, no library calls, weights in flash."""

from qimlp.export.c.write import to_c

__all__ = ["to_c"]
