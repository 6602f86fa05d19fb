"""Examples as a user has them, which integers are calibrated on and exports are judged by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qimlp.export.description import Array, Description

_LARGEST_BYTE = 255
_SAME = 1e-3
"""Scaled in float32 and back, a whole number is still nearer to itself than this."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Raw examples with their targets.

    Attributes:
        rows: Of shape (n, in_features), raw: see `Description`.
        targets: n targets as the task's loss takes them.
    """

    rows: Array
    targets: Tensor

    def score(self, description: Description, outputs: Array) -> float:
        """Judge outputs by the task's main metric.

        Args:
            description: Of the network.
            outputs: As `Description.outputs` gives them, of shape (n, num_outputs).

        Returns:
            The metric.
        """
        values = outputs
        if description.output_scale is not None and description.output_shift is not None:
            values = (outputs - description.output_shift) / description.output_scale
        task = description.task
        tally = task.tally(torch.device("cpu"))
        tally.add(torch.from_numpy(values).float(), self.targets)
        return tally.evaluation(tally.sums()).metrics[task.main_metric.name]


def input_type(description: Description, asked: str | None, rows: Array | None) -> str:
    """Choose the type of a raw feature, or refuse bytes for what fits none.

    Args:
        description: Of the network.
        asked: `"u8"`, `"f32"` or None.
        rows: Raw examples of shape (n, in_features); None where there are none to look at.

    Returns:
        `"u8"` or `"f32"`; where neither is asked for, `"u8"` for pixels.

    Raises:
        ValueError: If bytes are asked for, and examples are others than whole numbers to 255.
    """
    if rows is None or _in_bytes(rows):
        return asked or ("u8" if description.pixels else "f32")
    if asked == "u8":
        raise ValueError(
            "input u8: expected raw features that are whole numbers from 0 to 255, got numbers "
            f"from {rows.min():g} to {rows.max():g}; set input to f32"
        )
    return "f32"


def _in_bytes(rows: Array) -> bool:
    """Whether all are whole numbers to 255, as nearly as a float that was scaled can be."""
    whole = rows.round()
    near = bool((np.abs(rows - whole) < _SAME).all())
    return near and bool(whole.min() >= 0 and whole.max() <= _LARGEST_BYTE)


def raw_examples(
    description: Description, batches: Iterable[tuple[Tensor, Tensor]], limit: int
) -> Examples:
    """Undo order and scaling of a run's batches.

    Args:
        description: Of the run's network.
        batches: Scaled inputs and targets.
        limit: Most examples that are taken, the first ones.

    Returns:
        The examples; what is nearly a whole number everywhere is one everywhere, as pixels are.
    """
    inputs, targets, count = [], [], 0
    for x, y in batches:
        inputs.append(x[: limit - count].double().cpu())
        targets.append(y[: limit - count].cpu())
        count += len(inputs[-1])
        if count >= limit:
            break
    rows = torch.cat(inputs).numpy()
    if description.order is not None:
        ordered, rows = rows, np.empty_like(rows)
        rows[:, list(description.order)] = ordered
    rows = rows * description.scale + description.shift
    if description.pixels and (np.abs(rows - rows.round()) < _SAME).all():
        rows = rows.round()
    return Examples(rows, torch.cat(targets))
