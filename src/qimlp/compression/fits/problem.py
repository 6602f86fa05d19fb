"""The least-squares problem that a layer's fit solves."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from qimlp.compression.fits.moments import Moments
from qimlp.ops import check_weight

_JITTER = 1e-12
"""Least damping, over the mean diagonal, once second moments turn out to be singular."""


_MOST_SHRINKAGE = 1000.0
"""Most damping for want of rows, over the mean diagonal."""


@dataclass(frozen=True)
class Problem:
    """`E|y - V x|^2` as a function of the weight `V`, in float64.

    `x` are the layer's inputs, `y` the outputs wanted: given, or those of the layer itself. Both
    are centred where a bias takes up the means, else not. Damping pulls `V` towards the layer's
    own weight.

    Attributes:
        weight: The layer's weight, shape `(out, in)`.
        bias: Its bias, shape `(out,)`, or None.
        bounds: `(start, stop)` of every block of inputs.
        roots: Cholesky factor of every block's damped second moments.
        damping: What was added to their diagonals.
        cross: `E[y x^T]`, undamped, shape `(out, in)`; None where the layer's own outputs are
            wanted.
        energy: `E|y|^2`.
        means: Means of `x` and `y`; None where there are no moments or is no bias.
    """

    weight: Tensor
    bias: Tensor | None
    bounds: tuple[tuple[int, int], ...]
    roots: tuple[Tensor, ...]
    damping: float
    cross: Tensor | None
    energy: float
    means: tuple[Tensor, Tensor] | None

    @property
    def second(self) -> list[Tensor]:
        """Second moments of the inputs block by block, undamped."""
        return [
            (root @ root.t()).sub_(torch.eye(len(root)).to(root), alpha=self.damping)
            for root in self.roots
        ]

    def whiten(self) -> Tensor:
        """The best weight times the roots, shape `(out, in)`: in it the error is a plain norm."""
        parts = []
        for (a, b), root in zip(self.bounds, self.roots, strict=True):
            if self.cross is None:
                parts.append(self.weight[:, a:b] @ root)
            else:
                wanted = self.cross[:, a:b] + self.damping * self.weight[:, a:b]
                parts.append(torch.linalg.solve_triangular(root, wanted.t(), upper=False).t())
        return torch.cat(parts, 1)

    def unwhiten(self, rows: Tensor) -> Tensor:
        """Rows of shape `(n, in)` times the inverse roots."""
        parts = [
            torch.linalg.solve_triangular(root, rows[:, a:b], upper=False, left=False)
            for (a, b), root in zip(self.bounds, self.roots, strict=True)
        ]
        return torch.cat(parts, 1)

    def error(self, fitted: Tensor) -> float:
        """Relative output error `sqrt(E|y - V x|^2 / E|y|^2)` of a weight; 0 where `y` is 0.

        Args:
            fitted: The weight `V`, shape `(out, in)`, float64.
        """
        if not self.energy > 0:
            return 0.0
        moved = fitted if self.cross is not None else self.weight - fitted
        total = self.energy if self.cross is not None else 0.0
        for (a, b), root in zip(self.bounds, self.roots, strict=True):
            part = moved[:, a:b]
            total += float((part @ root).square().sum() - self.damping * part.square().sum())
        if self.cross is not None:
            total -= 2 * float((fitted * self.cross).sum())
        return sqrt(max(total, 0.0) / self.energy)

    def weight_error(self, fitted: Tensor) -> float:
        """`|W - V| / |W|` in the Frobenius norm; 0 for a zero weight."""
        whole = float(self.weight.norm())
        return float((self.weight - fitted).norm()) / whole if whole > 0 else 0.0

    def fitted_bias(self, fitted: Tensor) -> Tensor | None:
        """The best bias beside a weight, shape `(out,)`; None for a layer without one."""
        if self.bias is None or self.means is None:
            return self.bias
        return self.means[1] - fitted @ self.means[0]


def pose(weight: Tensor, bias: Tensor | None, moments: Moments | None, damping: float) -> Problem:
    """State the problem for a layer.

    Args:
        weight: Shape `(out, in)`.
        bias: Shape `(out,)`, or None.
        moments: Of the inputs, and of outputs wanted for them if there are such; None counts all
            inputs alike.
        damping: Added to the diagonal of the second moments, over its mean; more where there are
            too few rows to tell one direction from another, nothing at all for 0.

    Raises:
        TypeError: `weight` is no floating-point tensor.
        ValueError: Shapes that do not fit, entries not finite, or moments of no row.
    """
    check_weight("weight", weight)
    exact, own_bias = as_float64(weight), None if bias is None else as_float64(bias)
    width = exact.shape[1]
    if moments is None:
        root = torch.eye(width).to(exact)
        energy = float(exact.square().sum())
        return Problem(exact, own_bias, ((0, width),), (root,), 0.0, None, energy, None)
    _check(moments, exact)
    mean, target_mean, cross = moments.mean.to(exact), moments.target_mean, moments.cross
    blocks = [block.to(exact) for block in moments.blocks]
    variance = moments.target_variance
    if own_bias is None:  # no bias takes up the means
        for (a, b), block in zip(moments.bounds, blocks, strict=True):
            block.addr_(mean[a:b], mean[a:b])
        if cross is not None and target_mean is not None and variance is not None:
            cross = cross.addr(target_mean, mean.to(target_mean))
            variance = variance + target_mean.square()
    roots, added = _roots(blocks, damping and max(damping, _shrinkage(blocks, moments.count)))
    if cross is not None and target_mean is not None and variance is not None:
        cross, target_mean, energy = cross.to(exact), target_mean.to(exact), float(variance.sum())
    else:
        target_mean = exact @ mean + (0 if own_bias is None else own_bias)
        energy = sum(
            float(((exact[:, a:b] @ block) * exact[:, a:b]).sum())
            for (a, b), block in zip(moments.bounds, blocks, strict=True)
        )
    means = None if own_bias is None else (mean, target_mean)
    return Problem(exact, own_bias, moments.bounds, tuple(roots), added, cross, energy, means)


def as_float64(tensor: Tensor) -> Tensor:
    """The same numbers in float64, on the CPU where the device has no such numbers."""
    device = "cpu" if tensor.device.type == "mps" else tensor.device
    return tensor.detach().to(device).to(torch.float64)


def _check(moments: Moments, weight: Tensor) -> None:
    out_features, in_features = weight.shape
    if moments.in_features != in_features or moments.out_features not in (None, out_features):
        raise ValueError(
            f"moments: expected those of {in_features} inputs and {out_features} outputs, "
            f"got {moments.in_features} and {moments.out_features}"
        )
    if not moments.count:
        raise ValueError("moments: expected those of one row or more, got none")


def _shrinkage(blocks: list[Tensor], rows: int) -> float:
    """What the second moments of few rows need on their diagonal, over its mean.

    The oracle approximating shrinkage `(1 - r) S + r mean I` (Chen, Wiesel, Eldar and Hero, 2010,
    Eq. 23), as `S + r / (1 - r) mean I`: with many rows next to nothing; for few rows of inputs
    that are much alike in all directions so much that the weight alone counts.
    """
    width = sum(len(block) for block in blocks)
    trace = sum(float(block.diagonal().sum()) for block in blocks)
    if not trace > 0:
        return 0.0
    squares = sum(float((block / trace).square().sum()) for block in blocks)
    uneven = (rows + 1 - 2 / width) * (squares - 1 / width)
    share = ((1 - 2 / width) * squares + 1) / uneven if uneven > 0 else 1.0
    return share / (1 - share) if share < 1 - 1 / _MOST_SHRINKAGE else _MOST_SHRINKAGE


def _roots(blocks: list[Tensor], damping: float) -> tuple[list[Tensor], float]:
    """Cholesky factors of the damped blocks; singular ones are damped until they have some."""
    diagonal = torch.cat([block.diagonal() for block in blocks])
    mean = float(diagonal.mean())
    if not mean > 0:  # inputs that never vary: all alike
        return [torch.eye(len(block)).to(block) for block in blocks], 1.0
    added = damping * mean
    while True:
        roots = []
        for block in blocks:
            damped = block + added * torch.eye(len(block)).to(block)
            root, failed = torch.linalg.cholesky_ex(damped)
            if int(failed):
                break
            roots.append(root)
        if len(roots) == len(blocks):
            return roots, added
        added = max(10 * added, _JITTER * mean)
