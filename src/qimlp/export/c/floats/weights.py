"""Factors as the tables that C reads: in single precision, 8 bits or 4."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from qimlp.export.c.literals import table
from qimlp.export.description import Array, Layer

Weights: TypeAlias = Literal["f32", "i8", "i4"]
WEIGHTS: tuple[Weights, ...] = get_args(Weights)

_LARGEST = {"i8": 127, "i4": 7}
_C_TYPES = {"f32": "float", "i8": "int8_t", "i4": "uint8_t"}
_CLIPPING = np.linspace(0.6, 1.0, 41)  # parts of the largest number that scales are tried at


@dataclass(frozen=True, eq=False)
class Held:
    """A layer's factors as they are held.

    Attributes:
        layer: The layer that they make.
        tables: The elements of each factor's table.
        copy_sizes: Elements of a table for each copy.
        scales: What the sum of each copy is multiplied by; None in single precision.
        numbers_bytes: Size of the tables of the factors.
    """

    layer: Layer
    tables: tuple[NDArray[np.generic], ...]
    copy_sizes: tuple[int, ...]
    scales: Array | None
    numbers_bytes: int


def c_type(weights: Weights) -> str:
    """Name the type of a table's elements in C."""
    return _C_TYPES[weights]


def hold(layer: Layer, weights: Weights) -> Held:
    """Round a layer's factors.

    In 8 and 4 bits each copy of each factor has a scale; a copy's scales are multiplied into one,
    which its sum is multiplied by at the end.

    Args:
        layer: As `simplified` gives it.
        weights: How factors are held.

    Returns:
        The factors.
    """
    if weights == "f32":
        size = 4 * sum(factor.size for factor in layer.factors)
        return Held(layer, layer.factors, tuple(f[0].size for f in layer.factors), None, size)
    rounded = [_rounded(factor, _LARGEST[weights]) for factor in layer.factors]
    scales: Array = np.prod(np.stack([scale for _, scale in rounded]), axis=0)
    factors = tuple(whole * scale[:, None, None] for whole, scale in rounded)
    tables = tuple(
        whole.reshape(len(whole), -1) if weights == "i8" else _packed(whole) for whole, _ in rounded
    )
    size = sum(numbers.size for numbers in tables)
    sizes = tuple(numbers.shape[1] for numbers in tables)
    return Held(replace(layer, factors=factors), tables, sizes, scales, size)


def _rounded(factor: Array, largest: int) -> tuple[NDArray[np.int64], Array]:
    """Whole numbers and a scale for each copy, of all scales tried the one with the least error."""
    whole, scales = np.zeros(factor.shape, np.int64), np.ones(len(factor))
    for copy, values in enumerate(factor):
        top = np.abs(values).max()
        if top == 0:
            continue
        tried = [float(np.float32(top * part / largest)) for part in _CLIPPING]
        rounded = [np.clip(np.rint(values / scale), -largest, largest) for scale in tried]
        errors = [((w * s - values) ** 2).sum() for w, s in zip(rounded, tried, strict=True)]
        best = int(np.argmin(errors))
        whole[copy], scales[copy] = rounded[best], tried[best]
    return whole, scales


def _packed(whole: NDArray[np.int64]) -> NDArray[np.int64]:
    """Two numbers a byte, the first in the low half, 8 added; each copy begins with a byte."""
    flat = whole.reshape(len(whole), -1) + 8
    if flat.shape[1] % 2:
        flat = np.pad(flat, ((0, 0), (0, 1)))
    return flat[:, ::2] + 16 * flat[:, 1::2]


def factor_table(weights: Weights, name: str, numbers: NDArray[np.generic]) -> str:
    """Declare the table of one factor."""
    return table(c_type(weights), name, numbers)
