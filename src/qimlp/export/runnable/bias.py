"""A layer's bias, as it is added: whole, or as the vectors whose product it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from qimlp.export.description import Array, Layer


class Bias(nn.Module):
    """A vector, or the Kronecker product of several.

    Args:
        vectors: One or more.
        grid: The shape of a row that it is added to.
        dtype: Of the sum.
    """

    def __init__(self, vectors: Sequence[Array], grid: tuple[int, ...], dtype: torch.dtype) -> None:
        super().__init__()
        self._grid, self._count = grid, len(vectors)
        for place, vector in enumerate(vectors):
            later = self._count - place - 1
            shape = (-1, *[1] * later) if later or place else grid
            values = torch.from_numpy(np.ascontiguousarray(vector)).to(dtype)
            self.register_buffer(f"vector_{place}", values.reshape(shape))

    @classmethod
    def of(
        cls, layer: Layer, grid: tuple[int, ...], dtype: torch.dtype, *, compact: bool
    ) -> Bias | None:
        """Take a layer's bias.

        Args:
            layer: The layer.
            grid: The shape that its outputs have.
            dtype: Of the sum.
            compact: Whether vectors stay vectors where that takes fewer numbers.

        Returns:
            The bias, or None where there is none.
        """
        if layer.bias is None and layer.bias_factors is None:
            return None
        vectors = layer.bias_factors or ()
        whole = layer.full_bias
        if not compact or not vectors or sum(map(len, vectors)) >= len(whole):
            vectors = (whole,)
        return cls(vectors, grid, dtype)

    def grid(self) -> Tensor:
        """Give the bias in the shape of the outputs, or one that becomes it in a sum."""
        bias = self.get_buffer("vector_0")
        for place in range(1, self._count):
            bias = bias * self.get_buffer(f"vector_{place}")
        return bias if tuple(bias.shape) == self._grid else bias.reshape(self._grid)
