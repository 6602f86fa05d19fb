"""The integer arithmetic in NumPy: what the C code computes, bit for bit.

Sums of products are taken by matrix products of `float64`, which are exact: all integers stay far
below 2^53.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qimlp.export.c.integers.network import (
    Activation,
    Entry,
    IntegerLayer,
    IntegerNetwork,
    Integers,
    Rescale,
)

_ROWS = 1000  # at a time, which bounds memory


def simulate(network: IntegerNetwork, raw: ArrayLike) -> Integers:
    """Compute what the C code returns.

    Args:
        network: Quantised.
        raw: Raw examples of shape (n, features).

    Returns:
        Accumulators of the last layer, of shape (n, outputs).
    """
    rows = np.asarray(raw)
    parts = [_outputs(network, rows[first : first + _ROWS]) for first in range(0, len(rows), _ROWS)]
    return np.concatenate(parts) if parts else np.empty((0, network.layers[-1].out_features), int)


def _outputs(network: IntegerNetwork, raw: NDArray[np.generic]) -> Integers:
    x = enter(network.entry, raw, network.order)
    for layer in network.layers:
        x = apply(layer, x)
    return x


def enter(entry: Entry, raw: ArrayLike, order: tuple[int, ...] | None) -> Integers:
    """Turn raw examples into integers.

    Args:
        entry: How.
        raw: Of shape (n, features).
        order: Numbers of the raw features in the network's order, or None.

    Returns:
        Of the same shape, in the network's order.
    """
    rows = np.asarray(raw)
    x: Integers = _entered(entry, rows)
    return x if order is None else x[:, list(order)]


def _entered(entry: Entry, rows: NDArray[np.generic]) -> Integers:
    if entry.kind == "pixels":
        return _pixels(entry, rows.astype(np.int64))
    if entry.kind == "bytes":
        moved = (rows.astype(np.int64) * entry.multipliers + entry.offsets) >> entry.bits
        held: Integers = np.clip(moved, 0, entry.most - entry.least) + entry.least
        return held
    difference = rows.astype(np.float32) - entry.shift
    product = difference * entry.factor
    places = product + np.float32(entry.zero - entry.least + 0.5)
    limit = np.float32(entry.most - entry.least)
    clamped = np.fmin(np.fmax(places, np.float32(0)), limit)  # not a number: the least
    whole: Integers = clamped.astype(np.int64) + entry.least
    return whole


def _pixels(entry: Entry, rows: Integers) -> Integers:
    return rows - 128 if entry.most == 127 else rows * 128 - round(entry.zero)


def apply(layer: IntegerLayer, x: Integers) -> Integers:
    """Apply a layer.

    Args:
        layer: Quantised.
        x: Its input, of shape (n, in_features).

    Returns:
        Its output, of shape (n, out_features).
    """
    acc = accumulators(layer, x)
    return acc if layer.activation is None else activate(layer.activation, acc)


def accumulators(layer: IntegerLayer, x: Integers) -> Integers:
    """Compute the sums of a layer's last step.

    Args:
        layer: Quantised.
        x: Its input, of shape (n, in_features).

    Returns:
        Of shape (n, out_features), bias included.
    """
    *_, sums = steps(layer, x)
    total: Integers = sums.sum(axis=1)
    bias = layer.full_bias.reshape([layer.out_dims[mode] for mode in layer.order])
    total += bias.transpose(np.argsort(layer.order))
    return total.reshape(len(x), layer.out_features)


def steps(layer: IntegerLayer, x: Integers) -> Iterator[Integers]:
    """Go through a layer's steps.

    Args:
        layer: Quantised.
        x: Its input, of shape (n, in_features).

    Yields:
        The sums behind each mode product, of shape (n, rank, bodies); those of the first hold what
        makes up for the input's zero. Between the steps they are rescaled.
    """
    grid = np.repeat(x.reshape(len(x), 1, *layer.in_dims), layer.rank, axis=1)
    for place, (mode, weights) in enumerate(zip(layer.order, layer.weights, strict=True)):
        sums = contract(grid, weights, mode)
        if place == 0:
            correction = zero_correction(layer)
            sums = sums - _along(correction, mode, sums.ndim)
        yield sums
        if place < len(layer.between):
            grid = np.stack(
                [
                    np.clip(rescaled(sums[:, c], rescale), -layer.limit, layer.limit)
                    for c, rescale in enumerate(layer.between[place])
                ],
                axis=1,
            )


def contract(grid: Integers, weights: Integers, mode: int) -> Integers:
    """Multiply a factor into one body.

    Args:
        grid: Of shape (n, rank, bodies).
        weights: Of shape (out, rank, in).
        mode: Which body.

    Returns:
        Of shape (n, rank, bodies).
    """
    last = np.moveaxis(grid, mode + 2, -1).astype(np.float64)
    copies = [last[:, c] @ weights[:, c].T.astype(np.float64) for c in range(weights.shape[1])]
    return np.moveaxis(np.stack(copies, axis=1).astype(np.int64), -1, mode + 2)


def zero_correction(layer: IntegerLayer) -> Integers:
    """What the input's zero adds to the sums of the first step.

    Args:
        layer: Quantised.

    Returns:
        Of shape (out, rank).
    """
    products: Integers = layer.zero * layer.weights[0].sum(axis=2)
    return products >> layer.zero_bits


def _along(values: Integers, mode: int, dimensions: int) -> Integers:
    """Bring (out, rank) to the shape of (n, rank, bodies)."""
    shape = [1] * dimensions
    shape[1], shape[mode + 2] = values.shape[1], values.shape[0]
    return values.T.reshape(shape)


def rescaled(acc: Integers, rescale: Rescale) -> Integers:
    """Bring sums to the units of what follows, rounded.

    Args:
        acc: Sums.
        rescale: The ratio.

    Returns:
        Of the same shape.
    """
    products: Integers = (acc + rescale.start) * rescale.multiplier
    return (products >> 32) >> rescale.shift


def activate(activation: Activation, acc: Integers) -> Integers:
    """Compute what the next layer takes.

    Args:
        activation: How.
        acc: Sums of any shape.

    Returns:
        Of the same shape.
    """
    p = rescaled(acc, activation.rescale)
    y = _function(activation, p)
    half = (1 << activation.fine_bits) >> 1
    moved = y + ((activation.zero - activation.least) << activation.fine_bits) + half
    whole: Integers = np.maximum(moved, 0) >> activation.fine_bits
    whole = np.minimum(whole, activation.most - activation.least)
    return whole + activation.least


def _function(activation: Activation, p: Integers) -> Integers:
    if activation.name == "identity":
        return p
    if activation.name == "relu":
        return np.maximum(p, 0)
    table, bits = np.array(activation.table, np.int64), activation.step_bits
    u = np.minimum(np.abs(p), (64 << bits) - 1)
    place, rest = u >> bits, u & ((1 << bits) - 1)
    mixed = table[place] * ((1 << bits) - rest) + table[place + 1] * rest
    d = (mixed + ((1 << bits) >> 1)) >> bits
    y: Integers = np.where(p < 0, -d, d) if activation.name == "tanh" else np.maximum(p, 0) - d
    return y
