"""Plans and exact counts for Kronecker-structured layers; needs no torch."""

from qimlp.shapes.layer import BiasForm, KroneckerShape, as_bias_form, as_dims, as_size, format_dims
from qimlp.shapes.paper import PAPER_NETWORKS, PAPER_WIDTHS
from qimlp.shapes.planner import Plan, plan

__all__ = [
    "PAPER_NETWORKS",
    "PAPER_WIDTHS",
    "BiasForm",
    "KroneckerShape",
    "Plan",
    "as_bias_form",
    "as_dims",
    "as_size",
    "format_dims",
    "plan",
]
