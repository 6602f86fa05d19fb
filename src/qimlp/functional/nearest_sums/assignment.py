"""The linear assignment, by SciPy."""

from __future__ import annotations

import torch
from torch import Tensor


def assigned(near: Tensor, rows: Tensor) -> Tensor:
    """Which row each row of another matrix gets, so that their inner products are largest in all.

    Both sums of squares are the same for every assignment, so that this is the least distance.

    Args:
        near: Shape `(n, entries)`.
        rows: Shape `(n, entries)`.

    Raises:
        ImportError: SciPy is not installed.
    """
    try:
        from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - slow, seldom needed
    except ImportError as error:
        raise ImportError(
            'nearest_kronecker_order needs SciPy: pip install "qimlp[compress]"'
        ) from error
    return torch.from_numpy(linear_sum_assignment((near @ rows.t()).numpy(), maximize=True)[1])
