"""Plans and exact counts for Kronecker-structured layers; needs no torch."""

from qimlp.shapes.convolution import convolution_path
from qimlp.shapes.cost import candidates, chain_order, linear_seconds, turns
from qimlp.shapes.factorize import factorizations
from qimlp.shapes.gpu_limits import padded, supports
from qimlp.shapes.layer import (
    BiasForm,
    KroneckerShape,
    Sizes,
    as_bias_form,
    as_dims,
    as_size,
    format_dims,
)
from qimlp.shapes.paper import PAPER_NETWORKS, PAPER_WIDTHS
from qimlp.shapes.planner import Plan, plan
from qimlp.shapes.problem import Bf16Product, Candidate, Groups, Method, Problem, merged_shape

__all__ = [
    "PAPER_NETWORKS",
    "PAPER_WIDTHS",
    "Bf16Product",
    "BiasForm",
    "Candidate",
    "Groups",
    "KroneckerShape",
    "Method",
    "Plan",
    "Problem",
    "Sizes",
    "as_bias_form",
    "as_dims",
    "as_size",
    "candidates",
    "chain_order",
    "convolution_path",
    "factorizations",
    "format_dims",
    "linear_seconds",
    "merged_shape",
    "padded",
    "plan",
    "supports",
    "turns",
]
