"""The first terms of a singular value decomposition, without the others where that pays."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_LEAST_SIDE = 1024
"""Below it the full decomposition takes a second at most."""

_SPARE = 8  # columns of a block beyond the terms that are asked for
_USUAL_STEPS = 20  # that a flat spectrum takes, the worst one
_PROVEN = 1e-6  # most that the error may be above the least one, in units of that
_ROUNDING = {torch.float32: 1e-6, torch.float64: 1e-14}  # of a residual, over the largest value


class Truncated(NamedTuple):
    """The terms with the largest singular values.

    Attributes:
        left: Shape `(rows, terms)`, orthonormal columns.
        values: Shape `(terms,)`, falling.
        right: Shape `(columns, terms)`, orthonormal columns.
    """

    left: Tensor
    values: Tensor
    right: Tensor


def truncated_svd(matrix: Tensor, rank: int) -> Truncated:
    """Decompose a matrix and keep the terms with the largest singular values.

    Where few terms of a large matrix are asked for they come from a block Krylov space (Golub and
    Kahan's bidiagonalisation, fully orthogonalised): its start is found in float32, its residuals
    are taken in float64. What cannot be shown to come within a millionth of the least error falls
    back on the full decomposition. The start is drawn by a generator of its own, always the same.

    Args:
        matrix: Shape `(rows, columns)`, float64, whose entries' squares are in its range.
        rank: Most terms; no more than the shorter side has are returned.
    """
    kept = min(rank, *matrix.shape)
    if pays(matrix.shape[0], matrix.shape[1], rank):
        found = _krylov(matrix, kept)
        if found is not None:
            return found
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    return Truncated(u[:, :kept], s[:kept], vh[:kept].t())


def pays(rows: int, columns: int, rank: int) -> bool:
    """Whether the Krylov space of a flat spectrum stays below half of the shorter side."""
    side = min(rows, columns)
    return side >= _LEAST_SIDE and side >= 2 * _USUAL_STEPS * (rank + _SPARE)


def _krylov(matrix: Tensor, kept: int) -> Truncated | None:
    """The terms, or None where they are not proven."""
    block = kept + _SPARE
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(matrix.shape[1], block, generator=generator).to(matrix.device)
    least, most = torch.aminmax(matrix)
    power = torch.exp2(-torch.frexp(torch.maximum(-least, most)).exponent.to(matrix.dtype))
    rough = _Bidiagonal((matrix * power).float(), start, kept)
    while not rough.proven() and rough.steps < 2 * _USUAL_STEPS:
        if not rough.room():
            return None
        rough.extend()
    exact = _Bidiagonal(matrix, rough.terms(block).right.to(matrix.dtype), kept)
    while not exact.proven():
        if not exact.room():
            return None
        exact.extend()
    found = exact.terms(kept)
    ones = torch.eye(kept, dtype=matrix.dtype, device=matrix.device)
    apart = max(float((side.t() @ side - ones).abs().max()) for side in (found.left, found.right))
    return found if apart < _ROUNDING[torch.float32] else None


class _Bidiagonal:
    """Orthonormal bases P and Q that grow by blocks, with `matrix @ Q = P @ core`."""

    def __init__(self, matrix: Tensor, start: Tensor, kept: int) -> None:
        self._matrix, self._kept, self._block = matrix, kept, start.shape[1]
        self.steps = 0
        self._left = matrix.new_empty(matrix.shape[0], 0)
        self._right = matrix.new_empty(matrix.shape[1], 0)
        self._core = matrix.new_empty(0, 0)
        self._next = torch.linalg.qr(start).Q
        self._beyond = matrix.new_zeros(self._block, self._block)  # from the last block to `_next`
        self._square = float(matrix.norm()) ** 2
        self.extend()
        self.extend()

    def room(self) -> bool:
        """Whether another block leaves the bases below half of the shorter side."""
        return 2 * (self.steps + 1) * self._block <= min(self._matrix.shape)

    def extend(self) -> None:
        """Add one block to both bases."""
        size, block = self._core.shape[0], self._block
        self._right = torch.cat([self._right, self._next], 1)
        left, diagonal = _orthogonal(self._matrix @ self._next, self._left)
        core = self._core.new_zeros(size + block, size + block)
        core[:size, :size] = self._core
        if size:
            core[size - block : size, size:] = self._beyond.t()
        core[size:, size:] = diagonal
        self._core, self._left = core, torch.cat([self._left, left], 1)
        self._next, self._beyond = _orthogonal((left.t() @ self._matrix).t(), self._right)
        self._u, self._s, self._vh = torch.linalg.svd(core)
        self.steps += 1

    def proven(self) -> bool:
        """Whether the terms' residuals show that the error is the least one, to `_PROVEN`.

        A squared value s^2 with the residual r of `matrix.T @ matrix` lies at most r, and at most
        r^2 / gap, below a true one (Kato and Temple). The bases hold part of what the terms leave
        over, a bound from below without cancellation.
        """
        values, rest = self._s[: self._kept].double(), self._s[self._kept :].double()
        outside = (self._beyond @ self._u[-self._block :, : self._kept]).norm(dim=0).double()
        residuals = values * outside
        gaps = values.square() - rest[0].square()
        short = torch.minimum(residuals, residuals.square() / gaps.clamp(min=1e-300)).sum()
        taken = float(values.square().sum())
        rounding = _ROUNDING[self._matrix.dtype]
        least = max(float(rest.square().sum()), self._square * (1 - rounding) - taken)
        return float(short) <= max(_PROVEN * least, rounding**2 * self._square)

    def terms(self, count: int) -> Truncated:
        """The first terms that the bases hold."""
        return Truncated(
            self._left @ self._u[:, :count],
            self._s[:count],
            self._right @ self._vh[:count].t(),
        )


def _orthogonal(block: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """An orthonormal block Q apart from the basis, and R: `block` is `Q R` and a part within it.

    Twice is enough, and what the first time left of a dependent column is noise.
    """
    first, inner = torch.linalg.qr(block - basis @ (basis.t() @ block))
    second, outer = torch.linalg.qr(first - basis @ (basis.t() @ first))
    return second, outer @ inner
