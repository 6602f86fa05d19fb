"""Figures of an analysis; need matplotlib (`pip install "qimlp[train]"`), loaded on first use."""

from typing import TYPE_CHECKING

from qimlp._faces import lazy_face

if TYPE_CHECKING:
    from qimlp.correlation.figures.accuracy import (
        draw_epochs,
        draw_relation,
        draw_truncation,
        plot_epochs,
        plot_relation,
        plot_truncation,
    )
    from qimlp.correlation.figures.histograms import draw_histograms, plot_histograms
    from qimlp.correlation.figures.levels import plot_levels
    from qimlp.correlation.figures.spectra import plot_spectra
    from qimlp.correlation.figures.style import layer_names

__all__ = [
    "draw_epochs",
    "draw_histograms",
    "draw_relation",
    "draw_truncation",
    "layer_names",
    "plot_epochs",
    "plot_histograms",
    "plot_levels",
    "plot_relation",
    "plot_spectra",
    "plot_truncation",
]

__getattr__ = lazy_face(
    __name__,
    {
        "accuracy": (
            "draw_epochs",
            "draw_relation",
            "draw_truncation",
            "plot_epochs",
            "plot_relation",
            "plot_truncation",
        ),
        "histograms": ("draw_histograms", "plot_histograms"),
        "levels": ("plot_levels",),
        "spectra": ("plot_spectra",),
        "style": ("layer_names",),
    },
)
