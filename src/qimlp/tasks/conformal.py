"""Quantiles moved to where they hold on examples that were not learned from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def conformal_margins(
    values: Tensor, targets: Tensor, levels: Sequence[float], middle: int
) -> Tensor:
    """Find how far each quantile is from holding.

    Args:
        values: Quantiles of shape (n, targets, quantiles), n at least 1.
        targets: What came true, of shape (n, targets).
        levels: One for each quantile, rising.
        middle: Place of the quantile that stays where it is.

    Returns:
        What to add to each, of shape (targets, quantiles). Above the middle at most a share
        `1 - level` of new targets then lies beyond, below it a share `level`; where n is too small
        for that, none of these n does.
    """
    errors = (targets.unsqueeze(-1) - values).sort(dim=0)[0]
    count = len(errors)
    margins = torch.zeros_like(errors[0])
    for place, level in enumerate(levels):
        if place > middle:
            rank = min(math.ceil((count + 1) * level), count)
        else:
            rank = max(math.floor((count + 1) * level), 1)
        if place != middle:
            margins[:, place] = errors[rank - 1, :, place]
    return margins


def with_margins(values: Tensor, margins: Sequence[float], middle: int) -> Tensor:
    """Add margins to quantiles, and keep their order: none passes its neighbour to the middle.

    Args:
        values: Quantiles of shape (n, targets, quantiles).
        margins: One number for each quantile of each target.
        middle: Place of the quantile that the others are ordered from.

    Returns:
        Of the same shape.
    """
    # Numbers, not a tensor of them: a step that is recorded may copy nothing from the host.
    columns = zip(values.flatten(1).unbind(dim=1), margins, strict=True)
    moved = torch.stack([column + margin for column, margin in columns], dim=1).view_as(values)
    upper = moved[..., middle:].cummax(dim=-1)[0]
    lower = moved[..., : middle + 1].flip(-1).cummin(dim=-1)[0].flip(-1)
    return torch.cat([lower[..., :-1], upper], dim=-1)
