"""Integers behind an activation: their unit by the least squared error, and the table of 65."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from qimlp.export.c.integers.network import FINE_BITS, Activation, Rescale
from qimlp.export.description import ACTIVATIONS, Array

_FLOORS = {"gelu": -0.17, "silu": -0.2785, "relu": 0.0}
_REACH = {"gelu": 4.25, "silu": 9.0, "tanh": 4.25}
_INTERVALS = 64
_MOST_STEP_BITS = 15
_MARGIN_16 = 1.25  # 16 bits have room for values that no example reached
_ROOM = 0.49  # ratios of `Rescale` lie below 1/2


Judge: TypeAlias = Callable[[Array], float]

JUDGED = 128
"""Examples that choices are judged by."""

_PARTS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5)  # of the largest value


def quantised_activation(
    name: str, sums: Array, unit: float, bits: str, judge: Judge
) -> Activation:
    """Choose how the outputs of a layer are held.

    Args:
        name: Of the activation.
        sums: What it is applied to, of examples.
        unit: Value of a unit of the accumulator.
        bits: `"i8"` or `"i16"`.
        judge: See `range8`.

    Returns:
        The activation in integers.
    """
    outputs = ACTIVATIONS[name](sums)
    if bits == "i16":
        least, most, zero = -32767, 32767, 0
        scale = float(np.abs(outputs).max()) * _MARGIN_16 / most
        if name == "tanh":
            scale = 1.0 / most
    else:
        least, most = -128, 127
        scale, zero = range8(outputs, judge, _FLOORS.get(name))
    scale = max(scale, 1e-30)
    fine = FINE_BITS[bits]
    while fine and (unit * 2**fine / scale > _ROOM or _step_bits(name, scale, fine) > 15):
        fine -= 1
    if (rough := max(unit / _ROOM, _least_unit(name)) * 2**fine) > scale:
        if bits == "i8":
            zero = round(least + (zero - least) * scale / rough)
        scale = rough
    step_bits = _step_bits(name, scale, fine)
    return Activation(
        name=name,
        rescale=Rescale.of(unit * 2**fine / scale),
        fine_bits=fine,
        table=_table(name, scale / 2**fine, step_bits),
        step_bits=step_bits,
        zero=zero,
        scale=scale,
        least=least,
        most=most,
    )


def range8(values: Array, judge: Judge, floor: float | None = None) -> tuple[float, int]:
    """Choose unit and zero of 8 bits so that the network's outputs stay what they were.

    Clipping large values leaves more units for the small ones; how much of that is best is tried.

    Args:
        values: Of examples, of shape (n, features).
        judge: Squared error of the outputs from the first of the values as they are held.
        floor: Least value to hold; by default it is clipped, too.

    Returns:
        Value of a unit, and what stands for 0.
    """
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    some = values[:JUDGED]
    found = []
    for part in _PARTS:
        bottom = max(low * part if floor is None else floor, low)
        unit = max((high * part - bottom) / 255, 1e-30)
        zero = int(np.clip(round(-128 - bottom / unit), -128, 127))
        held = (np.clip(np.round(some / unit) + zero, -128, 127) - zero) * unit
        found.append((judge(held), unit, zero))
    _, unit, zero = min(found)
    return unit, zero


def _least_unit(name: str) -> float:
    """The least unit with which a table reaches far enough."""
    return float(_REACH.get(name, 0.0) / _INTERVALS / 2**_MOST_STEP_BITS)


def _step_bits(name: str, scale: float, fine: int) -> int:
    reach = _REACH.get(name)
    if reach is None:
        return 0
    return max(0, math.ceil(math.log2(reach / _INTERVALS * 2**fine / scale)))


def _table(name: str, unit: float, step_bits: int) -> tuple[int, ...]:
    part = _TABLED.get(name)
    if part is None:
        return ()
    at = np.linspace(0.0, _INTERVALS * 2.0**step_bits * unit, _INTERVALS + 1)
    entries = np.rint(part(at) / unit).astype(np.int64)
    if entries.max() > 65535:  # a unit is at least 1/32767 of the largest output of an example
        raise ValueError(
            f"calibration: the examples hardly move the outputs of {name}, which integers are "
            "fitted to; give rows that differ, such as the train part"
        )
    return tuple(entries.tolist())


_TABLED: dict[str, Callable[[Array], Array]] = {
    "gelu": lambda u: u - ACTIVATIONS["gelu"](u),
    "silu": lambda u: u - ACTIVATIONS["silu"](u),
    "tanh": np.tanh,
}
