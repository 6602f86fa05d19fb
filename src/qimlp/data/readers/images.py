"""Decode image files to channel-first 8-bit pixels."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.data.extras import import_extra

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What Pillow may take a file for, whatever its name ends in: others run programs, such as EPS."""

MOST_PIXELS = 2**26
"""The largest image that is decoded: 8,192 x 8,192 pixels, which take up to 1 GiB on the way."""

_ORIENTATION = 0x0112  # an EXIF field
_OPAQUE = {"1": "L", "CMYK": "RGB", "L": "L", "P": "RGB", "RGB": "RGB", "YCbCr": "RGB"}
"""Modes that are read, and the mode that they become."""
_TRANSPARENT = {"1": "LA", "L": "LA", "LA": "LA", "P": "RGBA", "PA": "RGBA"} | dict.fromkeys(
    ("RGB", "RGBA"), "RGBA"
)
"""The same for those that say how transparent a pixel is."""
# What a decoder raises on damaged bytes, as fuzzing finds.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def decode_image(
    encoded: bytes,
    place: str,
    changes: Counter[str] | None = None,
    size: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    """Decode one PNG, JPEG or other image as viewers show it.

    It is turned as its EXIF orientation says, what is transparent is laid on white, and of several
    frames the first is read.

    Args:
        encoded: Content of the image file.
        place: File, or file and row, for messages.
        changes: Counts images that were laid on white, whose colours were converted or whose size
            was changed; see `change_notes`.
        size: Height and width to bring it to; its own by default.

    Returns:
        Pixels (H, W) of a grey image, (3, H, W) of a colour one.

    Raises:
        ValueError: The bytes are no whole image of one of `FORMATS`, the image is too large,
            or its pixels are not 8-bit.
    """
    module = import_extra("PIL.Image")
    try:
        with warnings.catch_warnings(), io.BytesIO(encoded) as file:
            warnings.simplefilter("ignore")  # of odd files: what matters is an error here
            image = module.open(file, formats=FORMATS)
            _check_size(image.width * image.height, place)
            if changes is not None and any(";16" in str(tile[3]) for tile in image.tile):
                changes["16-bit colours read as 8-bit ones"] += image.mode in _OPAQUE
            image.load()
            image = _upright(image, module)
            found = _pixels(image, place, changes, module)
            return found if size is None else _resized(found, size, changes, module)
    except _RefusedError:
        raise
    except module.DecompressionBombError as error:  # far larger: Pillow looks itself
        pixels = re.search(r"\((\d+) pixels\)", str(error))
        raise _too_large(f"{int(pixels[1]):,} pixels" if pixels else "more", place) from error
    except module.UnidentifiedImageError as error:  # an OSError
        raise ValueError(
            f"{place}: cannot be read as an image (formats read: {', '.join(FORMATS)}): no known "
            "image format"
        ) from error
    except _DAMAGE as error:
        raise ValueError(
            f"{place}: cannot be read as an image (empty, truncated or corrupt?)"
        ) from error


def image_size(encoded: bytes, place: str) -> tuple[int, int]:
    """Measure an image as viewers show it.

    Args:
        encoded: Content of the image file.
        place: File, or file and row, for messages.

    Returns:
        Height and width.

    Raises:
        ValueError: It cannot be decoded.
    """
    height, width = decode_image(encoded, place).shape[-2:]
    return height, width


def _resized(
    pixels: NDArray[np.uint8], size: tuple[int, int], changes: Counter[str] | None, module: Any
) -> NDArray[np.uint8]:
    if pixels.shape[-2:] == size:
        return pixels
    if changes is not None:
        changes[f"another size, brought to {size[0]} x {size[1]}"] += 1
    channels = pixels.reshape(-1, *pixels.shape[-2:])
    new = [
        np.asarray(module.fromarray(channel).resize(size[::-1], module.Resampling.BILINEAR))
        for channel in channels
    ]
    return np.stack(new) if pixels.ndim == 3 else new[0]


class _RefusedError(ValueError):
    """A whole image that is not read; passes the net for damaged ones."""


def _check_size(pixels: int, place: str) -> None:
    if pixels > MOST_PIXELS:
        raise _too_large(f"{pixels:,} pixels", place)


def _too_large(size: str, place: str) -> _RefusedError:
    return _RefusedError(
        f"{place}: expected an image of at most {MOST_PIXELS:,} pixels, got {size}: make it "
        "smaller first"
    )


def _upright(image: Any, module: Any) -> Any:
    """Turn an image as its EXIF orientation says; a damaged EXIF block says nothing."""
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except _DAMAGE:
        return image
    turn = module.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    if isinstance(orientation, int) and orientation in turns:
        return image.transpose(turns[orientation])
    return image


def _pixels(image: Any, place: str, changes: Counter[str] | None, module: Any) -> NDArray[np.uint8]:
    kinds = _TRANSPARENT if image.has_transparency_data else _OPAQUE
    if image.mode not in kinds:
        raise _RefusedError(
            f"{place}: expected an 8-bit grey or RGB image, got mode {image.mode}: convert it first"
        )
    if changes is not None and image.mode in ("CMYK", "YCbCr"):
        changes[f"{image.mode} colours converted to RGB"] += 1
    converted = image if image.mode == kinds[image.mode] else image.convert(kinds[image.mode])
    if image.has_transparency_data:
        alpha = converted.getchannel("A")
        if changes is not None and alpha.getextrema()[0] < 255:
            changes["transparent pixels laid on white"] += 1
        grey = converted.mode == "LA"
        white = module.new("L" if grey else "RGB", image.size, 255 if grey else (255,) * 3)
        white.paste(converted.getchannel("L") if grey else converted, mask=alpha)
        converted = white
    pixels = np.asarray(converted)
    return pixels if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def change_notes(changes: Counter[str], origin: str) -> tuple[str, ...]:
    """Say what was changed on images.

    Args:
        changes: From `decode_image`.
        origin: File or folder.

    Returns:
        One line for each kind of change.
    """
    counts = [(what, f"{n:,} image{'' if n == 1 else 's'}") for what, n in changes.items() if n]
    return tuple(f"{origin}: {count} with {what}" for what, count in counts)


def stack_images(
    encoded: Iterable[tuple[str, bytes]],
    count: int,
    shape: tuple[int, ...] | None = None,
    changes: Counter[str] | None = None,
    size: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    """Decode images of one shape into one array.

    Args:
        encoded: `count` pairs of place (for messages) and file content; read one at a time.
        count: Number of images.
        shape: Shape that each must have; the first one's by default.
        changes: Counts images that were changed; see `decode_image`.
        size: Height and width to bring them to; their own by default.

    Returns:
        Pixels (count, *shape).

    Raises:
        ValueError: An image cannot be decoded or has another shape.
    """
    first = "the first image"
    stacked: NDArray[Any] | None = None if shape is None else np.empty((count, *shape), np.uint8)
    for row, (place, content) in enumerate(encoded):
        pixels = decode_image(content, place, changes, size)
        if stacked is None:
            first, stacked = place, np.empty((count, *pixels.shape), np.uint8)
        if pixels.shape != stacked.shape[1:]:
            raise ValueError(
                f"{place}: expected an image of shape {stacked.shape[1:]}, as {first} has, got "
                f"{pixels.shape}: bring all images to one size (--resize) and colour mode"
            )
        stacked[row] = pixels
    return np.empty((0,), np.uint8) if stacked is None else stacked
