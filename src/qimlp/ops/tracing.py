"""Whether a call runs now and plainly, or is being transformed or traced."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from qimlp.ops._torch_private import is_transformed, transforms_are_active

# torch 2.6 does not say whether it exports; then the kernel may stand in an exported program.
_exporting: Callable[[], bool] = getattr(torch.compiler, "is_exporting", lambda: False)


def is_plain_call() -> bool:
    """Whether neither `torch.compile`/`torch.export` nor a transform of `torch.func` is at work."""
    return not torch.compiler.is_compiling() and not transforms_are_active()


def needs_composite() -> bool:
    """Whether a call must be made of torch's own operations.

    An exported program should need no other library, and transforms and forward-mode tangents know
    every one of torch's operations.
    """
    if torch.compiler.is_compiling():
        return _exporting()
    return is_transformed()


def needs_grad(x: Tensor, factors: Sequence[Tensor], bias: Sequence[Tensor]) -> bool:
    """Whether autograd records a call on these tensors."""
    if not torch.is_grad_enabled():
        return False
    if x.requires_grad:
        return True
    for tensor in factors:
        if tensor.requires_grad:
            return True
    return any(vector.requires_grad for vector in bias)
