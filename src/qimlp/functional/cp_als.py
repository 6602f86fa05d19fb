"""Alternating least squares for the canonical polyadic decomposition, by TensorLy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_SWEEPS = 500
_FEWEST_SWEEPS = 20
_MOST_FLOPS = 2e11


def als(tensor: Tensor, rank: int) -> list[Tensor]:
    """Sweeps that begin at the leading subspaces of the axes.

    Args:
        tensor: Float64, on the CPU.
        rank: Number of products; fewer are returned where their equations become singular.

    Returns:
        For each axis a matrix `(size, products)`.

    Raises:
        ImportError: TensorLy is not installed.
    """
    try:
        import tensorly  # noqa: PLC0415
        from tensorly.decomposition import parafac  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "nearest_kronecker with three or more factors needs TensorLy: "
            'pip install "qimlp[compress]"'
        ) from error
    sweep = 2.0 * tensor.dim() * tensor.numel() * rank
    kept = rank
    with tensorly.backend_context("numpy", local_threadsafe=True):
        while True:
            try:
                cp = parafac(
                    tensor.numpy(),
                    kept,
                    init="svd" if kept <= min(tensor.shape) else "random",
                    normalize_factors=False,
                    n_iter_max=max(_FEWEST_SWEEPS, min(_SWEEPS, int(_MOST_FLOPS / sweep))),
                    tol=1e-12,
                    random_state=0,
                )
                break
            except np.linalg.LinAlgError:  # the rank is lower
                if kept == 1:
                    raise
                kept -= 1
    factors = [torch.from_numpy(factor) for factor in cp.factors]
    return [factors[0] * torch.from_numpy(cp.weights), *factors[1:]]
