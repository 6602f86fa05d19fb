"""How raw examples become integers, in C."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from qimlp.export.c.integers.network import Entry, IntegerNetwork
from qimlp.export.c.literals import real


class Tables(Protocol):
    """Where tables are written."""

    def table(self, kind: str, name: str, values: ArrayLike) -> str:
        """Add a table; returns its name."""
        ...


def entry_code(out: Tables, network: IntegerNetwork, raw: str) -> str:
    """Write the loop that fills the first layer's input.

    Args:
        out: Where tables go.
        network: Quantised.
        raw: Number of the raw feature for place `k`.

    Returns:
        Statements.
    """
    entry, count = network.entry, network.layers[0].in_features
    lines = {"pixels": _pixels, "bytes": _bytes, "floats": _floats}[entry.kind](out, entry)
    body = "".join(f"        {line}\n" for line in lines)
    return (
        f"    size_t k;\n    for (k = 0; k < {count}; k++) {{\n"
        f"        const size_t raw = {raw};\n{body}    }}\n"
    )


def _pixels(_out: Tables, entry: Entry) -> list[str]:
    if entry.most == 127:
        return ["state->a[k] = x[raw];"]
    return [f"state->a[k] = (@_value)((int32_t)x[raw] * 128 - {round(entry.zero)});"]


def _bytes(out: Tables, entry: Entry) -> list[str]:
    place = _place(entry.multipliers, entry.offsets)
    multiplier = _listed(out, "int32_t", "multipliers", entry.multipliers, place)
    offset = _listed(out, "int32_t", "offsets", entry.offsets, place)
    top = entry.most - entry.least
    moved = "" if entry.least == -128 else f" - {-entry.least}"
    return [
        f"int32_t value = @_down((int32_t)x[raw] * {multiplier} + {offset}, {entry.bits});",
        f"value = value < 0 ? 0 : value > {top} ? {top} : value;",
        f"state->a[k] = (@_value)(value{moved});",
    ]


def _floats(out: Tables, entry: Entry) -> list[str]:
    place = _place(entry.shift, entry.factor)
    shift = _listed(out, "float", "shift", entry.shift, place)
    factor = _listed(out, "float", "factor", entry.factor, place)
    top = entry.most - entry.least
    moved = "" if entry.least == -128 else f" - {-entry.least}"
    return [
        f"float value = x[raw] - {shift};",
        f"value = value * {factor};",
        f"value = value + {real(entry.zero - entry.least + 0.5)};",
        "if (!(value > 0.0f)) {",
        "    value = 0.0f;",
        "}",
        f"if (value > {real(top)}) {{",
        f"    value = {real(top)};",
        "}",
        f"state->a[k] = (@_value)((int32_t)value{moved});",
    ]


def _place(*values: np.ndarray) -> int:
    """How many neighbours share their numbers throughout."""
    count = max(len(v) for v in values)
    for width in range(count, 1, -1):
        if count % width == 0 and all(
            len(v) == 1 or (v.reshape(-1, width) == v[::width, None]).all() for v in values
        ):
            return width
    return 1


def _listed(out: Tables, kind: str, name: str, values: np.ndarray, width: int) -> str:
    """A number, or the place in a table of them."""
    if (values == values[0]).all():
        return real(float(values[0])) if kind == "float" else f"({int(values[0])})"
    written = out.table(kind, name, values[::width])
    return f"{written}[raw]" if width == 1 else f"{written}[raw / {width}]"
