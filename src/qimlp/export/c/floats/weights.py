"""Factors as the tables that C reads: in single precision, 8 bits or 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from qimlp.export.c.integers.factors import round_factors
from qimlp.export.c.literals import table
from qimlp.export.c.packing import pack_i4
from qimlp.export.description import Array, Layer

Weights: TypeAlias = Literal["f32", "i8", "i4"]
WEIGHTS: tuple[Weights, ...] = get_args(Weights)

_C_TYPES = {"f32": "float", "i8": "int8_t", "i4": "uint8_t"}
_MOST_EXAMPLES = 1024


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


def hold(layers: Sequence[Layer], weights: Weights, examples: Array) -> list[Held]:
    """Round the factors of all layers.

    In 8 and 4 bits each copy of each factor has a scale; a copy's scales are multiplied into one,
    which its sum is multiplied by at the end. Numbers are rounded so that each layer's outputs on
    the examples stay what they were, also where the layers before it were rounded.

    Args:
        layers: As `simplified` gives them.
        weights: How factors are held.
        examples: Inputs of the first layer, of shape (n, in_features).

    Returns:
        The factors of each layer.
    """
    if weights == "f32":
        return [_single(layer) for layer in layers]
    exact = rounded = examples[:_MOST_EXAMPLES]
    found = []
    for layer in layers:
        plain = Layer(layer.factors, None, None, "identity")
        held = _whole(layer, weights, rounded, plain.apply(exact))
        exact, rounded = layer.apply(exact), held.layer.apply(rounded)
        found.append(held)
    return found


def _single(layer: Layer) -> Held:
    size = 4 * sum(factor.size for factor in layer.factors)
    return Held(layer, layer.factors, tuple(f[0].size for f in layer.factors), None, size)


def _whole(layer: Layer, weights: Weights, inputs: Array, wanted: Array) -> Held:
    made = round_factors(layer, inputs, wanted, weights)
    scales: Array = np.prod(np.stack(made.scales), axis=0)
    rows = [whole.reshape(len(whole), -1) for whole in made.integers]
    tables = [np.asarray(pack_i4(numbers) if weights == "i4" else numbers) for numbers in rows]
    sizes = tuple(numbers.size // len(whole) for numbers, whole in zip(tables, rows, strict=True))
    changed = replace(layer, factors=tuple(made.values))
    return Held(changed, tuple(tables), sizes, scales, sum(numbers.size for numbers in tables))


def factor_table(weights: Weights, name: str, numbers: NDArray[np.generic]) -> str:
    """Declare the table of one factor."""
    return table(c_type(weights), name, numbers)
