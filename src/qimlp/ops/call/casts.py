"""The casts of `torch.autocast`, as `torch.nn.functional.linear` sees them."""

from __future__ import annotations

import torch
from torch import Tensor


def autocast_dtype(device: str) -> torch.dtype | None:
    """What autocast casts to on that type of device; None where it is off."""
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return None


def autocast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The floating-point tensor in `dtype`; float64 stays what it is."""
    return tensor if tensor.dtype == torch.float64 else tensor.to(dtype)
