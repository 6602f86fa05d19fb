"""Images on a page: which numbers are dark and bright, and examples to begin with."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qimlp.export.description import Description

_BRIGHTEST = (1.0, 16.0, 255.0)
"""What white is in data that is met: floats, the digits of scikit-learn, bytes."""
_GREY, _COLOUR = 1, 3


class Picture(NamedTuple):
    """The images that a network takes.

    Attributes:
        channels: 1 or 3.
        height: In pixels.
        width: In pixels.
        low: What black is.
        high: What white is.
        dark: Whether images are bright on a dark ground.
    """

    channels: int
    height: int
    width: int
    low: float
    high: float
    dark: bool


def page_picture(described: Description, kind: str, rows: NDArray[np.float64] | None) -> Picture:
    """Describe the images that a network takes.

    Args:
        described: Its description.
        kind: Of its scaling, which may know the range.
        rows: Raw examples of shape (n, features), or None.

    Returns:
        Their size and range.

    Raises:
        ValueError: If they have other channels than grey or three colours.
    """
    channels, height, width = (_GREY, *described.feature_shape)[-3:]
    if len(described.feature_shape) > 3 or channels not in (_GREY, _COLOUR):
        raise ValueError(
            "expected images of 1 or 3 channels for a page, got examples of shape "
            f"{described.feature_shape}; export it as onnx, c or program"
        )
    low, high, mean = _levels(described, kind, rows)
    dark = (mean - low) < (high - low) / 2
    return Picture(channels, height, width, low, high, channels == _GREY and dark)


def _levels(
    described: Description, kind: str, rows: NDArray[np.float64] | None
) -> tuple[float, float, float]:
    """Black, white and the mean of images."""
    shift, scale = float(described.shift.mean()), float(described.scale.mean())
    if rows is not None and len(rows):
        low, high, mean = float(rows.min()), float(rows.max()), float(rows.mean())
        if low < 0:
            return low, high, mean
        return 0.0, min((b for b in _BRIGHTEST if b >= high), default=high), mean
    if kind == "unit":
        return shift, shift + scale, shift
    if kind == "symmetric":
        return shift - scale, shift + scale, shift - scale
    if kind == "none":
        return 0.0, 255.0, 0.0
    bright = shift + 2.5 * scale
    return 0.0, min(_BRIGHTEST, key=lambda b: abs(log(max(bright, 1e-9) / b))), shift


def thumbnails(picture: Picture, rows: NDArray[np.float64], chosen: Sequence[int]) -> list[str]:
    """Write examples as pictures that a page can show.

    Args:
        picture: From `page_picture`.
        rows: Raw examples of shape (n, features).
        chosen: Which of them.

    Returns:
        PNG files as `data:` addresses.
    """
    low, high = picture.low, picture.high
    levels = np.clip(np.rint((rows[list(chosen)] - low) / (high - low) * 255), 0, 255)
    size = (len(chosen), *picture[:3])
    pixels = levels.astype(np.uint8).reshape(size).transpose(0, 2, 3, 1)
    return [_png(image) for image in pixels]


def _png(image: NDArray[np.uint8]) -> str:
    """A PNG of (height, width, channels) bytes."""
    height, width, channels = image.shape
    colour = 0 if channels == _GREY else 2
    header = struct.pack(">2I5B", width, height, 8, colour, 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in image)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return "data:image/png;base64," + base64.b64encode(content).decode()
