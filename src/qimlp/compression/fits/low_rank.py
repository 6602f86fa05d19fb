"""Data-aware low rank in closed form: one decomposition, then the fit at any rank."""

from __future__ import annotations

import torch
from torch import Tensor

from qimlp.compression.fits.fit import Fit, finished
from qimlp.compression.fits.layouts import Curve, Layout
from qimlp.compression.fits.moments import Moments
from qimlp.compression.fits.problem import Problem, pose


class LowRank:
    """The weights of every rank that come nearest to a layer's outputs.

    The best weight, times the Cholesky factor of the inputs' damped second moments, is cut to its
    leading singular vectors; times the inverse, it is the least of `E|y - W' x|^2` plus the
    damping at that rank (without moments the nearest weight). `y` is the layer's own output, or
    the one that the moments have seen beside the inputs.

    Args:
        weight: Shape `(out, in)`.
        moments: Of the layer's inputs; None where none were measured.
        bias: Shape `(out,)`, or None: without a bias to take them up, means count as part of
            the moments.
        damping: Added to the diagonal of the inputs' second moments, over its mean.

    Attributes:
        curve: Relative output error at every rank, of the very fits, without the damping.

    Raises:
        TypeError: `weight` is no floating-point tensor.
        ValueError: Shapes that do not fit, entries not finite, or moments of no row.
    """

    def __init__(
        self,
        weight: Tensor,
        moments: Moments | None = None,
        *,
        bias: Tensor | None = None,
        damping: float = 1e-3,
    ) -> None:
        self._weight, self._bias = weight, bias
        self._problem = pose(weight, bias, moments, damping)
        out_features, in_features = weight.shape
        self._layout = Layout("low_rank", (1, in_features), (out_features, 1))
        self._left, self._right, squares = _decompose(self._problem)
        errors = _errors(self._problem, self._left, self._right, squares)
        self.curve = Curve(self._layout, tuple(errors.tolist()), bias is not None)

    def fit(self, rank: int) -> Fit:
        """The fit at a rank.

        Args:
            rank: From 1 to the smaller of the weight's sizes.

        Raises:
            ValueError: A rank out of range.
        """
        most = len(self.curve.errors) - 1
        if not 1 <= rank <= most:
            raise ValueError(f"rank: expected 1 to {most}, got {rank}")
        left, right = self._left[:, :rank], self._right[:rank]
        factors = [left.t().unsqueeze(2), right.unsqueeze(1)]
        error = self.curve.errors[rank]
        return finished(self._problem, self._layout, factors, self._weight, self._bias, error=error)


def _decompose(problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    """Orthonormal `left` (out, k), `right` (k, in) and the squared singular values (k,).

    `left[:, :r] @ right[:r]` is the fit at rank r. The eigenvectors are those of the smaller Gram
    matrix.
    """
    whitened = problem.whiten()
    out_features, in_features = whitened.shape
    if out_features <= in_features:
        squares, left = torch.linalg.eigh(whitened @ whitened.t())
        squares, left = squares.flip(0).clamp_min_(0), left.flip(1)
        best = problem.weight if problem.cross is None else problem.unwhiten(whitened)
        return left, left.t() @ best, squares
    squares, rows = torch.linalg.eigh(whitened.t() @ whitened)
    squares, rows = squares.flip(0).clamp_min_(0), rows.flip(1)
    scaled = whitened @ rows
    norms = scaled.norm(dim=0)
    left = scaled / torch.where(norms > 0, norms, torch.ones_like(norms))
    return left, problem.unwhiten(rows.t()) * norms.unsqueeze(1), squares


def _errors(problem: Problem, left: Tensor, right: Tensor, squares: Tensor) -> Tensor:
    """Relative output error at rank 0, 1, ..., without the damping.

    A term takes `squares` off the damped error; what of it is the damping's share is known.
    """
    rank = len(squares)
    if not problem.energy > 0:
        return squares.new_zeros(rank + 1)
    own = left.t() @ problem.weight
    gains = squares + problem.damping * (right * (right - 2 * own)).sum(1)
    tail = gains.new_zeros(rank + 1)
    tail[:rank] = gains.flip(0).cumsum(0).flip(0)
    if problem.cross is not None:  # not even the whole weight reaches the outputs
        tail += max(problem.energy - float(gains.sum()), 0.0)
    errors: Tensor = (tail / tail[0].clamp_min(1e-300)).clamp_(0, 1).sqrt()
    return errors
