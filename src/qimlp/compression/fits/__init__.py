"""Data-aware fits of a weight: moments, closed forms, layouts, and the budget over layers."""

from qimlp.compression.fits.budget import allocate, parameter_budget
from qimlp.compression.fits.fit import Fit
from qimlp.compression.fits.kronecker import Kronecker
from qimlp.compression.fits.layouts import Curve, Layout, candidate_layouts
from qimlp.compression.fits.low_rank import LowRank
from qimlp.compression.fits.moments import Moments
from qimlp.compression.fits.options import Allowed, Choice

__all__ = [
    "Allowed",
    "Choice",
    "Curve",
    "Fit",
    "Kronecker",
    "Layout",
    "LowRank",
    "Moments",
    "allocate",
    "candidate_layouts",
    "parameter_budget",
]
