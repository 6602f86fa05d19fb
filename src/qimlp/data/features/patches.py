"""Orders of pixels: in patches, and column by column.

In patches every body of a layer is a box of the image at one scale.

Read row by row, a body of a three-body layer cuts through rows: 784 = 7 * 7 * 16 has bodies that
start in the middle of a row of 28 pixels. Here the first bodies say in which part of the image a
pixel lies and the last one where it lies in its patch, as (7, 7, 16) with 7 bands of rows, 7 of
columns and patches of 4 x 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from math import log, prod

import torch
from torch import Tensor

Box = tuple[int, int]


def patch_order(feature_shape: Sequence[int], dims: Sequence[int]) -> Tensor:
    """Order pixels from coarse to fine, one body a scale.

    Each body is a box of rows times columns; the first one also holds all channels, which stay
    in their places. Of all such splits the one with the squarest boxes is taken.

    Args:
        feature_shape: `(H, W)` or `(C, H, W)`.
        dims: Sizes of the bodies of the network's input.

    Returns:
        (features,) `int64`: the pixels' present numbers in their new order.

    Raises:
        ValueError: The features are no image, or no such split exists.
    """
    channels, height, width = _image("patches", feature_shape)
    boxes = _squarest(channels, height, width, tuple(dims))
    if boxes is None:
        raise ValueError(
            f"order: bodies {'x'.join(map(str, dims))} cannot be boxes of an image of "
            f"{channels} x {height} x {width}; set order to none, or give dims whose first is a "
            f"multiple of {channels}"
        )
    rows, columns = [h for h, _ in boxes], [w for _, w in boxes]
    bodies = len(boxes)
    pixels = torch.arange(channels * height * width).view(channels, *rows, *columns)
    pairs = [axis for body in range(bodies) for axis in (1 + body, 1 + bodies + body)]
    return pixels.permute(0, *pairs).flatten()


def column_order(feature_shape: Sequence[int]) -> Tensor:
    """Read an image column by column: the first bodies divide its columns, the last its rows.

    Args:
        feature_shape: `(H, W)` or `(C, H, W)`; channels stay in their places.

    Returns:
        (features,) `int64`: the pixels' present numbers in their new order.

    Raises:
        ValueError: The features are no image.
    """
    channels, height, width = _image("columns", feature_shape)
    pixels = torch.arange(channels * height * width).view(channels, height, width)
    return pixels.transpose(1, 2).flatten()


def _image(order: str, feature_shape: Sequence[int]) -> tuple[int, int, int]:
    if len(feature_shape) not in (2, 3):
        raise ValueError(
            f"order: {order} are for images of shape (H, W) or (C, H, W), and an example has shape "
            f"{tuple(feature_shape)}; set order to none or spectral"
        )
    channels, height, width = (1, *feature_shape)[-3:]
    return channels, height, width


@lru_cache(maxsize=64)
def _squarest(
    channels: int, height: int, width: int, dims: tuple[int, ...]
) -> tuple[Box, ...] | None:
    if prod(dims) != channels * height * width or dims[0] % channels:
        return None
    areas = (dims[0] // channels, *dims[1:])
    fitting = [
        boxes
        for boxes in product(*map(_boxes, areas))
        if prod(h for h, _ in boxes) == height and prod(w for _, w in boxes) == width
    ]
    return min(fitting, key=lambda boxes: sum(abs(log(h / w)) for h, w in boxes), default=None)


def _boxes(area: int) -> Iterator[Box]:
    """Boxes of an area, tall ones last: of two equally square splits rows are cut later."""
    return ((h, area // h) for h in range(area, 0, -1) if area % h == 0)
