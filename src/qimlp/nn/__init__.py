"""Modules: they hold parameters and call one function."""

from qimlp.nn.adapter import KroneckerAdapter
from qimlp.nn.adapter_base import base_widths
from qimlp.nn.conv2d import KroneckerConv2d
from qimlp.nn.dense_layers import (
    dense_class,
    dense_like,
    dense_matrix,
    kronecker_like,
    stands_for_dense,
)
from qimlp.nn.linear import KroneckerLinear
from qimlp.nn.parameters import current_name, draw_normal, parameters_of
from qimlp.nn.swap import swap_
from qimlp.nn.window import Window

__all__ = [
    "KroneckerAdapter",
    "KroneckerConv2d",
    "KroneckerLinear",
    "Window",
    "base_widths",
    "current_name",
    "dense_class",
    "dense_like",
    "dense_matrix",
    "draw_normal",
    "kronecker_like",
    "parameters_of",
    "stands_for_dense",
    "swap_",
]
