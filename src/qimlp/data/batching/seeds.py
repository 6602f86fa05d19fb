"""Random orders that depend on nothing but the numbers given."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def mixed_seed(*numbers: int) -> int:
    """Mix several numbers into one seed, so that (0, 1) and (1, 0) have nothing in common.

    Args:
        numbers: Integers of at least 0, such as a seed and an epoch.

    Returns:
        A seed of 63 bits.

    Raises:
        ValueError: A number is negative.
    """
    if min(numbers) < 0:
        raise ValueError(f"seeds and epochs must be 0 or more, got {min(numbers)}")
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def permutation(count: int, *numbers: int) -> Tensor:
    """Draw a random order of `count` rows.

    Args:
        count: Number of rows.
        numbers: What the order depends on, as in `mixed_seed`.

    Returns:
        CPU tensor (count,), `int64`; equal numbers give equal orders, whatever device is used.

    Raises:
        ValueError: A number is negative.
    """
    generator = torch.Generator().manual_seed(mixed_seed(*numbers))
    return torch.randperm(count, generator=generator)
