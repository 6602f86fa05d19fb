"""The same network, untrained."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn


def untrained(network: nn.Module, seed: int, draws: int) -> Iterator[nn.Module]:
    """Draw a network's parameters anew again and again, in place: one network in memory.

    They are drawn as the layers do when they are made. Torch's random state stays as it is.

    Args:
        network: A copy of one's own, without an `obstacle_to_redrawing`.
        seed: Of the first draw; each further one has the next seed.
        draws: How many.

    Yields:
        The network itself, with other parameters each time.
    """
    cuda = sorted({p.get_device() for p in network.parameters() if p.is_cuda})
    for draw in range(draws):
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(seed + draw)
            for module in _resettable(network):
                module.reset_parameters()  # type: ignore[operator]
        yield network


def obstacle_to_redrawing(network: nn.Module) -> str | None:
    """Say why a network cannot be drawn anew.

    Args:
        network: The network.

    Returns:
        One line, or None where it can be.
    """
    drawn = {id(p) for module in _resettable(network) for p in module.parameters()}
    for name, parameter in network.named_parameters():
        if id(parameter) not in drawn:
            return f"the module of {name} has no reset_parameters; give untrained_networks instead."
    return None


def _resettable(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if callable(getattr(m, "reset_parameters", None))]
