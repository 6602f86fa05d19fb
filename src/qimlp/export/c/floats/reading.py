"""Raw features on their way into the first layer: order, zero point and unit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qimlp.export.c.indices import indices
from qimlp.export.c.literals import real, table
from qimlp.export.description import Array, Description, Layer

_FINE = 2.0**-21  # of a unit: below this, what a float cannot hold of a zero point is left out


@dataclass(frozen=True, eq=False)
class Reading:
    """How the first layer gets its input.

    Attributes:
        code: Tables and the function `NAME_read(x, k)`, which gives feature k of the network; empty
            where the first layer reads raw features as they are.
        table_bytes: Size of the tables.
        code_bytes: About the size of the code in Thumb-2.
        layer: The first layer, with the unit of all features multiplied in where they have one.
    """

    code: str
    table_bytes: int
    code_bytes: int
    layer: Layer


def reading(description: Description, name: str, input_type: str) -> Reading:
    """Write how raw features are read.

    One unit of all features goes into the first layer's weight, where it costs nothing. A zero
    point does not: one subtraction for each feature costs less than the sum of Kronecker products
    that it would add to a Kronecker bias, and is exact where features are large and differ little.

    Args:
        description: Of the network.
        name: Of the network.
        input_type: `"float"` or `"uint8_t"`.

    Returns:
        The reading.
    """
    layer, scale = description.layers[0], description.scale
    same_unit = bool((scale == scale[0]).all())
    if same_unit:
        factors = (layer.factors[0] / scale[0], *layer.factors[1:])
        layer = replace(layer, factors=factors)
    zero: Array = description.shift.astype(np.float32).astype(np.float64)
    rest = description.shift - zero
    if (np.abs(rest) <= _FINE * scale).all():
        rest = np.zeros(1)
    terms = [
        _term(f"{name}_zero", zero, "-"),
        _term(f"{name}_rest", rest, "-"),
        _term(f"{name}_unit", np.ones(1) if same_unit else 1 / scale, "*"),
    ]
    order = indices(description.order, name)
    if input_type == "float" and order is None and not any(term.text for term in terms):
        return Reading("", 0, 0, layer)
    value = "x[raw]" if input_type == "float" else "(float)x[raw]"
    for term in terms:
        value = f"({value}{term.text})" if term.text else value
    raw = "k" if order is None else f"{name}_raw(k)"
    code = (
        f"static float {name}_read(const {input_type} *x, size_t k)\n{{\n"
        f"    const size_t raw = {raw};\n    return {value};\n}}\n"
    )
    texts = [term.table for term in terms] + [order.code if order else "", code]
    size = sum(term.table_bytes for term in terms) + (order.table_bytes if order else 0)
    return Reading("\n".join(filter(None, texts)), size, 100 if order else 40, layer)


@dataclass(frozen=True)
class _Term:
    """What is done to a raw feature: nothing, or with one constant, or one from a table."""

    text: str = ""
    table: str = ""
    table_bytes: int = 0


def _term(name: str, values: Array, sign: str) -> _Term:
    if (values == values[0]).all():
        neutral = values[0] == (1 if sign == "*" else 0)
        return _Term() if neutral else _Term(f" {sign} {real(values[0])}")
    length = _block(values)
    place = "raw" if length == 1 else f"raw / {length}U"
    kept = values[::length]
    return _Term(f" {sign} {name}[{place}]", table("float", name, kept), 4 * len(kept))


def _block(values: Array) -> int:
    """Most neighbours that always share one number, as the pixels of a channel do."""
    size = len(values)
    lengths = (n for n in range(size, 0, -1) if size % n == 0)
    return next(n for n in lengths if (values.reshape(-1, n) == values[::n, None]).all())
