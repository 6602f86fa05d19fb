"""The compiled kernels as one of the methods: which calls they take, and the call itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qimlp.ops import native
from qimlp.ops.definition import kron_bias
from qimlp.ops.triton import linear as triton_linear
from qimlp.shapes import Problem, supports

#: Elements of the largest factor that is still worth keeping in cache.
_LARGEST_FACTOR = 256 * 1024


def refusal(problem: Problem) -> str | None:
    """Why no compiled kernel takes a call, in words; None where one does."""
    shape = problem.shape
    if shape.num_factors < 2:
        return f"it needs at least two factors and this layer has {shape.num_factors}"
    if problem.device == "cuda":
        return triton_linear.reason() or supports(shape, problem.dtype)
    if shape.num_factors > native.MOST_FACTORS:
        return f"it takes at most {native.MOST_FACTORS} factors, this layer has {shape.num_factors}"
    if max(out * in_ for _, out, in_ in shape.factor_shapes) > _LARGEST_FACTOR:
        return "its factors would not stay in cache; a matrix product does as well"
    return native.supports(problem)


def linear_fused(
    x: Tensor, factors: Sequence[Tensor], bias: Sequence[Tensor], groups: Sequence[int]
) -> Tensor:
    """`x W^T + bias` by the kernel; shapes as in `ops.linear.linear_rows`.

    `groups` says which neighbours are multiplied out first. float16 on the CPU is computed in
    float32 and rounded once: torch's own products take it many times slower there.
    """
    if x.is_cuda:
        return triton_linear.linear(x, factors, kron_bias(bias) if bias else None, groups)
    if x.dtype == torch.float16:
        wide = [tensor.float() for tensor in (x, *factors, *bias)]
        count = len(factors) + 1
        return native.linear(wide[0], wide[1:count], wide[count:], groups).half()
    return native.linear(x, factors, bias, groups)
