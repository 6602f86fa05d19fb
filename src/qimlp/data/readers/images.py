"""Decode image files to channel-first 8-bit pixels."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.data.extras import import_extra
from qimlp.data.readers.error_messages import unreadable

_AS_8_BIT = {"1": "L", "P": "RGB"}
"""Modes (bits, palette) that convert without loss."""


def decode_image(encoded: bytes, place: str) -> NDArray[np.uint8]:
    """Decode one PNG, JPEG or other image.

    Args:
        encoded: Content of the image file.
        place: File, or file and row, for messages.

    Returns:
        Pixels (H, W) of a grey image, (3, H, W) of a colour one.

    Raises:
        ValueError: The bytes are no whole image, or the image is neither 8-bit grey nor RGB.
    """
    image_module = import_extra("PIL.Image")
    try:
        with image_module.open(io.BytesIO(encoded)) as image:
            mode = image.mode
            pixels = np.asarray(image.convert(_AS_8_BIT[mode]) if mode in _AS_8_BIT else image)
    except image_module.UnidentifiedImageError as error:  # its message is of an address
        raise unreadable(place, "an image", ValueError("no known image format")) from error
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error) as error:
        raise unreadable(place, "an image", error) from error
    if mode in ("1", "L"):
        return pixels
    if mode in ("P", "RGB"):
        return pixels.transpose(2, 0, 1)
    raise ValueError(
        f"{place}: expected an 8-bit grey or RGB image, got mode {mode}: convert it first"
    )


def stack_images(
    encoded: Iterable[tuple[str, bytes]], count: int, shape: tuple[int, ...] | None = None
) -> NDArray[np.uint8]:
    """Decode images of one shape into one array.

    Args:
        encoded: ``count`` pairs of place (for messages) and file content; read one at a time.
        count: Number of images.
        shape: Shape that each must have; the first one's by default.

    Returns:
        Pixels (count, *shape).

    Raises:
        ValueError: An image cannot be decoded or has another shape.
    """
    first = "the first image"
    stacked: NDArray[Any] | None = None if shape is None else np.empty((count, *shape), np.uint8)
    for row, (place, content) in enumerate(encoded):
        pixels = decode_image(content, place)
        if stacked is None:
            first, stacked = place, np.empty((count, *pixels.shape), np.uint8)
        if pixels.shape != stacked.shape[1:]:
            raise ValueError(
                f"{place}: expected an image of shape {stacked.shape[1:]}, as {first} has, got "
                f"{pixels.shape}: bring all images to one size and colour mode"
            )
        stacked[row] = pixels
    return np.empty((0,), np.uint8) if stacked is None else stacked
