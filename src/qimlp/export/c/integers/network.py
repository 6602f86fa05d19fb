"""A quantised network: the numbers that its C code holds, and what they mean.

All arithmetic is on integers. With `hi(a * m)` for the high word of the signed 64-bit product and
`>>` for division by a power of two that rounds down, a layer computes

    acc[c, o]  = start - (zero * sum(w[c, o]) >> zero_bits) + sum(w[c, o] * x)   first mode
    t[c, o]    = clamp(hi(acc[c, o] * multiplier[c]) >> shift[c], limit)         behind each mode
    acc        = bias + sum over copies and the last mode of w * t               last mode
    p          = hi((acc + start) * multiplier) >> shift                         in fine units
    y          = f(p), rounded, moved by `zero` and clamped                      see `Activation`

`start` is half a unit of the result in units of `acc`, so that rounding down rounds to nearest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = NDArray[np.int64]

FINE_BITS = {"i8": 4, "i16": 0}
"""Bits behind the binary point of the units that an activation is computed in, at most."""


@dataclass(frozen=True)
class Rescale:
    """A ratio below 1/2 as `multiplier / 2^(32 + shift)`.

    Attributes:
        multiplier: Even, from 2^30 to 2^31 - 2, save for ratios below 2^-32.
        shift: From 0 to 31.
        start: Half a unit of the result.
    """

    multiplier: int
    shift: int
    start: int

    @classmethod
    def of(cls, ratio: float) -> Rescale:
        """Write a ratio.

        Args:
            ratio: Above 0 and below 1/2.

        Returns:
            The ratio to 30 bits.
        """
        shift = min(31, max(0, int(-np.floor(np.log2(ratio))) - 2))
        multiplier = min(2**31 - 2, 2 * round(ratio * 2.0 ** (31 + shift)))
        return cls(multiplier, shift, round(0.5 / ratio))


@dataclass(frozen=True, eq=False)
class Activation:
    """What turns an accumulator into the next layer's input.

    With p in units of `scale / 2^fine_bits`, u = |p| and d the table, interpolated linearly between
    its 65 entries, which lie 2^step_bits units apart (the last holds beyond):

        gelu, silu:  y = max(p, 0) - d(u), since x * g(x) - max(x, 0) is even
        tanh:        y = sign(p) * d(u)
        relu:        y = max(p, 0)
        identity:    y = p

    and the result is `clamp(y / 2^fine_bits, rounded, + zero)`.

    Attributes:
        name: Of the function.
        rescale: From the accumulator to p.
        fine_bits: See above.
        table: 65 entries; none for `relu` and `identity`.
        step_bits: See above.
        zero: What stands for 0.
        scale: Value of a unit of the result.
        least: Least result.
        most: Largest result.
    """

    name: str
    rescale: Rescale
    fine_bits: int
    table: tuple[int, ...]
    step_bits: int
    zero: int
    scale: float
    least: int
    most: int


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """One layer.

    Attributes:
        in_dims: Bodies of the input.
        out_dims: Bodies of the output.
        order: The modes in the order in which they are contracted.
        weights: Of each step, of shape (out, rank, in); of 4 bits as multiples of 16.
        between: Of each step but the last, one rescaling for each copy.
        limit: Largest absolute value between the steps.
        zero: What stands for 0 in the input, times 2^zero_bits.
        zero_bits: See `zero`.
        bias: Two vectors whose outer product is the bias, with outputs in the order of `order`
            (the first mode slowest); or one vector.
        scale: Value of a unit of the last accumulator.
        bytes_in: Whether the input has 8 bits, else 16.
        activation: What comes behind; None for the last layer.
    """

    in_dims: tuple[int, ...]
    out_dims: tuple[int, ...]
    order: tuple[int, ...]
    weights: tuple[Integers, ...]
    between: tuple[tuple[Rescale, ...], ...]
    limit: int
    zero: int
    zero_bits: int
    bias: tuple[Integers, ...]
    scale: float
    bytes_in: bool
    activation: Activation | None

    @property
    def rank(self) -> int:
        """Number of copies."""
        return int(self.weights[0].shape[1])

    @property
    def in_features(self) -> int:
        """Width of the input."""
        return prod(self.in_dims)

    @property
    def out_features(self) -> int:
        """Width of the output."""
        return prod(self.out_dims)

    @property
    def multiply_adds(self) -> int:
        """Of all mode products."""
        return mode_products(self.in_dims, self.out_dims, self.rank, self.order)

    @property
    def full_bias(self) -> Integers:
        """The bias as the accumulator takes it, outputs in the order of `order`."""
        if len(self.bias) == 1:
            return self.bias[0]
        return np.outer(*self.bias).ravel()


@dataclass(frozen=True, eq=False)
class Entry:
    """How raw examples become integers.

    Attributes:
        kind: `"pixels"`: raw bytes less 128, or (of 16 bits) times 128 less `zero`; `"bytes"`: raw
            bytes times `multipliers` plus `offsets`, divided by 2^`bits`, rounded down, plus
            `least`; `"floats"`: numbers less `shift` times `factor` plus `zero`, rounded.
        zero: What stands for the shift.
        scale: Value of a unit, in the units of the network's input.
        least: Least integer.
        most: Largest integer.
        shift: Subtracted from raw numbers; one or one for each feature.
        factor: What the difference is multiplied by; as many.
        multipliers: See `kind`; one or one for each feature.
        offsets: As many.
        bits: See `kind`.
    """

    kind: str
    zero: float
    scale: float
    least: int
    most: int
    shift: NDArray[np.float32] = field(default_factory=lambda: np.zeros(1, np.float32))
    factor: NDArray[np.float32] = field(default_factory=lambda: np.ones(1, np.float32))
    multipliers: Integers = field(default_factory=lambda: np.ones(1, np.int64))
    offsets: Integers = field(default_factory=lambda: np.zeros(1, np.int64))
    bits: int = 14


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """All that the C code computes with.

    Attributes:
        entry: From raw examples to integers.
        layers: From the input to the output.
        order: Numbers of the raw features in the network's order, or None.
        weights: `"i8"` or `"i4"`.
        activations: `"i8"` or `"i16"`.
    """

    entry: Entry
    layers: tuple[IntegerLayer, ...]
    order: tuple[int, ...] | None
    weights: str
    activations: str


def mode_products(
    in_dims: tuple[int, ...], out_dims: tuple[int, ...], rank: int, order: tuple[int, ...]
) -> int:
    """Count multiply-adds.

    Args:
        in_dims: Bodies of the input.
        out_dims: Bodies of the output.
        rank: Number of copies.
        order: The modes in the order in which they are contracted.

    Returns:
        Those of all mode products.
    """
    dims, total = list(in_dims), 0
    for mode in order:
        total += rank * prod(dims) * out_dims[mode]
        dims[mode] = out_dims[mode]
    return total
