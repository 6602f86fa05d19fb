"""Alternating least squares for the canonical polyadic decomposition, by TensorLy."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from torch import Tensor

_SWEEPS = 500
_FEWEST_SWEEPS = 20
_MOST_FLOPS = 2e11


def als(tensor: Tensor, rank: int) -> list[Tensor]:
    """Sweeps that begin at the leading subspaces of the axes, or at random.

    Args:
        tensor: Float64, on the CPU.
        rank: Number of products; fewer are returned where their equations become singular.

    Returns:
        For each axis a matrix `(size, products)`; zeros where all equations are singular.

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
    with tensorly.backend_context("numpy", local_threadsafe=True):
        for kept, init in product(range(rank, 0, -1), ("svd", "random")):
            if init == "svd" and kept > min(tensor.shape):
                continue
            try:
                cp = parafac(
                    tensor.numpy(),
                    kept,
                    init=init,
                    normalize_factors=False,
                    n_iter_max=max(_FEWEST_SWEEPS, min(_SWEEPS, int(_MOST_FLOPS / sweep))),
                    tol=1e-12,
                    random_state=0,
                )
            except np.linalg.LinAlgError:  # the rank is lower, or the subspaces miss the tensor
                continue
            factors = [torch.from_numpy(factor) for factor in cp.factors]
            return [factors[0] * torch.from_numpy(cp.weights), *factors[1:]]
    return [tensor.new_zeros(size, 1) for size in tensor.shape]
