"""An order of features as index arithmetic where it has such a form, else as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qimlp.export.c.literals import index_type, table

_MOST_LOOPS = 6  # past that a table is read faster


@dataclass(frozen=True)
class Indices:
    """Where the network's features lie in a raw example.

    Attributes:
        code: The function `NAME_raw(k)`, and the table that it reads, if any.
        table_bytes: Size of the table.
    """

    code: str
    table_bytes: int


def nested_loops(order: Sequence[int]) -> list[tuple[int, int]] | None:
    """Find loops whose index runs through an order.

    Patches, columns and other transposes of a grid are such: `order[k]` is a sum over loops of the
    loop's counter times its stride.

    Args:
        order: Numbers of features.

    Returns:
        Length and stride of each loop, the fastest first; None where there are no such loops.
    """
    rest: NDArray[np.int64] = np.asarray(order, np.int64)
    if rest[0] != 0:
        return None
    loops = []
    while len(rest) > 1:
        length = _longest_run(rest)
        if length == 1:
            return None
        loops.append((length, int(rest[1])))
        rest = rest[::length]
    return loops


def _longest_run(order: NDArray[np.int64]) -> int:
    """Most numbers at a time that go on by the first stride, all through the order."""
    stride = order[1] - order[0]
    for length in range(len(order), 1, -1):
        if len(order) % length:
            continue
        blocks = order.reshape(-1, length)
        if (np.diff(blocks, axis=1) == stride).all():
            return length
    return 1


def indices(order: Sequence[int] | None, name: str) -> Indices | None:
    """Write the function that says where a feature lies.

    Args:
        order: Number of the raw feature for each place of the network's input, or None.
        name: Of the network.

    Returns:
        The function; None where features are read as they come.
    """
    if order is None or list(order) == list(range(len(order))):
        return None
    loops = nested_loops(order)
    head = f"static size_t {name}_raw(size_t k)\n{{\n    return "
    if loops is None or len(loops) > _MOST_LOOPS or min(stride for _, stride in loops) < 0:
        kind = index_type(len(order) - 1)
        code = table(kind, f"{name}_order", order) + f"\n{head}{name}_order[k];\n}}\n"
        return Indices(code, len(order) * {"uint8_t": 1, "uint16_t": 2, "uint32_t": 4}[kind])
    terms, below = [], 1
    for place, (length, stride) in enumerate(loops):
        digit = "k" if below == 1 else f"k / {below}U"
        digit += "" if place == len(loops) - 1 else f" % {length}U"
        terms.append(
            digit
            if stride == 1
            else f"({digit}) * {stride}U"
            if " " in digit
            else f"{digit} * {stride}U"
        )
        below *= length
    return Indices(f"{head}{' + '.join(reversed(terms))};\n}}\n", 0)
