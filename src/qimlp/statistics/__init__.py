"""Means with their 95 % intervals: over seeds, and over samples that stream by."""

from qimlp.statistics.estimates import NORMAL_95, Estimate, difference, estimate, share
from qimlp.statistics.moments import Moments

__all__ = ["NORMAL_95", "Estimate", "Moments", "difference", "estimate", "share"]
