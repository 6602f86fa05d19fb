"""From a description to integers: every layer is fitted to what the network computes in floats."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qimlp.export.c.integers.activations import JUDGED, Judge, quantised_activation, range8
from qimlp.export.c.integers.bias import quantised_bias
from qimlp.export.c.integers.factors import RoundedFactors, round_factors
from qimlp.export.c.integers.network import (
    Entry,
    IntegerLayer,
    IntegerNetwork,
    Integers,
    Rescale,
    mode_products,
)
from qimlp.export.c.integers.proof import largest_sums, require_no_overflow, zero_bits
from qimlp.export.c.integers.simulation import accumulators, activate, enter, steps
from qimlp.export.c.steps import simplified
from qimlp.export.description import ACTIVATIONS, Array, Description, Layer

_MOST_ROWS = 1024
_UNIT = {"i8": 1, "i4": 16}
_LIMIT, _LEAST_LIMIT = 32767, 511
_MARGIN = 1.3  # room above the largest sum that an example reached
_ENTRY_BITS = 14
_MOST_SEARCHED = 6  # modes; past that the last is contracted first


def quantise(
    description: Description,
    calibration: ArrayLike,
    *,
    weights: str,
    activations: str,
    pixels: bool,
) -> IntegerNetwork:
    """Quantise a network.

    Args:
        description: Of the network.
        calibration: Raw examples of the train part, of shape (n, features).
        weights: `"i8"` or `"i4"`.
        activations: `"i8"` or `"i16"`.
        pixels: Whether raw examples come as bytes, else as floats.

    Returns:
        The network in integers; its sums are proved not to overflow.

    Raises:
        ValueError: If a sum could overflow, or there is no example.
    """
    rows = np.asarray(calibration, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise ValueError(
            "expected train rows of shape (n, features) to calibrate integers on, got shape "
            f"{rows.shape}"
        )
    behind = description.layers[-1].activation
    if behind != "identity":
        raise ValueError(
            f"expected a last layer without an activation, got {behind}; take activations f32"
        )
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).astype(int)]
    exact = description.inputs(rows)
    judges = _judges(description.layers, exact[:JUDGED])
    entry = quantised_entry(description, exact, activations, pixels, judges[0])
    x = enter(entry, rows, description.order)
    zero, scale = _zero_behind(entry, activations), entry.scale
    done: list[IntegerLayer] = []
    for place, layer in enumerate(description.layers):
        last = place == len(description.layers) - 1
        fitted = _Fitted(simplified(layer), x, (zero, scale), exact, (weights, activations))
        made = fitted.layer(judges[place + 1], last=last, free_input=not done or _same(done, layer))
        done.append(made)
        exact = layer.apply(exact)
        if made.activation is not None:
            x = activate(made.activation, accumulators(made, x))
            zero, scale = float(made.activation.zero), made.activation.scale
    return IntegerNetwork(entry, tuple(done), description.order, weights, activations)


def _judges(layers: tuple[Layer, ...], exact: Array) -> list[Judge]:
    """For the input of each layer, and of what is behind the last: the error of the outputs."""

    def rest(x: Array, first: int) -> Array:
        for layer in layers[first:]:
            x = layer.apply(x)
        return x

    wanted = rest(exact, 0)

    def judge(first: int) -> Judge:
        return lambda held: float(np.square(rest(held, first) - wanted).mean())

    return [judge(first) for first in range(len(layers) + 1)]


def _same(done: list[IntegerLayer], layer: Layer) -> bool:
    return done[-1].out_dims == simplified(layer).shape.in_dims


def quantised_entry(
    description: Description, exact: Array, activations: str, pixels: bool, judge: Judge
) -> Entry:
    """Choose how raw examples become integers.

    Args:
        description: Of the network.
        exact: Scaled examples.
        activations: `"i8"` or `"i16"`.
        pixels: Whether raw examples come as bytes.
        judge: Squared error of the outputs from scaled examples as they are held.

    Returns:
        How.
    """
    shift, scale = description.shift, description.scale
    eight = activations == "i8"
    if pixels and len(shift) == 1:
        unit = 1 / float(scale[0])
        if eight:
            return Entry("pixels", float(shift[0]) - 128, unit, -128, 127)
        return Entry("pixels", float(round(float(shift[0]) * 128)), unit / 128, -32768, 32767)
    least, most = (-128, 127) if eight else (-32767, 32767)
    unit, zero = range8(exact, judge) if eight else (float(np.abs(exact).max()) * _MARGIN / most, 0)
    unit = max(unit, 1e-30)
    factor = 1 / (scale * unit)
    if pixels:
        ones = np.round(factor * 2**_ENTRY_BITS).astype(np.int64)
        moved = (zero - least + 0.5 - shift * factor) * 2**_ENTRY_BITS
        offsets = np.round(moved).astype(np.int64)
        if int((255 * np.abs(ones) + np.abs(offsets)).max()) > 2**31 - 1:
            raise ValueError(
                "expected pixels whose scale is not far below their range, which integers of "
                "32 bits hold; take floats"
            )
        return Entry(
            "bytes", zero, unit, least, most, multipliers=ones, offsets=offsets, bits=_ENTRY_BITS
        )
    single = (shift.astype(np.float32), factor.astype(np.float32))
    return Entry("floats", zero, unit, least, most, *single)


def _zero_behind(entry: Entry, activations: str) -> float:
    return entry.zero if activations == "i8" else 0.0


class _Fitted:
    """A layer on its way to integers."""

    def __init__(
        self,
        layer: Layer,
        x: Integers,
        held: tuple[float, float],
        exact: Array,
        bits: tuple[str, str],
    ) -> None:
        self.float_layer, self.x = layer, x
        self.weights, self.activations = bits
        self.zero, self.scale = held
        self.sums = Layer(layer.factors, None, layer.full_bias, "identity").apply(exact)
        inputs = np.asarray((x - self.zero) * self.scale, np.float64)
        wanted = self.sums - layer.full_bias
        self.rounded: RoundedFactors = round_factors(layer, inputs, wanted, self.weights)
        plain = Layer(tuple(self.rounded.values), None, None, "identity")
        self.drift: Array = (wanted - plain.apply(inputs)).mean(axis=0)

    def layer(self, judge: Judge, *, last: bool, free_input: bool) -> IntegerLayer:
        shape = self.float_layer.shape
        order = cheapest_order(shape.in_dims, shape.out_dims, shape.rank, free=free_input)
        unit = _UNIT[self.weights]
        ints = tuple(self.rounded.integers[mode].transpose(1, 0, 2) * unit for mode in order)
        units = [self.rounded.scales[mode] / unit for mode in order]
        bits = zero_bits(self.zero, ints[0])
        bare = IntegerLayer(
            in_dims=shape.in_dims,
            out_dims=shape.out_dims,
            order=order,
            weights=ints,
            between=(),
            limit=_LIMIT,
            zero=round(self.zero * 2**bits),
            zero_bits=bits,
            bias=(np.zeros(shape.out_features, np.int64),),
            scale=1.0,
            bytes_in=self.activations == "i8",
            activation=None,
        )
        while True:  # coarser until no sum can overflow
            between, scale = _between(bare, self.x, self.scale, units)
            bias = quantised_bias(self.float_layer, self.drift, order, scale)
            made = _with(bare, between=between, bias=bias, scale=scale)
            made = made if last else self._activated(made, judge)
            if not between or max(largest_sums(made)) < 2**31 or bare.limit <= _LEAST_LIMIT:
                break
            bare = _with(bare, limit=bare.limit // 2)
        require_no_overflow(made)
        return made

    def _activated(self, made: IntegerLayer, judge: Judge) -> IntegerLayer:
        sums = np.asarray(accumulators(made, self.x) * made.scale, np.float64)
        activation = quantised_activation(
            self.float_layer.activation, sums, made.scale, self.activations, judge
        )
        return _with(made, activation=activation)


def _with(layer: IntegerLayer, **changes: object) -> IntegerLayer:
    fields: dict[str, Any] = {**vars(layer), **changes}
    return IntegerLayer(**fields)


def _between(
    bare: IntegerLayer, x: Integers, scale: float, units: list[Array]
) -> tuple[tuple[tuple[Rescale, ...], ...], float]:
    """Choose the unit behind each step: 16 bits hold what the examples reached, and more.

    Returns:
        The rescaling behind each step but the last, and the unit of the last sums.
    """
    held = scale * units[0]  # of the present sums, of each copy
    if len(units) == 1:
        return (), float(held[0])
    between: list[tuple[Rescale, ...]] = []
    for place in range(len(units) - 1):
        partial = _with(bare, between=tuple(between), weights=bare.weights[: place + 1])
        *_, sums = steps(_with(partial, order=bare.order[: place + 1]), x)
        reached = np.abs(sums).max(axis=tuple(a for a in range(sums.ndim) if a != 1))
        target = np.maximum(reached * _MARGIN / bare.limit, 1 / 0.49) * held
        if place == len(units) - 2:
            common = float((target * units[place + 1]).max())
            target = common / np.maximum(units[place + 1], 1e-300)
        between.append(tuple(Rescale.of(float(r)) for r in held / target))
        held = target * units[place + 1]
    return tuple(between), common


def cheapest_order(
    in_dims: tuple[int, ...], out_dims: tuple[int, ...], rank: int, *, free: bool
) -> tuple[int, ...]:
    """Choose the order in which modes are contracted.

    Args:
        in_dims: Bodies of the input.
        out_dims: Bodies of the output.
        rank: Number of copies.
        free: Whether the input may be laid out as any order likes it.

    Returns:
        The order with the fewest multiply-adds; of equals, the one that begins at the end.
    """
    modes = tuple(reversed(range(len(in_dims))))
    if not free or len(in_dims) > _MOST_SEARCHED:
        return modes
    return min(permutations(modes), key=lambda order: mode_products(in_dims, out_dims, rank, order))


def real_outputs(network: IntegerNetwork, description: Description, sums: ArrayLike) -> Array:
    """Bring accumulators of the last layer to logits, or to the targets' own units.

    Args:
        network: Quantised.
        description: What it was made from.
        sums: Of shape (n, outputs).

    Returns:
        Of the same shape.
    """
    last, floats = network.layers[-1], description.layers[-1]
    values: NDArray[np.float64] = np.asarray(sums) * last.scale
    values = ACTIVATIONS[floats.activation](values)
    if description.output_scale is not None and description.output_shift is not None:
        values = values * description.output_scale + description.output_shift
    return values
