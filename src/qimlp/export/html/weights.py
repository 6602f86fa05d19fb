"""Networks as a page holds them: sizes in JSON, and all numbers in one text."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qimlp.export.c.indices import nested_loops
from qimlp.export.description import Description, Layer
from qimlp.models import TableNetwork

_LARGEST = float(np.finfo(np.float32).max)


@dataclass
class PageNetwork:
    """What a page's JavaScript makes a network of.

    Attributes:
        sizes: Its part of the page's data: `layers`, or `members` of a network for tables.
        multiply_adds: Of one answer, activations and biases left aside.
        arrays: Its numbers, in the order in which they are read.
    """

    sizes: dict[str, Any] = field(default_factory=dict)
    multiply_adds: int = 0
    arrays: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def parameters(self) -> int:
        """Count the numbers."""
        return sum(array.size for array in self.arrays)

    def add(self, array: ArrayLike) -> None:
        """Append numbers.

        Args:
            array: Of any shape.

        Raises:
            ValueError: If one is beyond what `float32` holds.
        """
        values = np.asarray(array, dtype=np.float64).ravel()
        if not (np.abs(values) <= _LARGEST).all():
            raise ValueError(
                "the network's weights hold numbers that are not finite in float32; train it anew"
            )
        self.arrays.append(values.astype(np.float32))

    def text(self) -> str:
        """Give all numbers as little-endian `float32` in base64."""
        parts = [array.astype("<f4").tobytes() for array in self.arrays]
        return base64.b64encode(b"".join(parts)).decode()


def page_layers(described: Description) -> PageNetwork:
    """Lay out layers one after the other.

    Args:
        described: From `describe`.

    Returns:
        The network.

    Raises:
        ValueError: If a weight is not finite in `float32`.
    """
    page = PageNetwork()
    page.sizes["layers"] = [_layer(page, layer) for layer in described.layers]
    return page


def _layer(page: PageNetwork, layer: Layer) -> list[Any]:
    shape = layer.shape
    ins, outs = shape.in_dims, shape.out_dims
    # The one order of modes with the fewest multiply-adds, by exchanging neighbours.
    order = sorted(range(len(ins)), key=lambda m: (1 / ins[m] - 1 / outs[m], m))
    sizes = list(ins)
    for m in order:
        page.multiply_adds += shape.rank * prod(sizes) * outs[m]
        sizes[m] = outs[m]
    for factor in layer.factors:
        page.add(factor)
    bias = None
    if layer.bias_factors is not None:
        bias = "kronecker"
        for vector in layer.bias_factors:
            page.add(vector)
    elif layer.bias is not None:
        bias = "dense"
        page.add(layer.bias)
    return [list(ins), list(outs), shape.rank, order, bias, layer.activation]


def page_members(network: TableNetwork) -> PageNetwork:
    """Lay out a network for tables.

    Args:
        network: On any device.

    Returns:
        The network.

    Raises:
        ValueError: If a weight is not finite in `float32`.
    """
    config = network.config
    page = PageNetwork()
    embedding = network.embedding
    named = (embedding.frequencies, embedding.weight, embedding.bias, embedding.categories)
    layers = [array for number in range(len(config["hidden"])) for array in network.layer(number)]
    skip = [network.skip] if config["linear_skip"] else []
    for array in (*named, *layers, network.head, network.head_bias, *skip):
        if array is not None:
            page.add(array.detach().cpu().double().numpy())
    page.sizes["members"] = {
        "numbers": config["num_numbers"],
        "values": config["cardinalities"],
        "embedding": config["embedding_dim"],
        "frequencies": config["frequencies"],
        "hidden": config["hidden"],
        "rank": config["rank"],
        "members": config["members"],
        "outs": config["out_features"],
        "skip": config["linear_skip"],
        "activation": config["activation"],
        "combine": config["combine"],
    }
    page.multiply_adds = _of_members(config, network.in_features)
    return page


def _of_members(config: dict[str, Any], columns: int) -> int:
    """Multiply-adds of a network for tables."""
    width, outs = config["embedding_dim"], config["out_features"]
    numbers = config["num_numbers"]
    embedded = numbers * (2 * config["frequencies"] + 1) * width
    sizes = (columns, width)
    each = 0
    for new in config["hidden"]:
        mixed = prod(sizes) * config["rank"] * new[1]
        each += mixed + sizes[0] * config["rank"] * new[0] * new[1]
        sizes = tuple(new)
    each += prod(sizes) * outs
    skip = (numbers + (columns - numbers) * width) * outs if config["linear_skip"] else 0
    return int(embedded + config["members"] * each + skip)


def page_scaling(
    shift: NDArray[Any], scale: NDArray[Any], order: Sequence[int] | None, width: int
) -> list[Any]:
    """Describe how raw features become a network's inputs.

    Args:
        shift: One number or one for each raw feature.
        scale: As many.
        order: Numbers of the raw features in the network's order, or None.
        width: Number of features.

    Returns:
        Data for the page: as few shifts and scales as groups of features that lie side by side.
    """
    groups = _groups(shift, scale)
    step = len(shift) // groups
    places: list[Any] = [[width, 1]]
    if order is not None:
        places = [list(loop) for loop in nested_loops(order) or ()] or list(order)
    return [shift[::step].tolist(), scale[::step].tolist(), width, places]


def _groups(shift: NDArray[Any], scale: NDArray[Any]) -> int:
    """The fewest groups of neighbours that share both numbers, all of one size."""
    width = len(shift)
    small = [n for n in range(1, isqrt(width) + 1) if width % n == 0]
    for groups in sorted({*small, *(width // n for n in small)}):
        step = width // groups
        if all((v == np.repeat(v[::step], step)).all() for v in (shift, scale)):
            return groups
    return width
