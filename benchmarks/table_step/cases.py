"""The sizes that are timed: those of a small, a middling and a wide table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Case:
    """One batch and network.

    Attributes:
        batch: Rows.
        numbers: Columns of numbers.
        cardinalities: Of the columns of categories.
        options: Of the network.
    """

    batch: int
    numbers: int
    cardinalities: tuple[int, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def rows(self) -> Tensor:
        """Draw a batch of shape (batch, columns)."""
        generator = torch.Generator().manual_seed(0)
        numbers = torch.randn(self.batch, self.numbers, generator=generator)
        codes = [
            torch.randint(0, size + 1, (self.batch, 1), generator=generator)
            for size in self.cardinalities
        ]
        return torch.cat((numbers, *codes), dim=1)

    def __str__(self) -> str:
        return f"{self.batch} x {self.numbers + len(self.cardinalities)}"


_SMALL = {"embedding_dim": 8, "dropout": 0.2, "linear_skip": True}

CASES = (
    Case(32, 7, (2, 5, 9), {**_SMALL, "hidden": ((8, 16), (8, 16))}),
    Case(128, 19, (), {"hidden": ((8, 16), (8, 16))}),
    Case(256, 100, (), {"hidden": ((8, 16), (8, 16))}),
)
