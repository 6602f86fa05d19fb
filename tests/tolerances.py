"""Tolerances per dtype, in one table; never loosened to get green."""

import torch

#: dtype -> (relative, absolute), for results of unit scale.
TOLERANCES = {
    torch.float64: (1e-10, 1e-11),
    torch.float32: (1e-4, 1e-5),
    torch.bfloat16: (3e-2, 3e-2),
    torch.float16: (4e-3, 4e-3),
}


def assert_close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    """Compare with the tolerance of `actual`'s dtype; `expected` may be wider."""
    rtol, atol = TOLERANCES[actual.dtype]
    torch.testing.assert_close(
        actual.to(expected.dtype), expected, rtol=rtol, atol=atol, check_stride=False
    )
