"""Proof that no sum of the integer code leaves 32 bits, whatever the input is.

Sums are bounded by the sum of the absolute values of their terms, so that every partial sum, in
any order, is bounded, too.
"""

from __future__ import annotations

from math import prod

import numpy as np

from qimlp.export.c.integers.network import IntegerLayer, Integers
from qimlp.export.c.integers.simulation import zero_correction

_LIMIT = 2**31 - 1
_MOST_ZERO_BITS = 8


def zero_bits(zero: float, weights: Integers) -> int:
    """Choose how exactly the input's zero is held.

    Args:
        zero: What stands for 0.
        weights: Of the first step, of shape (out, rank, in).

    Returns:
        Bits behind the binary point, at least 1.
    """
    largest = max(1, int(np.abs(weights.sum(axis=2)).max()))
    bits = _MOST_ZERO_BITS
    while bits > 1 and (abs(zero) + 129) * 2**bits * largest > _LIMIT:
        bits -= 1
    return bits


def largest_sums(layer: IntegerLayer) -> list[int]:
    """Bound what the code computes.

    It holds inputs of 8 bits as bytes, 128 more than they are, and so the weights of the last step
    but for a single one; what that adds is subtracted behind the sum.

    Args:
        layer: Quantised.

    Returns:
        Bounds of the absolute value of every partial sum and product.
    """
    bounds = [_zero_product(layer)]
    reach = np.full(layer.rank, 128 if layer.bytes_in else 32768, dtype=np.int64)  # by copy
    for place, weights in enumerate(layer.weights):
        raw = np.abs(weights).sum(axis=2) * reach  # (out, rank)
        terms = raw + np.abs(zero_correction(layer)) if place == 0 else raw
        if place == 0 and layer.bytes_in:
            bounds.append(2 * int(raw.max()))
        if place < len(layer.between):
            starts = np.array([r.start for r in layer.between[place]])
            bounds.append(int((terms + starts).max()))
            reach = _reach(layer, place, terms)
            continue
        if place > 0:
            bounds.append(255 * int(reach.sum()) * weights.shape[2])
        start = 0 if layer.activation is None else layer.activation.rescale.start
        bounds.append(int(terms.sum(axis=1).max()) + _largest_bias(layer) + start)
    return bounds


def _zero_product(layer: IntegerLayer) -> int:
    offset = 128 << layer.zero_bits if layer.bytes_in else 0
    largest = int(np.abs(layer.weights[0].sum(axis=2)).max())
    return (abs(layer.zero + offset) + (1 << layer.zero_bits)) * largest


def require_no_overflow(layer: IntegerLayer) -> None:
    """Refuse a layer whose sums could overflow.

    Args:
        layer: Quantised.

    Raises:
        ValueError: If one could.
    """
    largest = max(largest_sums(layer))
    if largest > _LIMIT:
        raise ValueError(
            f"a sum of the layer of {prod(layer.in_dims)} inputs and {prod(layer.out_dims)} "
            f"outputs could reach {largest:,}, which 32 bits do not hold; take activations of 8 "
            "bits, or floats"
        )


def _reach(layer: IntegerLayer, place: int, terms: Integers) -> Integers:
    """Bound what is behind a step, of each copy."""
    largest = terms.max(axis=0)
    held = [
        ((int(most) + r.start) * r.multiplier >> (32 + r.shift)) + 1
        for most, r in zip(largest, layer.between[place], strict=True)
    ]
    return np.minimum(np.array(held, dtype=np.int64), layer.limit)


def _largest_bias(layer: IntegerLayer) -> int:
    return int(np.prod([int(np.abs(vector).max()) for vector in layer.bias]))
