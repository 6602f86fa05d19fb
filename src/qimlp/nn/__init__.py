"""Modules: they hold parameters and call one function."""

from qimlp.nn.linear import KroneckerLinear

__all__ = ["KroneckerLinear"]
