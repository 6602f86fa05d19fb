"""The fused GPU kernels as one more method, and why they cannot compute where they cannot.

Importing this imports no Triton; the first call does.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from math import prod
from typing import Any

import torch
from torch import Tensor

from qimlp.ops._torch_private import constant_while_traced
from qimlp.ops.merge import merge_factors

_LEAST_CAPABILITY = (8, 0)
_LEAST_TRITON = (3, 4)  # older compilers fail on several copies


def available() -> bool:
    """Whether the kernels can run on the current CUDA device."""
    return not reason()


def reason() -> str:
    """Why the kernels cannot run here, in one line; empty where they can."""
    if find_spec("triton") is None:
        return 'Triton is not installed: pip install "qimlp[gpu]"'
    if torch.version.hip is not None:
        return "the kernels are written for NVIDIA GPUs, this one is AMD's"
    installed = _version()
    if tuple(map(int, installed.split(".")[:2])) < _LEAST_TRITON:
        needed = ".".join(map(str, _LEAST_TRITON))
        return f"the kernels need Triton {needed} or newer, {installed} is installed; update torch"
    if not torch.cuda.is_available():
        return "torch finds no CUDA device"
    capability = torch.cuda.get_device_capability()
    if capability < _LEAST_CAPABILITY:
        needed, found = (".".join(map(str, pair)) for pair in (_LEAST_CAPABILITY, capability))
        return f"the kernels need compute capability {needed} or newer, this GPU has {found}"
    return ""


def _version() -> str:
    try:
        return version("triton")
    except PackageNotFoundError:  # installed under another name, as for Windows
        return str(import_module("triton").__version__)


def linear(
    x: Tensor, factors: Sequence[Tensor], bias: Tensor | None, groups: Sequence[int]
) -> Tensor:
    """`x W^T + bias` through the fused kernels, differentiable any number of times.

    Two groups are one kernel; more are applied pair by pair, each pair fused.

    Args:
        x: Shape `(rows, in_features)`.
        factors: M tensors of shape `(rank, out_i, in_i)`.
        bias: Shape `(out_features,)`, or none.
        groups: How many neighbouring factors are multiplied out into each factor used, as
            `shapes.gpu_limits.fused_groups` says for a layer that `supports` takes there.

    Returns:
        Shape `(rows, out_features)`.
    """
    _register()
    return linear_with(torch.ops.qimlp.kron_linear, x, factors, bias, groups)


@constant_while_traced
def _register() -> None:
    """A traced graph holds the operator; registering it is no part of it."""
    import_module("qimlp.ops.triton.operator").register()


def linear_with(
    operator: Any,
    x: Tensor,
    factors: Sequence[Tensor],
    bias: Tensor | None,
    groups: Sequence[int],
) -> Tensor:
    """`linear` through a given registration of the operator."""
    if len(groups) == 2:
        y: Tensor = operator(x, factors, bias, groups)
        return y
    y = _pair_by_pair(operator, x, merge_factors(factors, groups))
    return y if bias is None else y + bias


def _pair_by_pair(operator: Any, x: Tensor, factors: Sequence[Tensor]) -> Tensor:
    """Three or more factors of one copy: a single one first, then pairs from the last on.

    A pair's outputs are put in front of the axes still to be contracted, so that the next pair
    is the last again, and all have turned into order in the end.
    """
    rows, width = x.shape
    out_features, z = prod(factor.shape[1] for factor in factors), x
    blocks = rows  # each holds the axes that the pairs contract, `width` elements
    if len(factors) % 2:
        head, factors = factors[0], factors[1:]
        _, n_out, n_in = head.shape
        width, blocks = width // n_in, rows * n_out
        z = torch.bmm(head.expand(rows, n_out, n_in), z.reshape(rows, n_in, width))
    for a, b in zip(factors[-2::-2], factors[-1::-2], strict=True):
        n_in, n_out = a.shape[2] * b.shape[2], a.shape[1] * b.shape[1]
        rest = width // n_in
        z = operator(z.reshape(blocks * rest, n_in), [a, b], None, (1, 1))
        z = z.view(blocks, rest, n_out).transpose(1, 2)
        width = rest * n_out
    return z.reshape(rows, out_features)
