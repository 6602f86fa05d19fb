"""Means with their intervals: over seeds, and over samples that stream by."""

from qimlp.statistics.intervals import Estimate as SeedEstimate
from qimlp.statistics.intervals import difference, estimate
from qimlp.statistics.streamed import NORMAL_95, Estimate, Moments, of_few, share

__all__ = [
    "NORMAL_95",
    "Estimate",
    "Moments",
    "SeedEstimate",
    "difference",
    "estimate",
    "of_few",
    "share",
]
