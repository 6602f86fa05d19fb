"""Vectors of a smaller Schmidt rank."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from qimlp.correlation.states.checks import check_last_size, check_numbers
from qimlp.correlation.states.map_rows import map_rows
from qimlp.correlation.states.vectors import unfold
from qimlp.shapes import as_dims, as_size


def schmidt_truncate(x: Tensor, dims: Sequence[int], rank: int) -> Tensor:
    """Keep the `rank` largest Schmidt terms of every vector; its length is not restored.

    For two bodies this is the closest vector of that Schmidt rank (Eckart and Young). With more,
    every body in turn is cut to its `rank` leading directions (truncated HOSVD).

    Args:
        x: Shape `(..., prod(dims))`, real or complex.
        dims: Sizes of the bodies.
        rank: At least 1.

    Returns:
        The shape and dtype of `x`; carries no gradients.

    Raises:
        TypeError: If `x` is no floating-point or complex tensor, or a size is no integer.
        ValueError: If there is NaN or infinity in `x`, dims do not fit, or the rank is below 1.
    """
    sizes, rank = as_dims("dims", dims), as_size("rank", rank)
    check_numbers("x", x)
    check_last_size("x", x, sizes)
    rows = x.detach().reshape(-1, x.shape[-1])
    if rows.dtype == torch.complex32:  # torch hardly computes with it
        rows = rows.to(torch.complex64)
    return Cutter(rows, sizes).cut(rank)[0].to(x.dtype).reshape(x.shape)


class Cutter:
    """Leading directions of every body of every row, found once for all ranks.

    Args:
        rows: Shape `(n, d)`.
        dims: Sizes of the bodies.
    """

    def __init__(self, rows: Tensor, dims: tuple[int, ...]) -> None:
        self._rows, self._dims = rows, dims
        # Of two bodies cutting the smaller one cuts the other too.
        bodies = range(len(dims)) if len(dims) > 2 else [dims.index(min(dims))]
        self._directions = {
            body: map_rows(partial(_directions, dims=dims, body=body), rows)[0] for body in bodies
        }

    def cut(self, rank: int) -> tuple[Tensor, Tensor]:
        """Cut all rows to a rank.

        Args:
            rank: At least 1.

        Returns:
            The rows, shape (n, d), and the shares of their squared lengths that are kept, shape
            (n,).
        """
        cut = self._rows
        for body, directions in self._directions.items():
            if rank < directions.shape[-1]:
                leading = directions[..., -rank:]
                cut = _fold(
                    leading @ (leading.mH @ unfold(cut, self._dims, (body,))), self._dims, body
                )
        whole = self._rows.abs().square().sum(-1)
        kept = cut.abs().square().sum(-1) / torch.where(whole > 0, whole, 1)
        return cut, kept


def _directions(rows: Tensor, dims: tuple[int, ...], body: int) -> tuple[Tensor]:
    """Eigenvectors of a body's state, ascending, in the dtype of the rows."""
    cut = unfold(rows.to(torch.complex128 if rows.is_complex() else torch.float64), dims, (body,))
    return (torch.linalg.eigh(cut @ cut.mH).eigenvectors.to(rows.dtype),)


def _fold(matrices: Tensor, dims: tuple[int, ...], body: int) -> Tensor:
    """Undo `unfold` of one body."""
    rest = [size for i, size in enumerate(dims) if i != body]
    split = matrices.reshape(len(matrices), dims[body], *rest)
    folded: Tensor = split.movedim(1, body + 1).flatten(1)
    return folded
