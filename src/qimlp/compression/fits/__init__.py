"""Data-aware fits of a weight: moments, closed forms, layouts, and the budget over layers."""

from qimlp.compression.fits.budget import allocate, parameter_budget
from qimlp.compression.fits.fit import Fit
from qimlp.compression.fits.kronecker import Kronecker, fit_kronecker, kronecker_curve
from qimlp.compression.fits.layouts import Curve, Layout, candidate_layouts
from qimlp.compression.fits.low_rank import LowRank, fit_low_rank, low_rank_curve
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
    "fit_kronecker",
    "fit_low_rank",
    "kronecker_curve",
    "low_rank_curve",
    "parameter_budget",
]
