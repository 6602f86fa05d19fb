"""The factors of neighbouring bodies as one matrix, laid out for the product it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from qimlp.export.description import Array

Form: TypeAlias = Literal["or|i", "o|ir", "i|ro", "ri|o", "o|i"]
"""What the rows of the matrix run over, and its columns: outputs, inputs, copies (rank). Where the
copies are in neither they are summed."""


class Group(nn.Module):
    """`kron(f_1[c], ..., f_k[c])` for each of the copies c, which stand in one matrix.

    Args:
        factors: Of shape (rank, o_j, i_j), one or more.
        form: How the matrix is laid out.
        dtype: Of the matrix.
        compact: Whether several factors stay as they are, for what runs this to multiply.
    """

    def __init__(
        self, factors: Sequence[Array], form: Form, dtype: torch.dtype, *, compact: bool
    ) -> None:
        super().__init__()
        summed = "r" not in form
        axes = ("r" if summed else "") + form.replace("|", "")
        sizes = {"r": factors[0].shape[0]}
        for place, letter in enumerate("oi", start=1):
            sizes[letter] = prod(factor.shape[place] for factor in factors)
        rows, columns = (prod(sizes[letter] for letter in side) for side in form.split("|"))
        self._matrix = (rows, columns)
        self._copies = (sizes["r"],) if summed and sizes["r"] > 1 else ()
        self._apart = compact and len(factors) > 1
        spread = [
            torch.from_numpy(_spread(factor, place, len(factors), axes)).to(torch.float64)
            for place, factor in enumerate(factors)
        ]
        if not self._apart:
            spread = [self._laid_out(spread)]
        self._count = len(spread)
        for place, tensor in enumerate(spread):
            self.register_buffer(f"factor_{place}", tensor.to(dtype).contiguous())

    def forward(self) -> Tensor:
        """Give the matrix."""
        if not self._apart:
            return self.get_buffer("factor_0")
        return self._laid_out([self.get_buffer(f"factor_{i}") for i in range(self._count)])

    def _laid_out(self, spread: Sequence[Tensor]) -> Tensor:
        product = spread[0]
        for tensor in spread[1:]:
            product = product * tensor
        matrix = product.reshape(*self._copies, *self._matrix)
        return matrix.sum(dim=0) if self._copies else matrix


def _spread(factor: Array, place: int, count: int, axes: str) -> Array:
    """A factor with an axis of its own among those of all factors, so that a product spreads."""
    turned = factor.transpose(["roi".index(letter) for letter in axes])
    shape: list[int] = []
    for letter, size in zip(axes, turned.shape, strict=True):
        shape += [size] if letter == "r" else [1] * place + [size] + [1] * (count - place - 1)
    return np.ascontiguousarray(turned).reshape(shape)
