"""The device of one process."""

import torch


def pick_device(name: str) -> torch.device:
    """Find a device.

    Args:
        name: `"auto"`, `"cpu"`, `"mps"`, `"cuda"`, `"cuda:1"` and so on.

    Returns:
        The device.

    Raises:
        ValueError: If it is not there.
    """
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device {name!r}: expected auto, cpu, cuda, cuda:1, mps or another name of torch's"
        ) from None
    if device.type == "cpu":
        return device
    if found is None or found.type != device.type:
        raise ValueError(
            f"device {name!r} is not available here; available: cpu"
            + (f", {found.type}" if found else "")
        )
    count = torch.accelerator.device_count()
    if device.index is not None and device.index >= count:
        raise ValueError(f"device {name!r}: this machine has {count}, numbered from 0")
    return device
