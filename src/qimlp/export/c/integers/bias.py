"""A bias in integers: two vectors where that is smaller, else one."""

from __future__ import annotations

from math import prod

import numpy as np

from qimlp.export.c.integers.network import Integers
from qimlp.export.description import Array, Layer

_MOST = 32767


def quantised_bias(
    layer: Layer, drift: Array, order: tuple[int, ...], unit: float
) -> tuple[Integers, ...]:
    """Quantise a bias, with what rounding the weights took from the mean of each output.

    Args:
        layer: In floats.
        drift: To be added to the bias, of shape (out_features,).
        order: In which modes are contracted; its outputs come in that order, the first slowest.
        unit: Value of a unit of the accumulator.

    Returns:
        Two vectors of 16 bits whose outer product is the bias, or one of 32.
    """
    shape = layer.shape
    full = (layer.full_bias + drift).reshape(shape.out_dims).transpose(order)
    split = best_split([shape.out_dims[mode] for mode in order])
    outer = layer.bias is None and split is not None
    if outer and layer.bias_factors is not None:
        outer = len(order) > 1
    if not outer or split is None:
        return (_clipped(full.ravel() / unit, 2**31 - 1),)
    rows = prod(full.shape[:split])
    left, sizes, right = np.linalg.svd(full.reshape(rows, -1) / unit, full_matrices=False)
    root = np.sqrt(sizes[0])
    vectors = [left[:, 0] * root, right[0] * root]
    largest = [max(float(np.abs(v).max()), 1e-30) for v in vectors]
    ratio = np.sqrt(largest[1] / largest[0]) if sizes[0] > 0 else 1.0
    return (_clipped(vectors[0] * ratio, _MOST), _clipped(vectors[1] / ratio, _MOST))


def best_split(dims: list[int]) -> int | None:
    """After how many bodies two vectors take the fewest bytes.

    Args:
        dims: Bodies of the output.

    Returns:
        The number; None where one vector of all outputs takes no more.
    """
    costs = {place: 2 * (prod(dims[:place]) + prod(dims[place:])) for place in range(1, len(dims))}
    if not costs or min(costs.values()) >= 4 * prod(dims):
        return None
    return min(costs, key=lambda place: costs[place])


def _clipped(values: Array, most: int) -> Integers:
    return np.clip(np.round(values), -most, most).astype(np.int64)
