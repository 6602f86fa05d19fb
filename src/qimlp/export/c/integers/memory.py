"""Where the integer code holds what it computes."""

from __future__ import annotations

from math import prod

import numpy as np

from qimlp.export.c.integers.network import IntegerLayer, IntegerNetwork, Integers


def layout(layer: IntegerLayer) -> tuple[int, ...]:
    """Strides of a layer's input by mode: the mode that is contracted first lies together.

    Args:
        layer: Quantised.

    Returns:
        Of each mode, the distance of neighbours.
    """
    strides = [0] * len(layer.in_dims)
    for place, mode in enumerate(layer.order):
        strides[mode] = prod(layer.in_dims[m] for m in layer.order[:place])
    return tuple(strides)


def laid_order(network: IntegerNetwork) -> Integers:
    """Number of the raw feature at each place of the first layer's input.

    Args:
        network: Quantised.

    Returns:
        Of shape (features,).
    """
    first = network.layers[0]
    places = np.zeros(first.in_dims, np.int64)
    for stride, digit in zip(layout(first), np.indices(first.in_dims), strict=True):
        places += stride * digit
    laid = np.argsort(places.ravel())
    return laid if network.order is None else np.array(network.order)[laid]


def rests(layer: IntegerLayer) -> list[int]:
    """Count what is left behind each step, for one output of all modes so far.

    Args:
        layer: Quantised.

    Returns:
        Of each step, elements of one copy.
    """
    dims = [layer.in_dims[mode] for mode in layer.order]
    return [prod(dims[place + 1 :]) for place in range(len(dims))]


def output_strides(network: IntegerNetwork, place: int) -> tuple[int, ...]:
    """Say where each output goes: as the next layer reads it.

    Args:
        network: Quantised.
        place: Number of the layer.

    Returns:
        Of each mode of the layer, the distance of neighbours.
    """
    layer = network.layers[place]
    if place + 1 < len(network.layers):
        following = network.layers[place + 1]
        if following.in_dims == layer.out_dims:
            return layout(following)
    dims = layer.out_dims
    return tuple(prod(dims[mode + 1 :]) for mode in range(len(dims)))


def memory(network: IntegerNetwork, *, entered: bool) -> tuple[str, int]:
    """Declare what is held during a call.

    Args:
        network: Quantised.
        entered: Whether the first layer's input is held, too.

    Returns:
        Members of a struct, and its size in bytes.
    """
    kind, width = ("uint8_t", 1) if network.activations == "i8" else ("int16_t", 2)
    sizes = [0, 0]
    if entered:
        sizes[0] = network.layers[0].in_features
    for place, layer in enumerate(network.layers[:-1]):
        side = (place + 1) % 2
        sizes[side] = max(sizes[side], layer.out_features)
    nested = [layer for layer in network.layers if len(layer.in_dims) > 1]
    row = max([_row_length(layer) for layer in nested], default=0)
    sums = max([max(rests(layer)[0], _last_outs(layer)) for layer in nested], default=0)
    sums += sums % 2
    members, total = [], 0
    if sums:
        members.append(f"    int32_t sums[{sums}];\n")
        members.append(
            f"#if defined(__ARM_ARCH_6M__)\n    int32_t row[{row}];\n#else\n"
            f"    int16_t row[{row}];\n#endif\n"
        )
        total += 4 * sums + 2 * row
    for step in range(max([len(layer.in_dims) - 2 for layer in nested], default=0)):
        held = max(
            layer.rank * rests(layer)[step] for layer in nested if len(layer.in_dims) > step + 2
        )
        members.append(f"    int16_t t{step}[{held}];\n")
        total += 2 * held
    for side, letter in enumerate("ab"):
        if sizes[side]:
            members.append(f"    {kind} {letter}[{sizes[side]}];\n")
            total += width * sizes[side]
    if not members:
        members.append("    char none; /* nothing is held */\n")
        total = 1
    return "".join(members), (total + 3) // 4 * 4 if sums else total


def _last_outs(layer: IntegerLayer) -> int:
    return layer.out_dims[layer.order[-1]]


def _row_length(layer: IntegerLayer) -> int:
    """Elements of the row that holds a row of a factor and what it makes, by whole fours."""
    behind, dims = rests(layer)[-2], [layer.in_dims[mode] for mode in layer.order]
    held = [-(-layer.rank * behind // 4) * 4]
    for step, length in enumerate(dims[:-1]):
        moved = (layer.rank - 1) * behind if step == len(dims) - 2 else 0
        held.append(-(-moved // 4) * 4 + -(-length // 4) * 4)
    return max(held)
