"""The figure of a learned grid: what examples look like on it."""

from pathlib import Path

import torch
from torch import Tensor

from qimlp.correlation.figures import INK, caption, new_figure, save_png
from qimlp.tasks import Classification, Task

_MOST = 10
"""Classes that are shown."""


def plot_grid(
    inputs: Tensor, targets: Tensor, task: Task, shape: tuple[int, int], path: Path
) -> None:
    """Draw the mean of each class on the grid of the features, and write one PNG file.

    Of what is no class, those below and above the median of the first target are shown.

    Args:
        inputs: (n, rows * columns) examples, as the network sees them.
        targets: (n,) or (n, targets).
        task: Of the run.
        shape: Rows and columns of the grid.
        path: The file.

    Raises:
        OSError: If it cannot be written.
    """
    groups = _groups(targets, task)
    means = [(name, inputs[rows].mean(dim=0).view(shape)) for name, rows in groups if rows.any()]
    across = min(len(means), _MOST // 2)
    down = -(-len(means) // across)
    figure = new_figure(1.9 * across, 0.3 + 1.9 * down * min(2.0, max(0.5, shape[0] / shape[1])))
    # A few features far out would leave the others grey.
    limit = float(torch.stack([mean for _, mean in means]).abs().flatten().quantile(0.99)) or 1.0
    for axes in figure.subplots(down, across, squeeze=False).flat:
        axes.set_axis_off()
    for (name, mean), axes in zip(means, figure.axes, strict=False):
        axes.imshow(mean.numpy(), cmap="RdBu_r", aspect="auto", vmin=-limit, vmax=limit)
        caption(axes, name[:18].replace("$", r"\$"), size=8)
    title = f"features on the learned grid, {shape[0]} x {shape[1]}: class means"
    figure.suptitle(title, x=0.012, ha="left", fontsize=9, color=INK)
    save_png(figure, path)


def _groups(targets: Tensor, task: Task) -> list[tuple[str, Tensor]]:
    """Names of groups of examples, and (n,) which belong to each."""
    if isinstance(task, Classification):
        names = task.class_names[:_MOST]
        return [(name, targets == number) for number, name in enumerate(names)]
    first = targets if targets.ndim == 1 else targets[:, 0]
    above = first > first.median()
    return [("below the median", ~above), ("above the median", above)]
