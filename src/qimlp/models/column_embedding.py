"""Columns of a table as vectors: numbers by periodic functions, categories by rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qimlp.ops import column_embedding

_FEW_NUMBERS = 10
_SPREADS = (0.6, 0.3)
"""Standard deviation of the frequencies at the start, for numbers of about unit scale: of few
numbers each has to be resolved more finely, of many that would be learning by heart."""


class ColumnEmbedding(nn.Module):
    """Turns every column of a table into a vector (Gorishniy et al. 2022, arXiv 2203.05556).

    Args:
        num_numbers: Columns of numbers, the first of the input.
        cardinalities: For each further column, the number V of its categories; the input holds
            codes from 0 (unseen or missing) to V.
        embedding_dim: Length of a column's vector.
        frequencies: Periodic functions of each number, each as a sine and a cosine.
        device: Where the parameters lie.
        dtype: Their dtype.
    """

    frequencies: nn.Parameter | None
    weight: nn.Parameter | None
    bias: nn.Parameter | None
    categories: nn.Parameter | None

    def __init__(
        self,
        num_numbers: int,
        cardinalities: Sequence[int],
        embedding_dim: int,
        frequencies: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.cardinalities = list(cardinalities)
        self.frequencies = self.weight = self.bias = self.categories = None

        def normal(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(shape, device=device, dtype=dtype) * std)

        if num_numbers:
            std = (frequencies + 1) ** -0.5  # the squares of sines and cosines add up to that
            spread = _SPREADS[num_numbers > _FEW_NUMBERS]
            self.frequencies = normal(num_numbers, frequencies, std=spread)
            self.weight = normal(num_numbers, 2 * frequencies + 1, embedding_dim, std=std)
            self.bias = normal(num_numbers, embedding_dim, std=std)
        if cardinalities:
            # The rows of all columns stand in one table; code 0 of each is its first row.
            self.categories = normal(
                sum(cardinalities) + len(cardinalities), embedding_dim, std=1.0
            )

    def forward(self, x: Tensor) -> Tensor:
        """Embed rows.

        Args:
            x: Numbers and codes of shape (n, columns).

        Returns:
            Shape (n, columns, embedding_dim).
        """
        return column_embedding(
            x, self.frequencies, self.weight, self.bias, self.categories, self.cardinalities
        )
