"""Columns of a table as vectors: numbers by periodic functions, categories by rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qimlp.nn import draw_normal
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

        def empty(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        if num_numbers:
            self.frequencies = empty(num_numbers, frequencies)
            self.weight = empty(num_numbers, 2 * frequencies + 1, embedding_dim)
            self.bias = empty(num_numbers, embedding_dim)
        if cardinalities:
            # The rows of all columns stand in one table; code 0 of each is its first row.
            self.categories = empty(sum(cardinalities) + len(cardinalities), embedding_dim)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew.

        Where they are spread over processes, all take what the first process draws.
        """
        if self.frequencies is not None and self.weight is not None and self.bias is not None:
            num_numbers, count = self.frequencies.shape
            std = (count + 1) ** -0.5  # the squares of sines and cosines add up to that
            draw_normal(self.frequencies, _SPREADS[num_numbers > _FEW_NUMBERS])
            draw_normal(self.weight, std)
            draw_normal(self.bias, std)
        if self.categories is not None:
            draw_normal(self.categories, 1.0)

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
