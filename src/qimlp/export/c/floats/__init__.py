"""Networks in single precision, with weights in float, 8 or 4 bits."""

from qimlp.export.c.floats.network import float_body
from qimlp.export.c.floats.weights import WEIGHTS

__all__ = ["WEIGHTS", "float_body"]
