"""What is asked of arguments that say where tensors lie and of which type they are."""

from __future__ import annotations

import torch


def check_dtype(dtype: object) -> None:
    """Check a `dtype` argument.

    Args:
        dtype: A floating-point `torch.dtype`, or None for torch's default.

    Raises:
        TypeError: It is something else, such as the name of one.
    """
    if dtype is None:
        return
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"dtype: expected a torch.dtype such as torch.float32, got {dtype!r:.80}")
    if not dtype.is_floating_point:
        raise TypeError(f"dtype: expected a floating-point dtype, got {dtype}")
    if dtype.itemsize < 2:  # float8 and smaller: torch stores them and computes in others
        raise TypeError(f"dtype: expected one to compute in, such as torch.bfloat16, got {dtype}")


def check_device(device: object) -> None:
    """Check a `device` argument.

    Args:
        device: Anything that `torch.device` takes, or None for torch's default.

    Raises:
        TypeError: It is of another type.
        ValueError: It is a text or number that names no device.
    """
    if device is None or isinstance(device, torch.device):
        return
    line = f'device: expected a torch.device or a name such as "cuda:0", got {device!r:.80}'
    if not isinstance(device, (str, int)) or isinstance(device, bool):
        raise TypeError(line)
    try:
        torch.device(device)
    except (RuntimeError, TypeError, OverflowError) as error:
        raise ValueError(line) from error
