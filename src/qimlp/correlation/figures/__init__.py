"""Figures of an analysis, and the style that all figures of the project share.

They need matplotlib (`pip install "qimlp[train]"`), which is loaded on first use.
"""

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
    from qimlp.correlation.figures.style import (
        BLACK,
        BLUE,
        COLOURS,
        GREEN,
        GREY,
        INK,
        ORANGE,
        VERMILION,
        caption,
        layer_names,
        new_figure,
        plain,
        save_png,
        to_svg,
    )

__all__ = [
    "BLACK",
    "BLUE",
    "COLOURS",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "VERMILION",
    "caption",
    "draw_epochs",
    "draw_histograms",
    "draw_relation",
    "draw_truncation",
    "layer_names",
    "new_figure",
    "plain",
    "plot_epochs",
    "plot_histograms",
    "plot_levels",
    "plot_relation",
    "plot_spectra",
    "plot_truncation",
    "save_png",
    "to_svg",
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
        "style": (
            "BLACK",
            "BLUE",
            "COLOURS",
            "GREEN",
            "GREY",
            "INK",
            "ORANGE",
            "VERMILION",
            "caption",
            "layer_names",
            "new_figure",
            "plain",
            "save_png",
            "to_svg",
        ),
    },
)
