"""A module with the dims and the rank of a sum of Kronecker products."""

from __future__ import annotations

from torch import nn

from qimlp.shapes import KroneckerShape


class Shaped(nn.Module):
    """A module that says of its sum of Kronecker products what its shape is.

    Args:
        shape: Dims and rank of the sum.
    """

    def __init__(self, shape: KroneckerShape) -> None:
        super().__init__()
        self.shape = shape

    @property
    def in_dims(self) -> tuple[int, ...]:
        """Sizes of the input's bodies."""
        return self.shape.in_dims

    @property
    def out_dims(self) -> tuple[int, ...]:
        """Sizes of the output's bodies."""
        return self.shape.out_dims

    @property
    def rank(self) -> int:
        """Number of summed Kronecker products."""
        return self.shape.rank

    @property
    def num_factors(self) -> int:
        """Number of factors M."""
        return self.shape.num_factors
