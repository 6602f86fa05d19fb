"""The paper's figures, redrawn beside the published values."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from qimlp.correlation.figures import INK, new_figure, to_svg
from qimlp.paper.campaign.store import Entry
from qimlp.paper.campaign.summary import Summaries
from qimlp.paper.cells.published import ACCURACY, PARAMETERS, RANKS, TITLES
from qimlp.paper.report.drawing import (
    NETWORK_COLOURS,
    SERIES,
    Bar,
    dodged_points,
    grouped_bars,
    style,
)

_COLUMNS = ("paper", "tuned")


def accuracy_and_parameters(found: Summaries, data: str) -> str:
    """Fig. 2 (MNIST) or Fig. 4 (CIFAR-10): accuracy and number of parameters.

    Args:
        found: Summaries of all variants.
        data: `"mnist"` or `"cifar10"`.

    Returns:
        SVG.
    """
    networks = ("mlp", "2b", "3b", "4b")
    figure = new_figure(9.5, 3.6)
    left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
    _accuracies(left, found, data, networks)
    style(left, f"{TITLES[data]}: test accuracy")
    left.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper right", ncols=3)
    _make_room_for_legend(left)
    counts = [found[f"{data}/{network}/tuned"].parameters or 0 for network in networks]
    right.bar(
        range(len(networks)),
        counts,
        0.55,
        color=[NETWORK_COLOURS[network] for network in networks],
    )
    for place, (network, count) in enumerate(zip(networks, counts, strict=True)):
        published = PARAMETERS[f"{data}/{network}"]
        lines = [f"{count:,}"]
        if published != count:
            lines.append(f"(published {published:,})")
        if place > 0:
            lines.append(f"{counts[0] / count:,.0f}x fewer")
        right.annotate(
            "\n".join(lines),
            (place, count),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=INK,
        )
    right.set_yscale("log")
    right.yaxis.set_minor_locator(NullLocator())
    right.set_ylim(10, counts[0] * 12)
    right.set_xticks(range(len(networks)), networks)
    style(right, "parameters (log scale)")
    return to_svg(figure)


def accuracy_against_copies(found: Summaries, data: str) -> str:
    """Fig. 3 (MNIST) or Fig. 5 (CIFAR-10): accuracy for k copies.

    Args:
        found: Summaries of all variants.
        data: `"mnist"` or `"cifar10"`.

    Returns:
        SVG.
    """
    networks = ("2b", "3b", "4b")
    figure = new_figure(9.5, 3.4)
    for axes, network in zip(figure.subplots(1, 3), networks, strict=True):
        published = RANKS[f"{data}/{network}"]
        ranks = range(1, len(published) + 1)
        series = [("published, read by eye", SERIES[0][1], [Bar(value) for value in published])]
        for column, (name, colour) in zip(_COLUMNS, SERIES[1:], strict=True):
            bars = []
            for rank in ranks:
                summary = found.get(f"{data}/{_of_rank(data, network, rank)}/{column}")
                bars.append(Bar(None) if summary is None else Bar.of(summary.test))
            series.append((name, colour, bars))
        counts = [
            found[f"{data}/{_of_rank(data, network, rank)}/tuned"].parameters for rank in ranks
        ]
        groups = [f"k = {k}\n{count or 0:,}" for k, count in zip(ranks, counts, strict=True)]
        dodged_points(axes, groups, series)
        style(axes, f"{TITLES[data]}, {network}: accuracy; k, parameters")
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
    )
    return to_svg(figure)


def _of_rank(data: str, network: str, rank: int) -> str:
    if rank > 1:
        return f"{network}-rank{rank}"
    return "4b-dense-bias" if (data, network) == ("mnist", "4b") else network


def text_accuracies(found: Summaries) -> str:
    """Fig. 8: IMDb and 20 Newsgroups.

    Args:
        found: Summaries of all variants.

    Returns:
        SVG.
    """
    figure = new_figure(9.5, 3.4)
    for axes, data in zip(figure.subplots(1, 2), ("imdb", "20newsgroups"), strict=True):
        _accuracies(axes, found, data, ("mlp", "2b", "3b"))
        encoders = {
            summary.encoder for summary in found.values() if summary.variant.data == data
        } - {None}
        by = f" (features: {', '.join(sorted(map(str, encoders)))})" if encoders else ""
        style(axes, f"{TITLES[data]}{by}")
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
    )
    return to_svg(figure)


def learning_curves(found: Summaries, data: str, column: str) -> str:
    """Appendix Figs. 1 to 4: loss and accuracy against batches.

    Args:
        found: Summaries of all variants.
        data: `"mnist"` or `"cifar10"`.
        column: `"paper"` or `"tuned"`.

    Returns:
        SVG.
    """
    figure = new_figure(9.5, 3.4)
    loss, accuracy = figure.subplots(1, 2)
    for network, colour in NETWORK_COLOURS.items():
        entries = found[f"{data}/{network}/{column}"].entries
        if entries:
            _band(loss, entries, "train_loss", colour, network)
            _band(accuracy, entries, "dev_accuracy", colour, network)
    for axes, title in ((loss, "training loss"), (accuracy, "dev accuracy")):
        style(
            axes,
            f"{TITLES[data]}, {dict(zip(_COLUMNS, SERIES[1:], strict=True))[column][0]}: {title}",
        )
        axes.set_xlabel("batches (thousands)", color=INK, fontsize=9)
        if axes.get_lines():
            axes.legend(frameon=False, fontsize=8, labelcolor=INK)
        else:
            axes.annotate("not run", (0.5, 0.5), xycoords="axes fraction", ha="center", color=INK)
    return to_svg(figure)


def _band(axes: Axes, entries: Sequence[Entry], name: str, colour: str, label: str) -> None:
    """Mean line and range over the seeds."""
    columns = list(zip(*(entry.history[name] for entry in entries), strict=True))
    per_epoch = entries[0].steps_per_epoch or 1
    batches = [(epoch + 1) * per_epoch / 1000 for epoch in range(len(columns))]
    axes.fill_between(
        batches,
        [min(values) for values in columns],
        [max(values) for values in columns],
        color=colour,
        alpha=0.18,
        linewidth=0,
    )
    means = [sum(values) / len(values) for values in columns]
    axes.plot(batches, means, color=colour, linewidth=1.6, label=label)


def _accuracies(axes: Axes, found: Summaries, data: str, networks: Sequence[str]) -> None:
    series = [(*SERIES[0], [Bar(ACCURACY[f"{data}/{network}"]) for network in networks])]
    for column, (name, colour) in zip(_COLUMNS, SERIES[1:], strict=True):
        bars = []
        for network in networks:
            summary = found[f"{data}/{network}/{column}"]
            bars.append(Bar.of(summary.test, summary.best_seen))
        series.append((name, colour, bars))
    grouped_bars(axes, networks, series)


def _make_room_for_legend(axes: Axes) -> None:
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))
