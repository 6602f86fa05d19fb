"""Round a layer's factors so that its outputs stay what they were.

A layer is linear in each of its factors, so the squared error of its outputs on examples is a
quadratic form in one factor: its minimum over integers is searched coordinate by coordinate, one
factor after the other. What the rounding of one factor spoils, the next ones make up for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qimlp.export.c.integers.network import Integers
from qimlp.export.description import Array, Layer

_LIMITS = {"i8": (-127, 127), "i4": (-8, 7)}
_ROUNDS = {"i8": 2, "i4": 6}
_SWEEPS = 10
_RIDGE = 1e-4  # of the mean squared input, holds what the examples do not determine
_SHRUNK = {"i8": (1.0,), "i4": tuple(np.linspace(0.55, 1.15, 25).tolist())}


@dataclass
class RoundedFactors:
    """Integer factors of a layer.

    Attributes:
        integers: Of each mode, of shape (rank, out, in).
        scales: Of each mode, value of a unit for each copy.
        values: Both multiplied.
    """

    integers: list[Integers] = field(default_factory=list)
    scales: list[Array] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)


def round_factors(layer: Layer, x: Array, target: Array, bits: str) -> RoundedFactors:
    """Round all factors of a layer.

    Args:
        layer: With factors of which none is empty.
        x: Inputs as the layer will get them, of shape (n, in_features).
        target: What it should make of them, without bias, of shape (n, out_features).
        bits: `"i8"` or `"i4"`.

    Returns:
        The rounded factors.
    """
    found = RoundedFactors(values=_shared_size(layer.factors))
    found.integers = [np.zeros(f.shape, np.int64) for f in found.values]
    found.scales = [np.ones(f.shape[0]) for f in found.values]
    best, least = found, np.inf
    for _ in range(_ROUNDS[bits]):
        for mode in range(len(layer.factors)):
            _round_one(found, mode, layer, (x, target), bits)
        error = _error(found.values, x, target)
        if error < least:
            best = RoundedFactors(list(found.integers), list(found.scales), list(found.values))
            least = error
    return best


def _shared_size(factors: tuple[Array, ...]) -> list[Array]:
    """Give all factors of a copy one largest entry, which leaves their product as it is."""
    largest = np.stack([np.abs(f).max(axis=(1, 2)) for f in factors])
    alive = (largest > 0).all(axis=0)
    mean = np.exp(np.log(np.where(alive, largest, 1.0)).mean(axis=0))
    return [
        f * np.where(alive, mean / np.where(alive, size, 1.0), 0.0)[:, None, None]
        for f, size in zip(factors, largest, strict=True)
    ]


def _error(values: list[Array], x: Array, target: Array) -> float:
    rounded = Layer(tuple(values), None, None, "identity")
    return float(np.square(rounded.apply(x) - target).mean())


def _round_one(
    found: RoundedFactors, mode: int, layer: Layer, examples: tuple[Array, Array], bits: str
) -> None:
    gram, cross = _normal_equations(found.values, mode, layer, *examples)
    rank, outs, ins = found.values[mode].shape
    flat = found.values[mode].transpose(0, 2, 1).reshape(rank * ins, outs)
    ridge = _RIDGE * max(float(np.trace(gram)) / len(gram), 1e-30)
    gram[np.diag_indices_from(gram)] += ridge
    cross = cross + ridge * flat
    ideal = np.asarray(np.linalg.solve(gram, cross), np.float64)
    scales = _scales(ideal.reshape(rank, ins, outs), gram, bits)
    integers = _search(gram, cross, ideal, np.repeat(scales, ins)[:, None], _LIMITS[bits])
    whole = integers.reshape(rank, ins, outs).transpose(0, 2, 1)
    found.integers[mode] = whole
    found.scales[mode] = scales
    found.values[mode] = whole * scales[:, None, None]


def _normal_equations(
    values: list[Array], mode: int, layer: Layer, x: Array, target: Array
) -> tuple[Array, Array]:
    """Products of what a factor is multiplied with, and of that with the target."""
    shape = layer.shape
    grid = np.repeat(x.reshape(len(x), 1, *shape.in_dims), shape.rank, axis=1)
    for other, factor in enumerate(values):
        if other != mode:
            last = np.moveaxis(grid, other + 2, -1)
            product = np.stack([last[:, c] @ factor[c].T for c in range(shape.rank)], axis=1)
            grid = np.moveaxis(product, -1, other + 2)
    inputs = np.moveaxis(np.moveaxis(grid, mode + 2, -1), 1, -2)
    matrix = inputs.reshape(-1, shape.rank * shape.in_dims[mode])
    wanted = np.moveaxis(target.reshape(len(x), *shape.out_dims), mode + 1, -1)
    wanted = wanted.reshape(-1, shape.out_dims[mode])
    return matrix.T @ matrix, matrix.T @ wanted


def _scales(ideal: Array, gram: Array, bits: str) -> Array:
    """The unit of each copy: the one whose grid is nearest, inputs weighted by their size."""
    least, most = _LIMITS[bits]
    rank, ins, _ = ideal.shape
    weight = np.diag(gram).reshape(rank, ins, 1)
    scales = np.empty(rank)
    for c in range(rank):
        largest = max(float(np.abs(ideal[c]).max()), 1e-30)
        errors = []
        for shrunk in _SHRUNK[bits]:
            unit = largest * shrunk / most
            error = np.clip(np.round(ideal[c] / unit), least, most) * unit - ideal[c]
            errors.append(float((weight[c] * error**2).sum()))
        scales[c] = largest * _SHRUNK[bits][int(np.argmin(errors))] / most
    return scales


def _search(
    gram: Array, cross: Array, ideal: Array, units: Array, limits: tuple[int, int]
) -> Integers:
    """Lower the quadratic form coordinate by coordinate, for all outputs at a time."""
    whole = np.clip(np.round(ideal / units), *limits)
    slope = cross - gram @ (whole * units)
    for _ in range(_SWEEPS):
        moved = False
        for place in range(len(gram)):
            step = np.round(slope[place] / (gram[place, place] * units[place]))
            step = np.clip(whole[place] + step, *limits) - whole[place]
            if step.any():
                moved = True
                whole[place] += step
                slope -= gram[:, place : place + 1] * (step * units[place])
        if not moved:
            break
    return whole.astype(np.int64)
