"""Weights as bytes: signed numbers of 8 or 4 bits, moved so that all bytes are unsigned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pack_i8(values: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Hold numbers of 8 bits.

    Args:
        values: From -128 to 127, of any shape.

    Returns:
        Each number plus 128.
    """
    return (values.ravel() + 128).astype(np.uint8)


def pack_i4(values: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Hold numbers of 4 bits, two in a byte.

    Args:
        values: From -8 to 7; each row along the last axis begins with a new byte.

    Returns:
        Each number plus 8; the first of two in the upper half of a byte.
    """
    rows = values.reshape(-1, values.shape[-1]) + 8
    if rows.shape[1] % 2:
        rows = np.pad(rows, ((0, 0), (0, 1)), constant_values=8)
    return (rows[:, 0::2] * 16 + rows[:, 1::2]).astype(np.uint8).ravel()


def row_bytes(length: int, weights: str) -> int:
    """Size of a row of weights.

    Args:
        length: Numbers in it.
        weights: `"i8"` or `"i4"`.

    Returns:
        Bytes.
    """
    return length if weights == "i8" else (length + 1) // 2
