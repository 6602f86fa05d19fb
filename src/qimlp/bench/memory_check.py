"""Refuses what the machine has no memory for, before it is tried."""

from __future__ import annotations

import torch

from qimlp.bench.case import Case
from qimlp.bench.formatting import size
from qimlp.bench.memory import total_bytes
from qimlp.bench.problem import dense_fits

_EXACT = 8  # bytes of a number of the definition's result
_ROWS = 4  # input, output and their gradients, each at the layer's dtype and exactly
_WEIGHTS = 3  # the weight, its gradient and one more while it is built


def require_memory(case: Case, device: torch.device, dtype: torch.dtype) -> None:
    """Refuse a case whose tensors, with the definition's, do not fit.

    Args:
        case: The layer.
        device: Where its tensors lie.
        dtype: Their dtype.

    Raises:
        ValueError: If it needs more memory than the machine has.
    """
    if device.type == "cuda":
        has: int | None = torch.cuda.get_device_properties(device).total_memory
    else:
        has = total_bytes()
    each = torch.empty((), dtype=dtype).element_size() + _EXACT
    numbers = _ROWS * case.batch * case.shape.activation_elements()
    if dense_fits(case):
        numbers += _WEIGHTS * case.shape.dense_weight_parameters
    needs = each * numbers
    if has is not None and needs > has:
        raise ValueError(
            f"{case.label} in {str(dtype).removeprefix('torch.')} needs about {size(needs)} to be "
            f"checked and timed, and {device} has {size(has)}; take a smaller batch or layer"
        )
