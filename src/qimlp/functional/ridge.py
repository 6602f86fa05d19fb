"""Linear least squares with a penalty on the weight."""

from __future__ import annotations

import torch
from torch import Tensor

_ROWS = 4096


def ridge(
    inputs: Tensor, targets: Tensor, penalty: float, *, intercept: bool = True
) -> tuple[Tensor, Tensor | None]:
    """The weight and bias that minimise `sum_n |W x_n + b - t_n|^2 + lambda |W|_F^2`.

    `lambda` is `penalty` times the mean eigenvalue of the inputs' Gram matrix (centred where there
    is an intercept), so that one penalty means the same for inputs of any scale and number. Solved
    exactly, by Cholesky factorisation in float64; the Gram matrix is multiplied in the inputs'
    dtype and added up in float64. It holds F * F numbers, and solving takes F^3 / 3 multiply-adds.

    Args:
        inputs: shape `(N, F)`.
        targets: shape `(N, C)`.
        penalty: greater than 0.
        intercept: whether there is a bias, which is not penalised.

    Returns:
        `(weight, bias)`: shapes `(C, F)` and `(C,)`, or None without intercept, in float64.

    Raises:
        ValueError: shapes that do not fit, a penalty not greater than 0, inputs that are not finite
            or are all the same.
    """
    if inputs.dim() != 2 or targets.dim() != 2 or len(inputs) != len(targets) or not len(inputs):
        raise ValueError(
            "expected inputs (N, F) and targets (N, C) with N > 0, "
            f"got {tuple(inputs.shape)} and {tuple(targets.shape)}"
        )
    if not penalty > 0:
        raise ValueError(f"penalty: expected a number greater than 0, got {penalty}")
    count, size = inputs.shape
    gram = inputs.new_zeros(size, size, dtype=torch.float64)
    moment = inputs.new_zeros(size, targets.shape[1], dtype=torch.float64)
    centre, level = gram.new_zeros(size), gram.new_zeros(targets.shape[1])
    if intercept:
        centre, level = (part.mean(dim=0, dtype=torch.float64) for part in (inputs, targets))
    for first in range(0, count, _ROWS):
        rows = slice(first, first + _ROWS)
        known = inputs[rows] - centre.to(inputs.dtype)
        gram += known.T @ known
        moment += known.T.double() @ (targets[rows] - level)
    mean_eigenvalue = gram.diagonal().mean()
    if not (torch.isfinite(mean_eigenvalue) and mean_eigenvalue > 0):
        raise ValueError("inputs: expected finite numbers that are not all the same")
    gram.diagonal().add_(penalty * mean_eigenvalue)
    weight = torch.cholesky_solve(moment, torch.linalg.cholesky(gram)).T.contiguous()
    return weight, level - weight @ centre if intercept else None
