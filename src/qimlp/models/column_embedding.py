"""Columns of a table as vectors: numbers by periodic functions, categories by rows of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

FREQUENCY_SPREAD = 0.3
"""Standard deviation of the frequencies at the start, for numbers of about unit scale."""


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

    _starts: Tensor

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
        self.num_numbers, self.num_categories = num_numbers, len(cardinalities)

        def normal(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(shape, device=device, dtype=dtype) * std)

        if num_numbers:
            std = (frequencies + 1) ** -0.5  # the squares of sines and cosines add up to that
            self.frequencies = normal(num_numbers, frequencies, std=FREQUENCY_SPREAD)
            self.weight = normal(num_numbers, 2 * frequencies + 1, embedding_dim, std=std)
            self.bias = normal(num_numbers, embedding_dim, std=std)
        if cardinalities:
            # The rows of all columns stand in one table; code 0 of each is its first row.
            self.categories = normal(
                sum(cardinalities) + len(cardinalities), embedding_dim, std=1.0
            )
            rows = torch.tensor([0, *(size + 1 for size in cardinalities[:-1])], device=device)
            self.register_buffer("_starts", rows.cumsum(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Embed rows.

        Args:
            x: Numbers and codes of shape (n, columns).

        Returns:
            Shape (n, columns, embedding_dim).
        """
        parts = []
        if self.num_numbers:
            numbers = x[:, : self.num_numbers]
            parts.append(periodic_embedding(numbers, self.frequencies, self.weight, self.bias))
        if self.num_categories:
            codes = x[:, self.num_numbers :].long() + self._starts
            parts.append(embedding(codes, self.categories))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def periodic_embedding(x: Tensor, frequencies: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Map each number to a vector by sines, cosines and the number itself: the definition.

    Args:
        x: Numbers of shape (n, p).
        frequencies: Of shape (p, k), in turns for each unit of `x`.
        weight: Of shape (p, 2 k + 1, e): rows for k sines, k cosines and the number.
        bias: Of shape (p, e).

    Returns:
        Shape (n, p, e).
    """
    angles = 2 * math.pi * frequencies * x.unsqueeze(2)
    features = torch.cat((angles.sin(), angles.cos(), x.unsqueeze(2)), dim=2)
    return torch.baddbmm(bias.unsqueeze(1), features.transpose(0, 1), weight).transpose(0, 1)
