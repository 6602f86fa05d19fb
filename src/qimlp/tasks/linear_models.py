"""Linear models by scikit-learn, with one meaning of the penalty.

`lambda` is `penalty` times the mean eigenvalue of the inputs' Gram matrix (centred where there is
an intercept), so that one penalty means the same for inputs of any scale and number.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

LinearModel = Literal["ridge", "svm"]

_SVM_TOLERANCE = 1e-5
_SVM_ROUNDS = 10_000
_SHARPEST = 100.0
"""Beyond, probabilities are 0 and 1 for all that training could tell."""
_HALVINGS = 40
_FIRST_LOOK = 0.01
"""Penalty of the line that `linear_r2` looks at."""


def ridge(
    inputs: Tensor, targets: Tensor, penalty: float, *, intercept: bool = True
) -> tuple[Tensor, Tensor | None]:
    """The weight and bias that minimise `sum_n |W x_n + b - t_n|^2 + lambda |W|_F^2`.

    Solved by `Ridge`, by Cholesky factorisation in float64.

    Args:
        inputs: Of shape `(N, F)`.
        targets: Of shape `(N, C)`.
        penalty: Greater than 0, see the module.
        intercept: Whether there is a bias, which is not penalised.

    Returns:
        `(weight, bias)`: shapes `(C, F)` and `(C,)`, or None without intercept, in float64.

    Raises:
        ValueError: If shapes do not fit, the penalty is not greater than 0, or inputs are not
            finite or all the same.
    """
    if inputs.dim() != 2 or targets.dim() != 2 or len(inputs) != len(targets) or not len(inputs):
        raise ValueError(
            "expected inputs (N, F) and targets (N, C) with N > 0, "
            f"got {tuple(inputs.shape)} and {tuple(targets.shape)}"
        )
    strength = _strength(inputs, penalty, intercept=intercept)
    from scipy.linalg import LinAlgWarning  # noqa: PLC0415 - as below
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - slow to load, seldom needed

    model = Ridge(alpha=strength, fit_intercept=intercept, solver="cholesky")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=LinAlgWarning)
        warnings.filterwarnings("error", message="Singular matrix")
        try:
            model.fit(inputs.double().numpy(), targets.double().numpy())
        except (LinAlgWarning, UserWarning):
            raise ValueError(
                f"penalty {penalty}: too small for these inputs, whose features are nearly "
                "dependent; raise it"
            ) from None
    weight = torch.from_numpy(model.coef_).reshape(targets.shape[1], -1)
    bias = torch.from_numpy(model.intercept_).reshape(-1) if intercept else None
    return weight, bias


def support_vector_machine(
    inputs: Tensor, labels: Tensor, classes: int, penalty: float, *, intercept: bool = True
) -> tuple[Tensor, Tensor | None]:
    """One linear machine per class against the rest, with squared hinge loss.

    With `y_nc` 1 where `n` is of class `c` and -1 elsewhere, row `c` minimises
    `sum_n max(0, 1 - y_nc (w_c x_n + b_c))^2 + lambda (|w_c|^2 + b_c^2 / s^2)`. Solved by
    `LinearSVC` (one seed of its own), whose intercept is a penalised feature: `s` is here the root
    mean square length of the inputs, so that the answer does not depend on their scale.

    Args:
        inputs: Of shape `(N, F)`.
        labels: Class numbers of shape `(N,)`, at least two different ones.
        classes: Number of classes C.
        penalty: Greater than 0, see the module.
        intercept: Whether there is a bias.

    Returns:
        `(weight, bias)`: shapes `(C, F)` and `(C,)`, or None without intercept, in float64. A class
        that no row has is never near: weight 0, bias -1.

    Raises:
        ValueError: If shapes or labels do not fit, the penalty is not greater than 0, inputs are
            not finite or all the same, or the solver does not come to an end.
    """
    if inputs.dim() != 2 or labels.shape != inputs.shape[:1]:
        raise ValueError(
            "expected inputs (N, F) and labels (N,), "
            f"got {tuple(inputs.shape)} and {tuple(labels.shape)}"
        )
    present = labels.unique().tolist()
    if len(present) < 2 or not 0 <= min(present) <= max(present) < classes:
        raise ValueError(
            f"labels: expected at least two different classes from 0 to {classes - 1}, "
            f"got {present[:3]}"
        )
    strength = _strength(inputs, penalty, intercept=intercept)
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - slow to load, seldom needed
    from sklearn.svm import LinearSVC  # noqa: PLC0415 - as above

    known = inputs.double()
    model = LinearSVC(
        C=0.5 / strength,
        fit_intercept=intercept,
        intercept_scaling=float(known.square().sum(1).mean().sqrt()),
        tol=_SVM_TOLERANCE,
        max_iter=_SVM_ROUNDS,
        dual=True,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(known.numpy(), labels.numpy())
        except ConvergenceWarning:
            raise ValueError(
                f"penalty {penalty}: the support vector machine did not come to an end within "
                f"{_SVM_ROUNDS:,} rounds; raise the penalty"
            ) from None
    rows = torch.from_numpy(model.coef_)
    shifts = torch.from_numpy(model.intercept_) if intercept else rows.new_zeros(len(rows))
    if len(present) == 2:  # one machine tells the second from the first
        rows, shifts = torch.cat([-rows, rows]), torch.cat([-shifts, shifts])
    weight = rows.new_zeros(classes, rows.shape[1])
    bias = rows.new_full((classes,), -1.0)
    weight[present], bias[present] = rows, shifts
    return weight, bias if intercept else None


def best_factor(outputs: Tensor, loss_of: Callable[[Tensor], Tensor]) -> float:
    """Find the factor from 1 to 100 that makes a linear model's outputs the best logits.

    Args:
        outputs: Of the model, of shape (N, C).
        loss_of: Maps logits (N, C) to a loss, 0-d, convex in the factor.

    Returns:
        The factor with the least loss.
    """

    def slope(factor: float) -> float:
        scale = outputs.new_tensor(factor, dtype=torch.float64).requires_grad_()
        with torch.enable_grad():
            loss = loss_of(scale * outputs)
        return float(torch.autograd.grad(loss, scale)[0])

    low, high = 1.0, _SHARPEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return (low + high) / 2


def _strength(inputs: Tensor, penalty: float, *, intercept: bool) -> float:
    if not penalty > 0:
        raise ValueError(f"penalty: expected a number greater than 0, got {penalty}")
    known = inputs.double()
    squares = known.var(dim=0, correction=0) if intercept else known.square().mean(dim=0)
    mean_eigenvalue = float(squares.sum()) * len(known) / max(known.shape[1], 1)
    if not 0 < mean_eigenvalue < float("inf"):
        raise ValueError("inputs: expected finite numbers that are not all the same")
    strength = penalty * mean_eigenvalue
    if not 0 < strength < float("inf") or not 0 < 0.5 / strength < float("inf"):
        raise ValueError(
            f"penalty: expected a number from which a model can be computed, got {penalty}; "
            "0.1 to 10 is usual"
        )
    return strength


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
    strength = _FIRST_LOOK * gram.diagonal().mean() + 1e-12
    inverse = torch.linalg.inv(gram + strength * torch.eye(len(gram), dtype=torch.float64))
    leverage = w * ((x @ inverse) * x).sum(dim=1, keepdim=True) + share
    errors = (y - x @ (inverse @ (x.T @ (w * y)))) / (1 - leverage).clamp_min(1e-6)
    spread = (w * y.square()).sum(dim=0)
    varies = spread > 0
    if not bool(varies.any()):
        return 0.0
    r2 = 1 - (w * errors.square()).sum(dim=0)[varies] / spread[varies]
    return max(float(r2.mean()), 0.0)
