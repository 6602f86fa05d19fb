"""Modules: they hold parameters and call one function."""

from qimlp.nn.linear import KroneckerLinear
from qimlp.nn.parameters import current_name, parameters_of

__all__ = ["KroneckerLinear", "current_name", "parameters_of"]
