"""What torch itself offers to make a model smaller: pruned weights, weights in int8."""

from __future__ import annotations

import copy
import warnings

import torch
from torch import nn
from torch.nn.utils import prune

BYTES = 4
"""Of a number in float32."""
_PRUNED_BYTES = 6  # a number in float32 and its column in 16 bits


def pruned(model: nn.Sequential, num_bytes: int) -> nn.Sequential:
    """Keep a model's weights of largest magnitude, over all layers.

    Args:
        model: The model; stays as it is.
        num_bytes: Of what is kept, with the place of every weight, and of the biases.

    Returns:
        A copy whose other weights are zero and stay so in training.

    Raises:
        ValueError: Not even the biases fit.
    """
    found = copy.deepcopy(model)
    layers = [layer for layer in found if isinstance(layer, nn.Linear)]
    biases = sum(layer.out_features for layer in layers)
    kept = (num_bytes - BYTES * biases) // _PRUNED_BYTES
    total = sum(layer.weight.numel() for layer in layers)
    if kept < 1:
        raise ValueError(f"the biases alone take {BYTES * biases:,} bytes")
    prune.global_unstructured(
        [(layer, "weight") for layer in layers],
        pruning_method=prune.L1Unstructured,
        amount=max(total - kept, 0),
    )
    return found


def rounded(model: nn.Sequential, bits: int = 8) -> tuple[nn.Sequential, int]:
    """Round a model's weights to integers, with a scale for every output.

    Args:
        model: The model; stays as it is.
        bits: Of an integer.

    Returns:
        A copy that computes in float32 with the rounded weights, and the bytes that they take.
    """
    found = copy.deepcopy(model)
    most = 2 ** (bits - 1) - 1
    size = 0
    with torch.no_grad():
        for layer in found:
            if isinstance(layer, nn.Linear):
                scale = layer.weight.abs().amax(dim=1, keepdim=True) / most
                layer.weight.copy_((layer.weight / scale).round() * scale)
                size += layer.weight.numel() * bits // 8 + 2 * BYTES * layer.out_features
    return found, size


def dynamic_int8(model: nn.Sequential) -> nn.Module:
    """Quantise a model's linear layers by torch: weights and, as they come, inputs in int8.

    Args:
        model: The model; stays as it is.

    Returns:
        A copy that computes in int8.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls it deprecated; it has no other of its own
        quantised: nn.Module = torch.ao.quantization.quantize_dynamic(model, {nn.Linear})
    return quantised
