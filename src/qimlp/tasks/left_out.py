"""How much of some numbers a straight line explains: a first look at how noisy they are."""

from __future__ import annotations

import torch
from torch import Tensor

_PENALTY = 0.01
"""Of ridge regression, times the mean eigenvalue of the inputs' Gram matrix."""


def linear_r2(inputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> float:
    """Compute R2 of ridge regression for rows that it has not seen, each left out in turn.

    The error of a row that is left out is its residual over one minus its leverage (Allen 1974,
    Technometrics 16(1)), so that one fit is enough.

    Args:
        inputs: Of shape (n, features).
        targets: Of shape (n, targets).
        weights: How much each row counts, of shape (n,); None where all count alike.

    Returns:
        The mean over the targets that vary, at least 0; 0 where none does.
    """
    x, y = inputs.double(), targets.double()
    w = (torch.ones(len(x)) if weights is None else weights).double()[:, None]
    share = w / w.sum()
    x, y = x - (share * x).sum(dim=0), y - (share * y).sum(dim=0)
    gram = x.T @ (w * x)
    strength = _PENALTY * gram.diagonal().mean() + 1e-12
    inverse = torch.linalg.inv(gram + strength * torch.eye(len(gram), dtype=torch.float64))
    leverage = w * ((x @ inverse) * x).sum(dim=1, keepdim=True) + share
    errors = (y - x @ (inverse @ (x.T @ (w * y)))) / (1 - leverage).clamp_min(1e-6)
    spread = (w * y.square()).sum(dim=0)
    varies = spread > 0
    if not bool(varies.any()):
        return 0.0
    r2 = 1 - (w * errors.square()).sum(dim=0)[varies] / spread[varies]
    return max(float(r2.mean()), 0.0)
