"""C99 for microcontrollers: no allocation, no library calls, weights in flash."""

from qimlp.export.c.write import check_c_name, check_choices, to_c

__all__ = ["check_c_name", "check_choices", "to_c"]
