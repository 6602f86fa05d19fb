"""Figures of an analysis; need matplotlib (`pip install "qimlp[train]"`)."""

from qimlp.correlation.figures.accuracy import plot_epochs, plot_relation, plot_truncation
from qimlp.correlation.figures.histograms import plot_histograms
from qimlp.correlation.figures.levels import plot_levels
from qimlp.correlation.figures.spectra import plot_spectra

__all__ = [
    "plot_epochs",
    "plot_histograms",
    "plot_levels",
    "plot_relation",
    "plot_spectra",
    "plot_truncation",
]
