"""Bars and points of the report's figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

from matplotlib.axes import Axes

from qimlp.correlation.figures import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    VERMILION,
    caption,
    plain,
)
from qimlp.statistics import Estimate

PUBLISHED, PAPER, TUNED = GREY, ORANGE, BLUE
NETWORK_COLOURS = {"mlp": BLACK, "2b": BLUE, "3b": GREEN, "4b": VERMILION}
SERIES = (("published", PUBLISHED), ("paper settings", PAPER), ("our recipe", TUNED))


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        value: Its height; None where nothing was run.
        half_width: Half of its interval, or None.
        hollow: Height of the hollow cap above it (the authors' protocol), or None.
    """

    value: float | None
    half_width: float | None = None
    hollow: float | None = None

    @classmethod
    def of(cls, value: Estimate | None, best_seen: Estimate | None = None) -> "Bar":
        """Make a bar of estimates.

        Args:
            value: Dev-selected.
            best_seen: Best test accuracy ever seen.

        Returns:
            The bar.
        """
        if value is None:
            return cls(None)
        return cls(value.mean, value.half_width, best_seen.mean if best_seen else None)


def style(axes: Axes, title: str) -> None:
    """Give axes a title and take away what says nothing.

    Args:
        axes: The axes.
        title: Above them, on the left.
    """
    caption(axes, title, 10.5)
    plain(axes)


def grouped_bars(
    axes: Axes, groups: Sequence[str], series: Sequence[tuple[str, str, Sequence[Bar]]]
) -> None:
    """Draw bars side by side, one group per network, with intervals and values.

    Args:
        axes: The axes.
        groups: Names below the groups.
        series: Name, colour and one bar per group.
    """
    width = 0.84 / len(series)
    drawn = [bar.value for _, _, bars in series for bar in bars if bar.value is not None]
    for index, (name, colour, bars) in enumerate(series):
        offset = (index - (len(series) - 1) / 2) * width
        places = [group + offset for group in range(len(groups))]
        heights = [0.0 if bar.value is None else bar.value for bar in bars]
        axes.bar(places, heights, width * 0.92, color=colour, label=name)
        for place, bar in zip(places, bars, strict=True):
            _finish_bar(axes, place, width * 0.92, bar, colour)
    low, high = (min(drawn), max(drawn)) if drawn else (0.0, 1.0)
    margin = max(high - low, 0.02)
    axes.set_ylim(max(0.0, low - 0.6 * margin), min(high + 0.35 * margin, high * 1.2))
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_xticks(range(len(groups)), groups)


def dodged_points(
    axes: Axes, groups: Sequence[str], series: Sequence[tuple[str, str, Sequence[Bar]]]
) -> None:
    """Draw values as points side by side, with intervals; one that is not known leaves a gap.

    Args:
        axes: The axes.
        groups: Names below the groups.
        series: Name, colour and one value per group.
    """
    for index, (name, colour, values) in enumerate(series):
        offset = (index - (len(series) - 1) / 2) * 0.2
        places = [group + offset for group in range(len(groups))]
        heights = [nan if value.value is None else value.value for value in values]
        axes.plot(places, heights, color=colour, linewidth=1, alpha=0.4)
        axes.errorbar(
            places,
            heights,
            [value.half_width or 0.0 for value in values],
            color=colour,
            label=name,
            fmt="D" if index == 0 else "o",
            markersize=5,
            linewidth=1.2,
            capsize=3,
        )
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_xticks(range(len(groups)), groups)
    axes.margins(y=0.12)


def _finish_bar(axes: Axes, place: float, width: float, bar: Bar, colour: str) -> None:
    if bar.value is None:
        axes.annotate(
            "not run",
            (place, 0.02),
            xycoords=("data", "axes fraction"),
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=7,
            color="#888888",
        )
        return
    top = bar.value
    if bar.hollow is not None and bar.hollow > bar.value:
        axes.bar(
            place,
            bar.hollow - bar.value,
            width,
            bottom=bar.value,
            facecolor="white",
            edgecolor=colour,
            linewidth=0.9,
        )
        top = bar.hollow
    if bar.half_width is not None:
        axes.errorbar(
            place, bar.value, bar.half_width, color=INK, linewidth=1, capsize=2, capthick=1
        )
        top = max(top, bar.value + bar.half_width)
    text = f"{bar.value:.3f}" if bar.value < 1.0 else f"{bar.value:,.0f}"
    axes.annotate(
        text,
        (place, top),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7,
        color=INK,
    )
