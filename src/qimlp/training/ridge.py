"""Linear least squares with a penalty on the weight."""

from __future__ import annotations

import torch
from torch import Tensor


def ridge(
    inputs: Tensor, targets: Tensor, penalty: float, *, intercept: bool = True
) -> tuple[Tensor, Tensor | None]:
    """The weight and bias that minimise `sum_n |W x_n + b - t_n|^2 + lambda |W|_F^2`.

    `lambda` is `penalty` times the mean eigenvalue of the inputs' Gram matrix (centred where there
    is an intercept), so that one penalty means the same for inputs of any scale and number. Solved
    by scikit-learn's `Ridge`, by Cholesky factorisation in float64.

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
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - slow to load, seldom needed

    known, wanted = inputs.double(), targets.double()
    squares = known.var(dim=0, correction=0) if intercept else known.square().mean(dim=0)
    mean_eigenvalue = float(squares.sum()) * len(known) / known.shape[1]
    if not 0 < mean_eigenvalue < float("inf"):
        raise ValueError("inputs: expected finite numbers that are not all the same")
    model = Ridge(alpha=penalty * mean_eigenvalue, fit_intercept=intercept, solver="cholesky")
    model.fit(known.numpy(), wanted.numpy())
    weight = torch.from_numpy(model.coef_).reshape(wanted.shape[1], -1)
    bias = torch.from_numpy(model.intercept_).reshape(-1) if intercept else None
    return weight, bias
