"""Figures of a sweep: the front, and Optuna's."""

import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import optuna
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState
from optuna.visualization import matplotlib as drawn

from qimlp.correlation.figures import COLOURS, GREY, INK, new_figure, plain, save_png
from qimlp.files import write_bytes
from qimlp.sweeps.folder import SweepResult
from qimlp.sweeps.results import TrialResult

_FEWEST = 2
"""Complete trials below which Optuna's figures show nothing."""


def draw_figures(study: optuna.Study, result: SweepResult) -> list[Path]:
    """Draw what came of a sweep, one PNG file each.

    Args:
        study: The study.
        result: Of the sweep, with a complete trial.

    Returns:
        The files: the front, and as far as there are trials enough, Optuna's history, slices,
        parallel coordinates and importances of the parameters, and curves of a single objective.

    Raises:
        OSError: If one cannot be written.
    """
    front = result.folder / "front.png"
    _draw_front(result, front)
    if len(result.leaderboard) < _FEWEST:
        return [front]
    finished = _finished(study, result)
    metric: dict[str, Any] = {"target_name": f"dev {result.metric}"}
    if len(result.objectives) > 1:
        metric["target"] = _first_value
    figures: dict[str, Callable[[], Any]] = {
        "history": lambda: drawn.plot_optimization_history(finished, **metric),
        "slices": lambda: drawn.plot_slice(finished, **metric),
        "parallel": lambda: drawn.plot_parallel_coordinate(finished, **metric),
        "importances": lambda: drawn.plot_param_importances(finished, **metric),
    }
    if len(result.objectives) == 1:
        figures["curves"] = lambda: drawn.plot_intermediate_values(finished)
    files = [front]
    for name, draw in figures.items():
        file = result.folder / f"{name}.png"
        if _draw_optunas(name, draw, file):
            files.append(file)
    return files


def _first_value(trial: optuna.trial.FrozenTrial) -> float:
    return float(trial.values[0])


def _finished(study: optuna.Study, result: SweepResult) -> optuna.Study:
    """The finished trials in memory: a study that goes on elsewhere does not change meanwhile."""
    known = {trial.number for trial in result.trials}
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.WARNING))
    try:
        copy = optuna.create_study(directions=study.directions)
    finally:
        optuna.logging.set_verbosity(before)
    copy.add_trials(trial for trial in study.get_trials(states=states) if trial.number in known)
    return copy


def _draw_optunas(name: str, draw: Callable[[], Any], file: Path) -> bool:
    """Draw one of Optuna's figures; False where the trials are too few or too alike for it."""
    before = set(plt.get_fignums())
    with warnings.catch_warnings(), plt.rc_context():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.simplefilter("ignore", UserWarning)  # layouts, and values that are all alike
        try:
            axes = draw()
        except (ValueError, RuntimeError):
            return False
        finally:
            made = [plt.figure(number) for number in set(plt.get_fignums()) - before]
        try:
            figure: Figure = made[-1]
            _make_room(figure, axes, name)
            image = io.BytesIO()
            figure.savefig(image, format="png", dpi=100, bbox_inches="tight")
            write_bytes(file, image.getvalue())
        finally:
            for figure in made:
                plt.close(figure)
    return True


def _make_room(figure: Figure, axes: Any, name: str) -> None:
    """Make room for what the names of values take, which Optuna writes over each other."""
    if name == "slices":
        several = list(np.atleast_1d(axes))
        figure.set_size_inches(2.6 * len(several) + 2, 5)
        for one in several:
            one.tick_params(axis="x", labelrotation=90, labelsize=8, which="both")
    elif name == "parallel":
        figure.set_size_inches(2.4 * len(figure.axes) + 2, 5)


def _draw_front(result: SweepResult, file: Path) -> None:
    """Draw the dev metric of every complete trial against the parameters of its network."""
    figure = new_figure(7, 4.4)
    axes = figure.subplots()
    front = result.front
    sizes, metrics = _columns(result.leaderboard)
    axes.scatter(
        sizes,
        metrics,
        s=26,
        color=GREY,
        linewidth=0,
        label="complete trials",
    )
    axes.plot(
        *_columns(front),
        color=COLOURS[0],
        linewidth=2,
        marker="o",
        drawstyle="steps-post",
        label="front",
    )
    for trial in front:
        axes.annotate(
            str(trial.number),
            trial.point,
            xytext=(5, -11),
            textcoords="offset points",
            color=INK,
            fontsize=8,
        )
    # Trials far below the front would squeeze it into the top of the figure.
    values = [trial.point[1] for trial in front]
    margin = 0.3 * (max(values) - min(values)) or 0.05 * abs(values[0]) or 0.1
    axes.set_ylim(min(values) - margin, max(values) + margin)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("parameters (log scale)", color=INK)
    axes.set_ylabel(f"dev {result.metric}", color=INK)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9, loc="lower right")
    plain(axes)
    style = {"x": 0.012, "ha": "left", "fontsize": 12, "weight": "bold", "color": INK}
    title = f"{result.settings.data_name}: the front, with the numbers of its trials"
    figure.suptitle(title, **style, parse_math=False)
    save_png(figure, file)


def _columns(trials: Sequence[TrialResult]) -> tuple[list[int], list[float]]:
    points = [trial.point for trial in trials]
    return [size for size, _ in points], [metric for _, metric in points]
